"""CelebA: 202 599 aligned photographs of faces with forty attributes, read from its own archive in a local folder.

Z. Liu, P. Luo, X. Wang and X. Tang, *Deep learning face attributes in the wild* (2015). The archive stays packed, and
nothing is fetched.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

import torch
from torch import Tensor

from lowdim.data.decode import decode_images, to_unit
from lowdim.data.local import find, require
from lowdim.data.records import DataFile, DataSet, Images

ARCHIVE = "img_align_celeba.zip"
PARTITION = "list_eval_partition.txt"
ATTRIBUTE_FILE = "list_attr_celeba.txt"
SHAPE = (218, 178)
CROP = 140
SIZE = 64
_HEADER = (
    "5_o_Clock_Shadow Arched_Eyebrows Attractive Bags_Under_Eyes Bald Bangs Big_Lips Big_Nose Black_Hair Blond_Hair "
    "Blurry Brown_Hair Bushy_Eyebrows Chubby Double_Chin Eyeglasses Goatee Gray_Hair Heavy_Makeup High_Cheekbones "
    "Male Mouth_Slightly_Open Mustache Narrow_Eyes No_Beard Oval_Face Pale_Skin Pointy_Nose Receding_Hairline "
    "Rosy_Cheeks Sideburns Smiling Straight_Hair Wavy_Hair Wearing_Earrings Wearing_Hat Wearing_Lipstick "
    "Wearing_Necklace Wearing_Necktie Young"
)
ATTRIBUTES = tuple(_HEADER.split())

CELEBA = DataSet(
    name="celeba",
    title="CelebA",
    kind="local",
    module="lowdim.data.celeba",
    contents="photographs of faces, aligned, 178 × 218 in colour, with forty attributes",
    licence="non-commercial research only, by the agreement on its page",
    credit="Z. Liu, P. Luo, X. Wang and X. Tang, The Chinese University of Hong Kong",
    key="liu2015celeba",
    splits={"train": 162_770, "validation": 19_867, "test": 19_962},
    rule="the authors' partition, by person",
    page="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    files=(
        DataFile(ARCHIVE, "1.44 GB", "md5:00d2c5bc6d35e252742224ab0c1e8fcb"),
        DataFile(PARTITION, "2.8 MB", "md5:d32c9cbf5e040fd4025c592c306e6668"),
        DataFile(ATTRIBUTE_FILE, "27 MB", "md5:75e246fa4810816ffd6ee81facbd244c", optional=True),
    ),
    placing="Leave the archive packed. Its folder may be called celeba, as torchvision's is.",
    checked="every file as a whole, against the checksums that torchvision lists",
)
_CODES = {"train": "0", "validation": "1", "test": "2"}


def load_celeba(
    split: str = "train",
    limit: int | None = None,
    *,
    size: int = SIZE,
    crop: int = CROP,
    folder: str | Path | None = None,
    dtype: torch.dtype = torch.float32,
) -> Images:
    """The first ``limit`` images of ``split`` (``"train"``, ``"validation"`` or ``"test"``, the authors' partition).

    Of each image the central square of side ``crop`` is resized to ``size``
    (:func:`lowdim.data.decode.decode_images`); 140 is what the code of Song et al. (2021) cuts out. Labels are
    (N, 40), 1 where an attribute of :data:`ATTRIBUTES` is present and 0 where not, or ``None`` when the file of
    attributes is not there. ``folder`` overrides ``LOWDIM_DATA``.

    Only the images asked for are decoded; the checksum of the archive costs a few seconds, once a process.
    Raises ``ValueError`` for an unknown split, a limit above what it holds, a size or crop out of range, or a file
    whose checksum is not the published one; ``FileNotFoundError`` where a file is missing, with where to get it.
    """
    count = CELEBA.count(split, limit)
    partition, archive = (require(CELEBA, name, folder) for name in (PARTITION, ARCHIVE))
    names = _members(partition, split)[:count]
    labels = None
    if find(CELEBA, ATTRIBUTE_FILE, folder):
        labels = _attributes(require(CELEBA, ATTRIBUTE_FILE, folder), names)
    with zipfile.ZipFile(archive) as packed:
        files = ((name, packed.read(f"img_align_celeba/{name}")) for name in names)
        pixels = decode_images(files, count, SHAPE, size, crop)
    return Images(to_unit(pixels, dtype), labels, CELEBA.name)


def _members(partition: Path, split: str) -> list[str]:
    """The file names of a split, in the order of the partition."""
    rows = (line.split() for line in partition.read_text(encoding="ascii").splitlines())
    return [name for name, code in rows if code == _CODES[split]]


def _attributes(path: Path, names: list[str]) -> Tensor:
    """The attributes (N, 40) of the named images; the file holds a count, the header, then 1 or -1 a name."""
    lines = path.read_text(encoding="ascii").splitlines()[2:]
    rows = {name: values for name, _, values in (line.partition(" ") for line in lines)}
    return torch.tensor([[int(value) > 0 for value in rows[name].split()] for name in names], dtype=torch.int64)
