"""Matrices as a measurement operator of deepinv."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_finite
from lowdim.compat import import_deepinv

deepinv: Any = import_deepinv()


class MatrixPhysics(deepinv.physics.LinearPhysics):
    """``A(x) = M x`` on events flattened to ``n`` numbers; measurements are ``(B, m)``.

    ``matrix (m, n)`` is one for all events. Several, ``(G, m, n)``, divide the batch into ``G`` equal groups, one after
    another, each with its own; ``G`` must divide ``B``. Rows of zeros measure nothing and carry no noise, so that
    operators of different ``m`` fit into one batch. The matrices are a buffer, so ``.to(...)`` moves them.
    ``event_shape`` (default ``(n,)``) is the shape of one event. Further keywords, among them ``noise_model``, go to
    deepinv's ``LinearPhysics``.

    Raises ``ValueError`` for a tensor of another shape, and when ``event_shape`` has not ``n`` entries.
    """

    matrix: Tensor

    def __init__(self, matrix: Tensor, event_shape: Sequence[int] | None = None, **kwargs: Any) -> None:
        check_finite("matrix", matrix)
        if matrix.dim() not in (2, 3):
            raise ValueError(f"matrix: shape {tuple(matrix.shape)} is not allowed; give (m, n) or (G, m, n)")
        shape = (matrix.shape[-1],) if event_shape is None else tuple(event_shape)
        if math.prod(shape) != matrix.shape[-1]:
            raise ValueError(
                f"event_shape: {shape} has {math.prod(shape)} entries; the matrix has {matrix.shape[-1]} columns"
            )
        super().__init__(img_size=shape, **kwargs)
        self.register_buffer("matrix", matrix if matrix.dim() == 3 else matrix[None])

    def A(self, x: Tensor, **kwargs: Any) -> Tensor:
        """``M x`` for each event of the batch ``(B, *event_shape)``."""
        return (self._grouped(x.flatten(1)) @ self.matrix.to(x.dtype).mT).flatten(0, 1)

    def A_adjoint(self, y: Tensor, **kwargs: Any) -> Tensor:
        """``M^T y`` for each measurement of the batch ``(B, m)``."""
        return (self._grouped(y) @ self.matrix.to(y.dtype)).reshape(y.shape[0], *self.img_size)

    def noise(self, x: Tensor, **kwargs: Any) -> Tensor:
        """``x`` with noise where something is measured."""
        return torch.where(self.observed(len(x)), self.noise_model(x, **kwargs), x)

    def observed(self, batch: int) -> Tensor:
        """Which of the numbers of ``batch`` measurements are measured, ``(batch, m)``."""
        seen = (self.matrix != 0).any(-1)
        return seen.repeat_interleave(self._size(batch), 0)

    def _size(self, batch: int) -> int:
        """How many events share a matrix."""
        groups = len(self.matrix)
        if batch % groups:
            raise ValueError(f"x: a batch of {batch} does not divide into {groups} equal groups, one for each matrix")
        return batch // groups

    def _grouped(self, rows: Tensor) -> Tensor:
        return rows.reshape(len(self.matrix), self._size(len(rows)), -1)
