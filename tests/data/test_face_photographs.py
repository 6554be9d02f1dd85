"""CelebA and FFHQ from tiny archives in the real layout; their checksums stand in for the published ones."""

import json
import zipfile

import pytest
import torch

from data.archives import damage, write_celeba, write_ffhq
from lowdim.data import celeba, ffhq
from lowdim.data.celeba import load_celeba
from lowdim.data.ffhq import load_ffhq, thumbnail_name


@pytest.fixture
def celeba_truth(tmp_path, monkeypatch):
    record, truth = write_celeba(tmp_path)
    monkeypatch.setattr(celeba, "CELEBA", record)
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    return torch.from_numpy(truth).float() / 127.5 - 1


@pytest.fixture
def put_ffhq(tmp_path, monkeypatch):
    monkeypatch.setenv("LOWDIM_DATA", str(tmp_path))
    monkeypatch.setattr(ffhq, "GROUP", 4)  # nine pictures in three folders

    def write(**how):
        record, truth = write_ffhq(tmp_path, **how)
        monkeypatch.setattr(ffhq, "FFHQ", record)
        return torch.from_numpy(truth).float() / 127.5 - 1

    return write


class TestCelebA:
    def test_splits_are_those_of_the_partition_and_disjoint(self, celeba_truth):
        for k, split in enumerate(("train", "validation", "test")):
            found = load_celeba(split, size=140)
            expected = celeba_truth[k::3, :, 39:179, 19:159]
            assert found.source == "celeba"
            assert (found.images - expected).abs().max() < 0.06  # JPEG of quality 95
            assert (found.images - expected.roll(1, 0)).abs().mean() > 0.1  # the neighbours are other pictures

    def test_attributes_are_zero_or_one_in_the_order_of_the_header(self, celeba_truth):
        labels = load_celeba("test").labels
        assert labels.shape == (3, len(celeba.ATTRIBUTES)) == (3, 40)
        expected = [[(i + k) % 9 == 0 for k in range(40)] for i in (2, 5, 8)]
        assert torch.equal(labels, torch.tensor(expected).long())

    def test_without_the_attributes_there_are_no_labels(self, celeba_truth, tmp_path):
        (tmp_path / celeba.ATTRIBUTE_FILE).unlink()
        assert load_celeba("train").labels is None

    def test_crop_and_size(self, celeba_truth):
        small = load_celeba("train", 1, size=35).images
        blocks = celeba_truth[:1, :, 39:179, 19:159].unfold(2, 4, 4).unfold(3, 4, 4).mean((-2, -1))
        assert (small - blocks)[..., 1:-1, 1:-1].abs().max() < 0.03
        whole = load_celeba("train", 1, size=178, crop=178).images
        assert (whole - celeba_truth[:1, :, 20:198]).abs().max() < 0.06
        for bad, match in (({"size": 141}, "size: 141 .* 1 to 140"), ({"crop": 179}, "crop: 179 .* 178 x 218")):
            with pytest.raises(ValueError, match=match):
                load_celeba("train", 1, **bad)

    def test_only_as_many_as_asked_for_are_decoded(self, celeba_truth, monkeypatch):
        read = []
        real = zipfile.ZipFile.read
        monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, name: read.append(name) or real(self, name))
        assert len(load_celeba("train", 2).images) == 2
        assert read == ["img_align_celeba/000001.jpg", "img_align_celeba/000004.jpg"]

    @pytest.mark.parametrize("how", ["truncated", "altered"])
    @pytest.mark.parametrize("name", [file.name for file in celeba.CELEBA.files])
    def test_damaged_files_are_refused(self, celeba_truth, tmp_path, name, how):
        damage(tmp_path / name, how)
        with pytest.raises(ValueError, match=f"{name}: md5 .* truncated or altered"):
            load_celeba("train")

    @pytest.mark.parametrize("name", [celeba.ARCHIVE, celeba.PARTITION])
    def test_a_missing_file_is_named_with_its_page_size_and_licence(self, celeba_truth, tmp_path, name):
        (tmp_path / name).unlink()
        with pytest.raises(FileNotFoundError) as error:
            load_celeba("train")
        record = celeba.CELEBA
        assert str(error.value).count(" MB)") + str(error.value).count(" GB)") == 1  # the other file is there
        for words in (name, record.file(name).size, record.page, record.licence, str(tmp_path), "Nothing is fetched"):
            assert words in str(error.value)

    def test_files_may_lie_in_a_folder_of_their_own(self, celeba_truth, tmp_path):
        (tmp_path / "celeba").mkdir()
        for file in celeba.CELEBA.files:
            (tmp_path / file.name).rename(tmp_path / "celeba" / file.name)
        assert len(load_celeba("validation").images) == 3

    def test_refusals(self, celeba_truth):
        for arguments, match in (
            (("valid",), "split: 'valid' .* train, validation, test"),
            (("train", 4), "limit: 4 .* celeba holds 3 images"),
        ):
            with pytest.raises(ValueError, match=match):
                load_celeba(*arguments)
        with pytest.raises(ValueError, match="dtype"):
            load_celeba("train", dtype=torch.uint8)


class TestFFHQ:
    @pytest.mark.parametrize("packed", [False, True])
    def test_the_first_are_for_training_and_the_last_are_held_out(self, put_ffhq, packed):
        truth = put_ffhq(packed=packed)
        train, held_out = load_ffhq("train", 3, size=128), load_ffhq("validation", size=128)
        assert torch.equal(train.images, truth[:3])
        assert torch.equal(held_out.images, truth[6:])
        assert train.labels is None
        assert train.source == held_out.source == "ffhq"

    def test_without_metadata_the_source_says_that_nothing_vouches_for_it(self, put_ffhq):
        put_ffhq(metadata=False)
        assert load_ffhq("train", 2).source == "ffhq (checksums not verified)"

    def test_smaller_images_are_means_of_larger_ones(self, put_ffhq):
        truth = put_ffhq()
        blocks = truth[:3].unfold(2, 4, 4).unfold(3, 4, 4).mean((-2, -1))
        small = load_ffhq("train", 3, size=32).images
        assert (small - blocks)[..., 1:-1, 1:-1].abs().max() < 1.5 / 127.5

    @pytest.mark.parametrize("metadata", [True, False])
    @pytest.mark.parametrize("how", ["truncated", "altered"])
    def test_a_damaged_picture_is_refused_by_name(self, put_ffhq, tmp_path, metadata, how):
        put_ffhq(metadata=metadata)
        assert len(load_ffhq("train", 2).images) == 2
        damage(tmp_path / thumbnail_name(1), how)
        assert len(load_ffhq("train", 1).images) == 1  # the others are as before
        with pytest.raises(ValueError, match=r"thumbnails128x128/00000/00001\.png: "):
            load_ffhq("train", 2)

    def test_an_exchanged_picture_is_noticed_by_the_metadata_alone(self, put_ffhq, tmp_path):
        put_ffhq()
        (tmp_path / thumbnail_name(0)).write_bytes((tmp_path / thumbnail_name(5)).read_bytes())
        with pytest.raises(ValueError, match=r"00000\.png: size or md5 .* truncated or altered"):
            load_ffhq("train", 1)
        (tmp_path / ffhq.METADATA).unlink()
        assert load_ffhq("train", 1).source.endswith("(checksums not verified)")

    def test_altered_metadata_are_refused(self, put_ffhq, tmp_path):
        put_ffhq()
        damage(tmp_path / ffhq.METADATA, "altered")
        with pytest.raises(ValueError, match="ffhq-dataset-v2.json: md5 .* truncated or altered"):
            load_ffhq("train", 1)

    def test_pictures_of_another_size_are_refused(self, put_ffhq, tmp_path):
        from data.archives import encoded, smooth_images

        put_ffhq(metadata=False)
        (tmp_path / thumbnail_name(0)).write_bytes(encoded(smooth_images(1, 0, 64, 64)[0], "PNG"))
        with pytest.raises(ValueError, match=r"00000\.png: .* it is 64 x 64, not 128 x 128"):
            load_ffhq("train", 1)

    def test_an_incomplete_set_is_refused_with_the_number(self, put_ffhq, tmp_path):
        put_ffhq()
        for i in (5, 7):
            (tmp_path / thumbnail_name(i)).unlink()
        with pytest.raises(ValueError, match=r"2 of 9 pictures are missing, the first is .*00004/00005\.png"):
            load_ffhq("train", 1)

    @pytest.mark.parametrize("how", ["truncated", "altered"])
    def test_a_damaged_archive_is_refused(self, put_ffhq, tmp_path, how):
        put_ffhq(packed=True, metadata=False)
        path = tmp_path / ffhq.ARCHIVE
        if how == "truncated":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        else:
            content = bytearray(path.read_bytes())
            content[200] ^= 1  # inside the first picture
            path.write_bytes(content)
        with pytest.raises(ValueError, match="truncated or altered"):
            load_ffhq("train", 1)

    def test_a_missing_set_is_explained(self, tmp_path, monkeypatch):
        with pytest.raises(FileNotFoundError) as error:
            load_ffhq(folder=tmp_path)
        for words in (ffhq.THUMBNAILS, ffhq.ARCHIVE, "1.95 GB", ffhq.FFHQ.page, "CC BY-NC-SA", str(tmp_path)):
            assert words in str(error.value)
        monkeypatch.delenv("LOWDIM_DATA", raising=False)
        with pytest.raises(FileNotFoundError, match="set LOWDIM_DATA to the folder"):
            load_ffhq()

    def test_what_the_doctor_says(self, put_ffhq, tmp_path):
        assert ffhq.examine(tmp_path) == ["thumbnails128x128: not there"]
        put_ffhq()
        assert ffhq.examine() == ["thumbnails128x128: all 9 there", "ffhq-dataset-v2.json: intact"]
        (tmp_path / ffhq.METADATA).write_text(json.dumps({}))
        assert ffhq.examine()[1] == "ffhq-dataset-v2.json: DAMAGED: its checksum differs"
        (tmp_path / ffhq.METADATA).unlink()
        (tmp_path / thumbnail_name(0)).unlink()
        assert [line.split(":")[0] for line in ffhq.examine()] == ["DAMAGED", "ffhq-dataset-v2.json"]
        assert ffhq.examine()[1].endswith("checksums not verified")


def test_real_records_add_up():
    assert sum(celeba.CELEBA.splits.values()) == 202_599
    assert sum(ffhq.FFHQ.splits.values()) == 70_000
    assert thumbnail_name(69_999) == "thumbnails128x128/69000/69999.png"


def test_checksums_are_those_that_torchvision_lists():
    from lowdim.compat import import_torchvision

    import_torchvision()
    from torchvision.datasets import CIFAR10, CelebA

    from lowdim.data import cifar10

    listed = {name: md5 for _, md5, name in CelebA.file_list} | {CIFAR10.filename: CIFAR10.tgz_md5}
    original = cifar10.SOURCES[cifar10.ORIGINAL]
    for file in (*celeba.CELEBA.files, *original.files):
        assert file.checksum == f"md5:{listed[file.name]}"
