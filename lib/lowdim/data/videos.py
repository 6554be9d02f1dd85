"""Videos from files, by the decoder PyAV: one file, a folder of classes, and the splits of UCF101.

Frames are shrunk so that their shorter side fits, cropped to the central square and kept as bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.data.local import find, missing
from lowdim.data.records import DataFile, DataSet

SUFFIXES = (".avi", ".mp4", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".m4v")

UCF101 = DataSet(
    name="ucf101",
    title="UCF101",
    kind="local",
    module="lowdim.data.videos",
    contents="13 320 short videos of 101 actions, in colour, 320 × 240, with the action",
    licence="none stated by its publisher; use it for research",
    credit="K. Soomro, A. R. Zamir and M. Shah",
    key="soomro2012ucf101",
    splits={"train": 9537, "test": 3783},
    rule="the publisher's first of three splits; groups of related videos are never divided",
    page="https://www.crcv.ucf.edu/data/UCF101.php",
    files=(
        DataFile("UCF-101", "6.5 GB unpacked"),
        DataFile("ucfTrainTestlist", "0.1 MB unpacked"),
    ),
    placing="Unpack both archives into one folder.",
    checked="that every listed video is there; its publisher gives no checksums",
)


class Videos(NamedTuple):
    """``videos`` (N, 3, T, side, side) of bytes, 0 black and 255 white, ``labels`` (N,), and ``classes``, their
    names.
    """

    videos: Tensor
    labels: Tensor
    classes: tuple[str, ...]


def read_video(path: str | Path, frames: int, side: int, *, stride: int = 1, start: int = 0) -> Tensor:
    """``frames`` frames of a file, every ``stride``-th from ``start`` on, as bytes (3, frames, side, side).

    Raises ``FileNotFoundError``, and ``ValueError`` for sizes out of range, a file that cannot be decoded, one without
    pictures, and one that is too short; ``ImportError`` with the command where PyAV is missing.
    """
    for name, value, least in (("frames", frames, 1), ("side", side, 2), ("stride", stride, 1), ("start", start, 0)):
        check_count(name, value, least)
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: {path} is not a file; give the path of a video")
    av = _import_av()
    wanted = range(start, start + frames * stride, stride)
    found: list[Tensor] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ValueError(f"path: {path.name} holds no pictures; give a video")
            for number, frame in enumerate(container.decode(video=0)):
                if number in wanted:
                    found.append(_square(frame, side))
                if len(found) == frames:
                    break
    except av.FFmpegError as error:
        raise ValueError(
            f"path: {path.name} cannot be read as a video ({error.strerror}); it may be damaged or no video at all. "
            "Play it once; if that fails, remove it or get it again"
        ) from error
    if len(found) < frames:
        raise ValueError(
            f"path: {path.name} ends after {len(found)} of the {frames} frames wanted from frame {start} with stride "
            f"{stride}; give fewer frames or a smaller stride, or leave the file out"
        )
    return torch.stack(found, 1)


def load_files(files: Sequence[Path], labels: Sequence[str], frames: int, side: int, *, stride: int = 1) -> Videos:
    """The files as one tensor, the classes in alphabetic order; see :func:`read_video` for the errors."""
    if not files or len(files) != len(labels):
        raise ValueError(f"files: {len(files)} files with {len(labels)} labels; give one label for each, at least one")
    classes = tuple(sorted(set(labels)))
    videos = torch.stack([read_video(file, frames, side, stride=stride) for file in files])
    return Videos(videos, torch.tensor([classes.index(label) for label in labels]), classes)


def load_folder(folder: str | Path, frames: int, side: int, *, stride: int = 1) -> Videos:
    """All videos in the sub-folders of ``folder``, which are the classes; without sub-folders, of one class.

    Files with other endings than those of :data:`SUFFIXES` are left out. Raises ``FileNotFoundError`` where there is no
    video, and as :func:`read_video`.
    """
    root = Path(folder)
    files = sorted(file for file in root.rglob("*") if file.suffix.lower() in SUFFIXES) if root.is_dir() else []
    if not files:
        raise FileNotFoundError(
            f"folder: {root} holds no video; give a folder with one sub-folder a class and files ending in one of "
            f"{', '.join(SUFFIXES)}"
        )
    return load_files(files, [file.relative_to(root).parent.as_posix() for file in files], frames, side, stride=stride)


def ucf101_files(part: str = "train", split: int = 1, folder: str | Path | None = None) -> tuple[list[Path], list[str]]:
    """The files and actions of ``part`` (train or test) of one of the three splits of UCF101, in the publisher's order.

    The folder holds ``UCF-101`` and ``ucfTrainTestlist`` as they come out of the archives. Raises ``ValueError`` for
    another part or split and for an empty list, ``FileNotFoundError`` saying what is missing and where to get it.
    """
    if part not in ("train", "test") or split not in (1, 2, 3):
        raise ValueError(f"part, split: {part!r}, {split!r} are not allowed; give train or test, and 1, 2 or 3")
    places = [find(UCF101, file.name, folder) for file in UCF101.files]
    if None in places:
        raise missing(UCF101, [f.name for f, place in zip(UCF101.files, places, strict=True) if place is None], folder)
    videos, lists = (place for place in places if place is not None)
    listed = (lists / f"{part}list0{split}.txt").read_text(encoding="utf-8").split("\n")
    names = [line.split()[0] for line in listed if line.strip()]
    files = [videos / name for name in names]
    absent = [file.name for file in files if not file.is_file()]
    if absent or not files:
        raise FileNotFoundError(
            f"UCF101: {len(absent)} of the {len(files)} videos of {part}list0{split}.txt are not in {videos}, first "
            f"{absent[:1]}; unpack the archive of the videos again"
        )
    return files, [name.split("/")[0] for name in names]


def write_video(path: str | Path, video: Tensor, *, rate: int = 8) -> Path:
    """Write bytes (3, T, H, W) with even sides as a video of ``rate`` frames a second; the ending chooses the format.

    MPEG-4 at high quality, which UCF101 uses too. Raises ``ValueError`` for other shapes, ``ImportError`` without PyAV.
    """
    if video.dim() != 4 or video.shape[0] != 3 or video.dtype != torch.uint8 or any(s % 2 for s in video.shape[2:]):
        raise ValueError(f"video: {tuple(video.shape)} of {video.dtype}; give bytes (3, T, H, W) with even sides")
    av = _import_av()
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.height, stream.width, stream.pix_fmt = video.shape[2], video.shape[3], "yuv420p"
        stream.bit_rate = 8_000_000
        for picture in video.permute(1, 2, 3, 0).contiguous().numpy():
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return Path(path)


def _square(frame: Any, side: int) -> Tensor:
    """The central square of a frame, (3, side, side); shrunk by area, so that nothing aliases."""
    scale = side / min(frame.height, frame.width)
    height, width = (max(side, round(scale * length)) for length in (frame.height, frame.width))
    picture = torch.from_numpy(frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray())
    top, left = (height - side) // 2, (width - side) // 2
    return picture[top : top + side, left : left + side].permute(2, 0, 1)


def _import_av() -> Any:
    try:
        import av
    except ModuleNotFoundError as error:
        raise ImportError("PyAV decodes the videos; install it with: pip install 'lowdim[video]'") from error
    return av
