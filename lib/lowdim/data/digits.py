"""The 8 x 8 handwritten digits that ship inside scikit-learn, as images in [-1, 1]."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lowdim.data.records import DataSet

TRAIN_SIZE = 1500
SIDE = 8

DIGITS = DataSet(
    name="digits",
    title="Handwritten digits",
    kind="installed",
    module="lowdim.data.digits",
    contents="grey pictures, 1 × 8 × 8, with the digit",
    licence="CC BY 4.0",
    credit="E. Alpaydin and C. Kaynak; shipped inside scikit-learn",
    key="alpaydin1998digits",
    splits={"train": TRAIN_SIZE, "test": 297},
    rule="the first 1500 and the last 297 of the file, which is sorted by writer",
)


class Digits(NamedTuple):
    """``images`` (N, 1, 8, 8) in [-1, 1] and ``labels`` (N,) from 0 to 9."""

    images: Tensor
    labels: Tensor


def load_digits(split: str = "train", dtype: torch.dtype = torch.float32) -> Digits:
    """The 1797 digits of the UCI optical-recognition test set, in their fixed order.

    ``split`` is ``"train"`` (the first 1500), ``"test"`` (the last 297) or ``"all"``. The file is sorted by writer,
    so the test digits were written by other hands than most of the training digits. Grey levels 0..16 become -1..1.

    Raises ``ValueError`` for an unknown split or a dtype that is not floating.
    """
    from sklearn import datasets

    rows = {"train": slice(0, TRAIN_SIZE), "test": slice(TRAIN_SIZE, None), "all": slice(None)}
    if split not in rows:
        raise ValueError(f"split: {split!r} is unknown; choose one of {', '.join(rows)}")
    if not dtype.is_floating_point:
        raise ValueError(f"dtype: {dtype} is not allowed; give a floating-point dtype")
    bundle = datasets.load_digits()
    images = torch.from_numpy(bundle.images[rows[split]] / 8.0 - 1.0).to(dtype).unsqueeze(1)
    return Digits(images, torch.from_numpy(bundle.target[rows[split]]).long())
