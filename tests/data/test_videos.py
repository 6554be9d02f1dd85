"""Videos from files, on clips written on the spot."""

import pytest
import torch

from lowdim.data.motion import render_in_parts, sample_scenes
from lowdim.data.videos import load_files, load_folder, read_video, ucf101_files, write_video
from lowdim.seeding import make_generator

pytest.importorskip("av")


@pytest.fixture(scope="module")
def clips():
    return render_in_parts(sample_scenes(3, make_generator(0, "videos")), 12, 64)


@pytest.mark.parametrize("ending", ["avi", "mp4", "mkv"])
def test_there_and_back(tmp_path, clips, ending):
    path = write_video(tmp_path / f"clip.{ending}", clips[0])
    found = read_video(path, 12, 64)
    assert found.shape == (3, 12, 64, 64)
    assert found.dtype == torch.uint8
    error = (found.float() - clips[0].float()).abs().mean((0, 2, 3))
    assert error.max() < 10  # of 255: colour is stored at half the resolution
    # and frames are in order: each is nearest to itself
    apart = (found.float()[:, :, None] - clips[0].float()[:, None]).abs().mean((0, 3, 4))
    assert (apart.argmin(1) == torch.arange(12)).all()


def test_stride_start_and_square(tmp_path, clips):
    path = write_video(tmp_path / "clip.avi", clips[0])
    whole = read_video(path, 12, 64)
    assert torch.equal(read_video(path, 3, 64, stride=4, start=2), whole[:, 2:11:4])
    wide = write_video(tmp_path / "wide.avi", torch.cat([0 * clips[0][..., :32], clips[0], 0 * clips[0][..., :32]], 3))
    assert (read_video(wide, 2, 64).float() - clips[0][:, :2].float()).abs().mean() < 10
    assert read_video(wide, 2, 16).shape == (3, 2, 16, 16)


def test_a_folder_of_classes(tmp_path, clips):
    for name, clip in zip(("run/a.avi", "jump/b.mp4", "run/c.avi"), clips, strict=True):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_video(tmp_path / name, clip)
    (tmp_path / "run" / "notes.txt").write_text("not a video")
    found = load_folder(tmp_path, 8, 32)
    assert found.videos.shape == (3, 3, 8, 32, 32)
    assert found.classes == ("jump", "run")
    assert found.labels.tolist() == [0, 1, 1]
    with pytest.raises(FileNotFoundError, match="holds no video"):
        load_folder(tmp_path / "nowhere", 8, 32)


def test_ucf101_as_it_is_unpacked(tmp_path, clips):
    names = ["Archery/v_Archery_g01_c01.avi", "Biking/v_Biking_g02_c01.avi"]
    for name, clip in zip(names, clips, strict=False):
        (tmp_path / "UCF-101" / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / "UCF-101" / name, clip)
    lists = tmp_path / "ucfTrainTestlist"
    lists.mkdir()
    (lists / "trainlist01.txt").write_text(f"{names[0]} 1\r\n{names[1]} 2\r\n")
    (lists / "testlist01.txt").write_text(f"{names[1]}\r\n")
    files, actions = ucf101_files("train", 1, tmp_path)
    assert actions == ["Archery", "Biking"]
    assert load_files(files, actions, 4, 16).classes == ("Archery", "Biking")
    assert ucf101_files("test", 1, tmp_path)[1] == ["Biking"]
    (tmp_path / "UCF-101" / names[0]).unlink()
    with pytest.raises(FileNotFoundError, match="1 of the 2 videos"):
        ucf101_files("train", 1, tmp_path)
    with pytest.raises(FileNotFoundError, match="UCF101: not in .*Nothing is fetched by itself"):
        ucf101_files("train", 1, tmp_path / "elsewhere")
    with pytest.raises(ValueError, match="part, split"):
        ucf101_files("validation", 1, tmp_path)


def test_bad_files_name_the_remedy(tmp_path, clips):
    damaged = tmp_path / "damaged.avi"
    damaged.write_bytes(b"no video at all" * 50)
    with pytest.raises(ValueError, match="damaged.avi cannot be read.*get it again"):
        read_video(damaged, 4, 16)
    with pytest.raises(ValueError, match="ends after 12 of the 30 frames.*fewer frames"):
        read_video(write_video(tmp_path / "short.avi", clips[0]), 30, 16)
    with pytest.raises(FileNotFoundError, match="is not a file"):
        read_video(tmp_path / "none.avi", 4, 16)
    with pytest.raises(ValueError, match="side: 1"):
        read_video(damaged, 4, 1)
    with pytest.raises(ValueError, match="even sides"):
        write_video(tmp_path / "odd.avi", clips[0][..., :31])
    with pytest.raises(ValueError, match="one label for each"):
        load_files([damaged], [], 4, 16)
