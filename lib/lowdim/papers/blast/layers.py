"""Linear layers whose weight is a structured matrix, each in the place of :class:`torch.nn.Linear`."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from lowdim.checks import check_count
from lowdim.papers.blast.budget import (
    Blocks,
    block_counts,
    check_rank,
    parameter_count,
    rank_for_budget,
)
from lowdim.papers.blast.factorize import choose_rank, factorize
from lowdim.papers.blast.factors import Factors
from lowdim.papers.blast.kernels import BACKENDS, choose_product


class StructuredLinear(nn.Module):
    """``y = x W^T + bias`` with a weight that is stored by its factors; the base of all families.

    ``in_features`` and ``out_features`` need not be multiples of the numbers of blocks: the factors are then those of
    a larger matrix (``padded_in``, ``padded_out``), of which rows and columns are cut off.
    """

    family: ClassVar[str]
    bias: nn.Parameter | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        rank: int | None,
        num_blocks: Blocks,
        bias: bool,
        device: Any,
        dtype: torch.dtype | None,
    ) -> None:
        super().__init__()
        self.in_features = check_count("in_features", in_features)
        self.out_features = check_count("out_features", out_features)
        self.num_blocks = block_counts(num_blocks)
        b1, b2 = self.num_blocks
        if b1 > out_features or b2 > in_features:
            raise ValueError(
                f"num_blocks: {b1} x {b2} is not allowed for {out_features} x {in_features}; "
                "give at most one block for each row and column"
            )
        self.padded_out, self.padded_in = -(-out_features // b1) * b1, -(-in_features // b2) * b2
        self.rank = rank
        self._like = {"device": device, "dtype": dtype}
        self.bias = nn.Parameter(torch.empty(out_features, **self._like)) if bias else None

    def parameter(self, *shape: int) -> nn.Parameter:
        """A parameter without values yet."""
        return nn.Parameter(torch.empty(shape, **self._like))

    def to_dense(self) -> Tensor:
        """The weight (out_features, in_features), differentiable."""
        return self.padded_weight()[: self.out_features, : self.in_features]

    @property
    def weight(self) -> Tensor:
        """The weight, computed anew each time: for code that reads it. It cannot be assigned."""
        return self.to_dense()

    @property
    def multiplications(self) -> int:
        """Multiplications for one token, and numbers stored, without the bias."""
        return sum(value.numel() for name, value in self.named_parameters() if name != "bias")

    @property
    def ratio(self) -> float:
        """Those over the ``in_features * out_features`` of the dense layer."""
        return self.multiplications / (self.in_features * self.out_features)

    def forward(self, x: Tensor) -> Tensor:
        """``x`` (..., in_features) to (..., out_features). Raises ``ValueError`` for another width."""
        if x.shape[-1] != self.in_features:
            raise ValueError(f"x: shape {tuple(x.shape)} is not allowed; give (..., {self.in_features})")
        if self.padded_in != self.in_features:
            x = pad(x, (0, self.padded_in - self.in_features))
        y = self.padded_product(x)
        y = y if self.padded_out == self.out_features else y[..., : self.out_features]
        return y if self.bias is None else y + self.bias.to(y.dtype)

    def padded_weight(self) -> Tensor:
        """The weight (padded_out, padded_in)."""
        raise NotImplementedError

    def padded_product(self, x: Tensor) -> Tensor:
        """The product with ``x`` (..., padded_in)."""
        raise NotImplementedError

    def set_to(self, padded: Tensor, **options: Any) -> Tensor:
        """Take the family's best fit of a matrix (padded_out, padded_in); returns the relative errors on the way."""
        raise NotImplementedError

    @classmethod
    def for_budget(cls, in_features: int, out_features: int, ratio: float, num_blocks: Blocks = 4, **more: Any) -> Self:
        """The largest layer of the family with at most ``ratio`` times the multiplications of the dense one."""
        raise NotImplementedError

    @classmethod
    def from_linear(
        cls, linear: nn.Module, rank: int | None = None, num_blocks: Blocks = 4, *, ratio: float | None = None,
        **options: Any,
    ) -> tuple[Self, Tensor]:  # fmt: skip
        """The layer that fits ``linear`` best, and the relative errors on the way (the last is what is left).

        ``linear`` is a :class:`torch.nn.Linear`, or a ``Conv1D`` of transformers, which stores its weight transposed.
        Give the ``rank`` or a ``ratio``; ``options`` go to the fit (for BLAST, :func:`factorize`). Bias, dtype and
        device are kept.
        """
        weight, bias = dense_parameters(linear)
        like = {"bias": bias is not None, "device": weight.device, "dtype": weight.dtype}
        (out_features, in_features) = weight.shape
        if ratio is not None and rank is None:
            layer = cls.for_budget(in_features, out_features, ratio, num_blocks, **like)
        else:
            choose_rank((out_features, in_features), rank, ratio, block_counts(num_blocks), allow_larger=True)
            layer = cls(in_features, out_features, rank, num_blocks, **like)  # type: ignore[arg-type]
        with torch.no_grad():
            whole = pad(weight, (0, layer.padded_in - in_features, 0, layer.padded_out - out_features))
            errors = layer.set_to(whole, **options)
            if bias is not None and layer.bias is not None:
                layer.bias.copy_(bias)
        return layer.train(linear.training), errors

    def reset_bias(self, generator: torch.Generator | None = None) -> None:
        """As :class:`torch.nn.Linear`: uniform within ``1 / sqrt(in_features)``."""
        if self.bias is not None:
            bound = self.in_features**-0.5
            nn.init.uniform_(self.bias, -bound, bound, generator=generator)

    @property
    def weight_variance(self) -> float:
        """The variance of the entries that :class:`torch.nn.Linear` starts with, ``1 / (3 in_features)``."""
        return 1 / (3 * self.in_features)

    def extra_repr(self) -> str:
        """Sizes, rank, blocks and ratio."""
        b1, b2 = self.num_blocks
        rank = "" if self.rank is None else f", rank={self.rank}"
        return (
            f"in_features={self.in_features}, out_features={self.out_features}{rank}, "
            f"num_blocks={b1 if b1 == b2 else (b1, b2)}, bias={self.bias is not None}, ratio={self.ratio:.3f}"
        )


def dense_parameters(linear: nn.Module) -> tuple[Tensor, Tensor | None]:
    """Weight (out, in) and bias of a linear layer, also of a transformers ``Conv1D``, detached.

    Raises ``ValueError`` for any other module.
    """
    bias = getattr(linear, "bias", None)
    bias = None if bias is None else bias.detach()
    if isinstance(linear, nn.Linear):
        return linear.weight.detach(), bias
    if is_transposed(linear):
        return linear.weight.detach().T, bias  # type: ignore[operator]
    raise ValueError(f"linear: {type(linear).__name__} is not allowed; give a torch.nn.Linear or a transformers Conv1D")


def is_transposed(module: nn.Module) -> bool:
    """Whether this is the ``Conv1D`` of transformers, a linear layer with its weight as (in, out)."""
    return type(module).__name__ == "Conv1D" and type(module).__module__.startswith("transformers.")


class BlastLinear(StructuredLinear):
    """A linear layer with a BLAST weight: blocks ``U_i diag(s_ij) V_j^T`` (section 2 of the paper).

    Parameters ``U`` (b1, p, r), ``s`` (b1, b2, r) and ``V`` (b2, q, r); ``r (m + n + b1 b2)`` numbers and as many
    multiplications for each token. ``num_blocks`` is one number or ``(b1, b2)``, rows of blocks first. ``backend`` is
    ``"torch"`` or ``"triton"`` (fused kernels on a GPU, where no gradient is needed).

    Starts with random-sign couplings and Gaussian factors of the variance at which the entries of the weight have that
    of :class:`torch.nn.Linear`. Raises ``ValueError`` for a rank that stores more than the dense weight.
    """

    family = "blast"

    def __init__(
        self, in_features: int, out_features: int, rank: int, num_blocks: Blocks = 4, bias: bool = True,
        device: Any = None, dtype: torch.dtype | None = None, *, backend: str = "torch", allow_larger: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(in_features, out_features, rank, num_blocks, bias, device, dtype)
        if backend not in BACKENDS:
            raise ValueError(f"backend: {backend!r} is unknown; choose one of {', '.join(BACKENDS)}")
        if not allow_larger:
            check_rank(rank, (out_features, in_features), self.num_blocks)
        self.backend = backend
        b1, b2 = self.num_blocks
        self.U = self.parameter(b1, self.padded_out // b1, check_count("rank", rank))
        self.s = self.parameter(b1, b2, rank)
        self.V = self.parameter(b2, self.padded_in // b2, rank)
        self.reset_parameters()

    @classmethod
    def for_budget(cls, in_features: int, out_features: int, ratio: float, num_blocks: Blocks = 4, **more: Any) -> Self:
        """The largest rank that stores at most ``ratio`` times the numbers of the dense weight."""
        multiple = more.pop("multiple", 1)
        blocks = block_counts(num_blocks)
        # padding counts, since the factors of the padded matrix are what is stored
        padded = [-(-size // b) * b for size, b in zip((out_features, in_features), blocks, strict=True)]
        spent = ratio * out_features * in_features / (padded[0] * padded[1])
        rank = rank_for_budget(padded, spent if 0 < ratio <= 1 else ratio, blocks, multiple)
        return cls(in_features, out_features, rank, num_blocks, **more)

    @classmethod
    def from_factors(cls, factors: Factors, bias: Tensor | None = None, **more: Any) -> Self:
        """A layer with these factors (copied), in their dtype and on their device."""
        m, n = factors.shape
        layer = cls(
            n, m, factors.rank, factors.num_blocks, bias is not None, factors.U.device, factors.U.dtype,
            allow_larger=True, **more,
        )  # fmt: skip
        layer.load_factors(factors)
        if layer.bias is not None and bias is not None:
            layer.bias.data.copy_(bias)
        return layer

    @property
    def factors(self) -> Factors:
        """The three factors, of the padded weight."""
        return Factors(self.U, self.s, self.V)

    def reset_parameters(self, generator: torch.Generator | None = None) -> None:
        """Draw the factors anew: the entries of the weight have the variance of a new :class:`torch.nn.Linear`."""
        spread = (self.weight_variance / self.s.shape[-1]) ** 0.25
        with torch.no_grad():
            self.U.normal_(0, spread, generator=generator)
            self.V.normal_(0, spread, generator=generator)
            self.s.bernoulli_(0.5, generator=generator).mul_(2).sub_(1)
        self.reset_bias(generator)

    def padded_weight(self) -> Tensor:
        """The weight of the padded sizes."""
        return self.factors.dense()

    def padded_product(self, x: Tensor) -> Tensor:
        """The three steps, by the chosen backend."""
        return choose_product(self.backend, x, self.factors)(x, self.factors)

    def set_to(self, padded: Tensor, **options: Any) -> Tensor:
        """Factorise a matrix into this layer; ``options`` are those of :func:`factorize`."""
        assert self.rank is not None
        found = factorize(padded, self.rank, self.num_blocks, allow_larger=True, **options)
        self.load_factors(found.factors)
        return found.errors

    def load_factors(self, factors: Factors) -> None:
        """Copy factors of the padded weight into the parameters."""
        with torch.no_grad():
            for own, given in zip(self.factors, factors, strict=True):
                own.copy_(given)

    @property
    def multiplications(self) -> int:
        """``r (m + n + b1 b2)`` of the padded weight."""
        return parameter_count((self.padded_out, self.padded_in), self.s.shape[-1], self.num_blocks)
