"""Replace the linear layers of a model by structured ones, in place, and report what that did."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from lowdim.papers.blast.factorize import factorize
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.layers import BlastLinear, StructuredLinear, dense_parameters
from lowdim.papers.blast.plan import Choice, Layer, Plan, Selector, survey
from lowdim.papers.blast.siblings import FAMILIES


@dataclass(frozen=True)
class Row:
    """One linear layer: its name, weight shape (out, in), what it became, and what that cost.

    ``family`` is empty for a layer that was left, and ``reason`` then says why. ``error`` is relative (Frobenius).
    """

    name: str
    shape: tuple[int, int]
    family: str = ""
    rank: int | None = None
    num_blocks: tuple[int, int] | None = None
    ratio: float = 1.0
    error: float = 0.0
    seconds: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Report:
    """A row for every linear layer of the model, and totals."""

    rows: tuple[Row, ...]

    @property
    def replaced(self) -> tuple[Row, ...]:
        """The rows of layers that were replaced."""
        return tuple(row for row in self.rows if row.family)

    @property
    def ratio(self) -> float:
        """Multiplications of all linear layers for a token, over those before."""
        before = sum(math.prod(row.shape) for row in self.rows)
        return sum(row.ratio * math.prod(row.shape) for row in self.rows) / max(1, before)

    def __str__(self) -> str:
        lines = [f"{'layer':40} {'out x in':>13} {'family':14} {'rank':>5} {'blocks':>7} {'ratio':>6} {'error':>6}"]
        for row in self.rows:
            size = f"{row.shape[0]} x {row.shape[1]}"
            if row.family:
                blocks = "x".join(map(str, row.num_blocks or ()))
                rank = "" if row.rank is None else row.rank
                text = f"{row.family:14} {rank:>5} {blocks:>7} {row.ratio:>6.3f} {row.error:>6.3f}"
            else:
                text = f"left: {row.reason}"
            lines.append(f"{row.name:40} {size:>13} {text}")
        return "\n".join([*lines, f"{len(self.replaced)} of {len(self.rows)} layers, ratio {self.ratio:.3f} in all"])


def compress_(model: nn.Module, plan: Plan | Layer, *, batch: int = 8, **options: Any) -> Report:
    """Replace linear layers of ``model`` in place, by ``plan`` (a :class:`Layer` alone is a plan for all of them).

    Layers of ``torch.nn``, timm and transformers are found, fused ``qkv`` projections and the transposed ``Conv1D`` of
    GPT-2 among them. Equal sizes are factorised together, up to ``batch`` at a time. ``options`` go to
    :func:`~lowdim.papers.blast.factorize.factorize` (``steps``, ``solver``, ``start``, ``seed``, ...). A layer too
    small for its budget is left, and its row says so.

    Returns a :class:`Report`. Raises ``ValueError`` for a ``plan`` that is neither, where no layer is to be replaced at
    all, and for a model that is one linear layer itself.
    """
    if not isinstance(plan, Plan | Layer):
        raise ValueError(f"plan: {plan!r} is not allowed; give a Plan, or a Layer such as Layer(ratio=0.5)")
    if isinstance(model, nn.Linear):
        raise ValueError("model: a single linear layer cannot be replaced in place; use BlastLinear.from_linear")
    plan = Plan([("*", plan)]) if isinstance(plan, Layer) else plan
    choices = survey(model, plan)
    if not any(choice.layer for choice in choices):
        left = "; ".join(f"{choice.name}: {choice.reason}" for choice in choices[:6])
        raise ValueError(f"plan: it replaces no layer ({left or 'the model has no linear layer'}); change its patterns")
    rows = {choice.name: _left(choice) for choice in choices if choice.layer is None}
    for together in _alike([choice for choice in choices if choice.layer], batch):
        rows |= _replace(model, together, options)
    return Report(tuple(rows[choice.name] for choice in choices))


def _left(choice: Choice, reason: str = "") -> Row:
    weight, _ = dense_parameters(choice.module)
    return Row(choice.name, tuple(weight.shape), reason=reason or choice.reason)  # type: ignore[arg-type]


def _alike(choices: Sequence[Choice], batch: int) -> Iterator[list[Choice]]:
    """Groups of at most ``batch`` choices whose matrices can be stacked."""
    found: dict[Any, list[Choice]] = {}
    for choice in choices:
        weight, _ = dense_parameters(choice.module)
        found.setdefault((weight.shape, weight.dtype, weight.device, choice.layer), []).append(choice)
    for group in found.values():
        for start in range(0, len(group), batch):
            yield group[start : start + batch]


def _replace(model: nn.Module, together: Sequence[Choice], options: dict[str, Any]) -> dict[str, Row]:
    began = time.perf_counter()
    try:
        layers = [_empty(choice) for choice in together]
    except ValueError as problem:
        return {choice.name: _left(choice, str(problem)) for choice in together}
    errors = _fit(layers, [dense_parameters(choice.module)[0] for choice in together], options)
    seconds = (time.perf_counter() - began) / len(together)
    rows = {}
    for choice, layer, error in zip(together, layers, errors, strict=True):
        _, bias = dense_parameters(choice.module)
        if bias is not None and layer.bias is not None:
            layer.bias.data.copy_(bias)
        layer.requires_grad_(all(own.requires_grad for own in choice.module.parameters()))
        parent, _, child = choice.name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer.train(choice.module.training))
        rows[choice.name] = Row(
            choice.name, (layer.out_features, layer.in_features), layer.family, layer.rank, layer.num_blocks,
            layer.ratio, error, seconds,
        )  # fmt: skip
    return rows


def _empty(choice: Choice) -> StructuredLinear:
    """The structured layer for a choice, not yet fitted."""
    weight, bias = dense_parameters(choice.module)
    layer, (out_features, in_features) = choice.layer, weight.shape
    assert layer is not None
    kind = FAMILIES[layer.family]
    like = {"bias": bias is not None, "device": weight.device, "dtype": weight.dtype}
    if layer.rank is not None:
        return kind(in_features, out_features, layer.rank, layer.num_blocks, **like)  # type: ignore[arg-type]
    assert layer.ratio is not None
    return kind.for_budget(in_features, out_features, layer.ratio, layer.num_blocks, multiple=layer.multiple, **like)


def _fit(layers: Sequence[StructuredLinear], weights: Sequence[Tensor], options: dict[str, Any]) -> list[float]:
    """Fit each layer to its weight; BLAST layers all at once. The relative errors."""
    first = layers[0]
    edges = (0, first.padded_in - first.in_features, 0, first.padded_out - first.out_features)
    padded = [nn.functional.pad(weight, edges) for weight in weights]
    if not isinstance(first, BlastLinear):
        return [float(layer.set_to(matrix)[-1]) for layer, matrix in zip(layers, padded, strict=True)]
    assert first.rank is not None
    found = factorize(torch.stack(padded), first.rank, first.num_blocks, allow_larger=True, **options)
    for index, layer in enumerate(layers):
        assert isinstance(layer, BlastLinear)
        layer.load_factors(Factors(*(factor[index] for factor in found.factors)))
    return found.error.tolist()


def with_family(plan: Plan, family: str) -> Plan:
    """The same plan with another family in every rule."""
    rules: list[tuple[Selector, Layer]] = [(selector, replace(layer, family=family)) for selector, layer in plan.rules]
    return replace(plan, rules=rules)
