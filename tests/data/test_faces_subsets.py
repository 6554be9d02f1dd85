"""The two lists of faces that training sets are cut from."""

import pytest
import torch

from lowdim.data.faces import listed_faces


def test_sets_of_one_list_are_nested_and_the_lists_disjoint():
    first, other = listed_faces(64), listed_faces(64, other=True)
    assert first.shape == (64, 3, 16, 16)
    torch.testing.assert_close(listed_faces(16), first[:16])
    assert float(torch.cdist(first.flatten(1), other.flatten(1)).min()) > 0.05
    with pytest.raises(ValueError, match="number: 0"):
        listed_faces(0)
