import pytest
import torch

from lowdim.metrics.clustering import clustering_accuracy, normalised_mutual_information


def test_names_of_clusters_do_not_matter():
    truth = torch.tensor([0, 0, 1, 1, 2, 2])
    renamed = torch.tensor([7, 7, 3, 3, 5, 5])
    assert clustering_accuracy(truth, renamed) == 1
    assert normalised_mutual_information(truth, renamed) == pytest.approx(1)


def test_accuracy_counts_each_cluster_once():
    truth = torch.tensor([0, 0, 0, 1, 1, 1])
    assert clustering_accuracy(truth, torch.zeros(6, dtype=torch.long)) == 0.5  # one cluster can take one label only
    assert clustering_accuracy(truth, torch.tensor([0, 0, 1, 1, 2, 2])) == pytest.approx(
        4 / 6
    )  # more clusters than labels
    assert normalised_mutual_information(truth, torch.zeros(6, dtype=torch.long)) == 0


def test_refusals():
    with pytest.raises(ValueError, match="shapes"):
        clustering_accuracy(torch.zeros(3).long(), torch.zeros(4).long())
    with pytest.raises(ValueError, match="floating"):
        normalised_mutual_information(torch.zeros(3), torch.zeros(3).long())
