"""Which layers of a model to replace, by what, and why the others are left."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from torch import nn

from lowdim.checks import check_count
from lowdim.papers.blast.budget import Blocks, block_counts, check_ratio
from lowdim.papers.blast.layers import is_transposed
from lowdim.papers.blast.siblings import FAMILIES

Selector = str | Callable[[str, nn.Module], bool]

HEADS = ("lm_head", "head", "classifier", "score", "fc_norm")
"""Last parts of names that are outputs of a model; they are left unless asked for."""


@dataclass(frozen=True)
class Layer:
    """What a layer becomes: its ``family``, the blocks, and a ``rank`` or a ``ratio`` of the dense numbers.

    ``multiple`` rounds the rank of a ratio down (16 or 64 suit tensor cores).

    Raises ``ValueError`` for an unknown family, unless one of ``ratio`` in (0, 1] and ``rank`` is given, and for a
    rank, ``multiple`` or numbers of blocks that are not whole numbers of at least 1.
    """

    ratio: float | None = None
    rank: int | None = None
    num_blocks: Blocks = 4
    family: str = "blast"
    multiple: int = 1

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise ValueError(f"family: {self.family!r} is unknown; choose one of {', '.join(FAMILIES)}")
        if (self.rank is None) == (self.ratio is None):
            raise ValueError(f"rank: {self.rank!r} with ratio {self.ratio!r} is not allowed; give one of the two")
        if self.ratio is not None:
            check_ratio(self.ratio)
        if self.rank is not None:
            check_count("rank", self.rank)
        check_count("multiple", self.multiple)
        block_counts(self.num_blocks)


@dataclass(frozen=True)
class Plan:
    """An ordered list of rules: the first whose selector matches a linear layer says what it becomes.

    A selector is a pattern of names (``"*.mlp.*"``, with the wildcards of the shell) or a function of the name and the
    module. Layers that match ``skip`` are left. So are outputs (:data:`HEADS`), layers whose weight is shared with
    another module, and layers that their parent reads instead of calling (the projections of
    ``nn.MultiheadAttention``, the linears of ``nn.TransformerEncoderLayer``); name such a layer in ``also`` to have it
    replaced all the same.
    """

    rules: Sequence[tuple[Selector, Layer]]
    skip: Sequence[Selector] = ()
    also: Sequence[Selector] = ()

    def find(self, name: str, module: nn.Module) -> Layer | None:
        """The layer that the rules give to a module, or None."""
        if any(matches(selector, name, module) for selector in self.skip):
            return None
        return next((layer for selector, layer in self.rules if matches(selector, name, module)), None)


@dataclass
class Choice:
    """A linear layer of a model: what it is to become, or the ``reason`` why it is left."""

    name: str
    module: nn.Module
    layer: Layer | None = None
    reason: str = ""


@dataclass
class _Survey:
    shared: set[int] = field(default_factory=set)
    read: set[str] = field(default_factory=set)


def survey(model: nn.Module, plan: Plan) -> list[Choice]:
    """Every linear layer of ``model`` in its order, with what ``plan`` makes of it."""
    facts = _Survey(_shared_weights(model), _read_by_parents(model))
    return [
        _choose(name, module, plan, facts)
        for name, module in model.named_modules(remove_duplicate=True)
        if isinstance(module, nn.Linear) or is_transposed(module)
    ]


def _choose(name: str, module: nn.Module, plan: Plan, facts: _Survey) -> Choice:
    layer = plan.find(name, module)
    if layer is None:
        return Choice(name, module, reason="no rule")
    if any(matches(selector, name, module) for selector in plan.also):
        return Choice(name, module, layer)
    if name.rpartition(".")[2] in HEADS:
        return Choice(name, module, reason="an output of the model")
    if id(module.weight) in facts.shared:
        return Choice(name, module, reason="its weight is shared")
    if name in facts.read:
        return Choice(name, module, reason="its parent reads the weight and does not call it")
    return Choice(name, module, layer)


def _shared_weights(model: nn.Module) -> set[int]:
    """Identities of parameters that two modules hold, or one module that has two names."""
    seen: set[int] = set()
    twice: set[int] = set()
    for _, module in model.named_modules(remove_duplicate=False):
        for parameter in module.parameters(recurse=False):
            (twice if id(parameter) in seen else seen).add(id(parameter))
    return twice


def _read_by_parents(model: nn.Module) -> set[str]:
    """Names of linear layers whose ``weight`` is passed to a fused function by the module around them."""
    parents = {nn.MultiheadAttention: ("out_proj",), nn.TransformerEncoderLayer: ("linear1", "linear2")}
    return {
        f"{name}.{child}".lstrip(".")
        for name, module in model.named_modules()
        for kind, children in parents.items()
        if isinstance(module, kind)
        for child in children
    }


def matches(selector: Selector, name: str, module: nn.Module) -> bool:
    """Whether a selector takes this module."""
    return fnmatch.fnmatchcase(name, selector) if isinstance(selector, str) else bool(selector(name, module))
