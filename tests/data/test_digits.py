import pytest
import torch

from lowdim.data.digits import load_digits


def test_split_is_fixed_disjoint_and_complete():
    train, test, everything = load_digits("train"), load_digits("test"), load_digits("all")
    assert train.images.shape == (1500, 1, 8, 8)
    assert test.images.shape == (297, 1, 8, 8)
    assert torch.equal(torch.cat([train.images, test.images]), everything.images)
    assert torch.equal(torch.cat([train.labels, test.labels]), everything.labels)


def test_grey_levels_span_the_unit_range():
    images, labels = load_digits("all", dtype=torch.float64)
    assert images.dtype == torch.float64
    assert (images.min(), images.max()) == (-1, 1)
    assert torch.equal(images * 8, (images * 8).round())  # sixteen grey levels, none lost
    assert labels.unique().tolist() == list(range(10))


@pytest.mark.parametrize(("arguments", "match"), [(("val",), "split: 'val'"), (("all", torch.int64), "dtype")])
def test_refusals(arguments, match):
    with pytest.raises(ValueError, match=match):
        load_digits(*arguments)
