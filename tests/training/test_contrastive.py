"""The contrastive loss and its gradient."""

import pytest
import torch

from lowdim.seeding import make_generator
from lowdim.training.contrastive import contrastive_gradient, contrastive_loss

LOGITS = 3 * torch.randn(2, 5, 5, generator=make_generator(0, "test", "contrastive"), dtype=torch.float64)


def test_loss_is_the_mean_of_two_cross_entropies():
    index = torch.arange(5)
    entropy = torch.nn.functional.cross_entropy
    each = [(entropy(m, index) + entropy(m.T, index)) / 2 for m in LOGITS]
    torch.testing.assert_close(contrastive_loss(LOGITS), torch.stack(each))


def test_gradient_is_that_of_the_loss():
    logits = LOGITS.clone().requires_grad_()
    (exact,) = torch.autograd.grad(contrastive_loss(logits).sum(), logits)
    torch.testing.assert_close(contrastive_gradient(LOGITS), exact)


def test_a_constant_changes_nothing():
    torch.testing.assert_close(contrastive_loss(LOGITS + 7), contrastive_loss(LOGITS))


@pytest.mark.parametrize("logits", [torch.ones(3, 4), torch.ones(1, 1), torch.ones(2, 2, dtype=torch.long)])
def test_other_shapes_are_refused(logits):
    with pytest.raises(ValueError, match="n >= 2"):
        contrastive_loss(logits)
