import torch

from lowdim.denoising.networks import EDMDenoiser, small_unet
from lowdim.training.pictures import train_on_pictures


def test_a_network_learns_the_one_picture_it_sees_and_the_seed_decides() -> None:
    picture = torch.randn(3, 8, 8, generator=torch.Generator().manual_seed(0)).clamp(-1, 1)

    def learn(steps: int):
        torch.manual_seed(1)
        model = EDMDenoiser(small_unet(8, (8, 8)), 0.5)
        draws = torch.Generator().manual_seed(1)
        return train_on_pictures(model, lambda n, _: picture.expand(n, -1, -1, -1), steps, 8, draws)

    noisy = picture + 0.5 * torch.randn(4, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    start, trained, again = (learn(steps)(noisy, 0.5) for steps in (1, 120, 120))
    torch.testing.assert_close(trained, again, rtol=0, atol=0)
    assert float((trained - picture).square().mean()) < 0.7 * float((start - picture).square().mean())
    assert not any(p.requires_grad for p in learn(1).parameters())
