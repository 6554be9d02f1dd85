"""Clips, encoders, frameworks, training and evaluation of the chapter on ViDiDi."""

import pytest
import torch
from torch import nn

from lowdim.compat import import_torchvision
from lowdim.data.motion import DIRECTIONS, render_in_parts, sample_scenes
from lowdim.papers.vididi.clips import Clips, crop
from lowdim.papers.vididi.differences import difference
from lowdim.papers.vididi.encoders import RepeatLast, SmallR3D, video_net
from lowdim.papers.vididi.evaluate import consistency, extract_features, linear_probe, recalibrate, retrieval
from lowdim.papers.vididi.frameworks import BYOL, FRAMEWORKS, VICReg, simclr_loss, vicreg_loss
from lowdim.papers.vididi.schedule import SCHEDULES, PairSchedule
from lowdim.papers.vididi.train import pretrain
from lowdim.seeding import make_generator

CLIPS = Clips(frames=4, size=16)


@pytest.fixture(scope="module")
def videos():
    return render_in_parts(sample_scenes(12, make_generator(0, "vididi-test"), motions=DIRECTIONS), 9, 16)


def fresh(name="vicreg"):
    torch.manual_seed(0)
    return FRAMEWORKS[name](SmallR3D((4, 8)), 16, 8)


def test_pairs_are_consecutive_and_augmented_alike(videos):
    """Without augmentation a pair is two neighbouring windows; crops and light are constant over a clip."""
    plain = Clips(frames=4, size=16, area=(1.0, 1.0), jitter=0.0)
    index = torch.arange(12)
    pairs = plain.pairs(videos, index, make_generator(0, "pairs"))
    assert pairs.shape == (12, 2, 3, 4, 16, 16)
    whole = videos.float() / 127.5 - 1
    for video, pair in zip(whole, pairs, strict=True):
        starts = [s for s in range(2) if torch.allclose(video[:, s : s + 4], pair[0], atol=1e-5)]
        assert any(torch.allclose(video[:, s + 4 : s + 8], pair[1], atol=1e-5) for s in starts)
    still = torch.rand(5, 1, 3, 16, 16, generator=make_generator(1, "pairs")).expand(5, 4, 3, 16, 16)
    moved = CLIPS.augment(still, make_generator(2, "pairs"))
    assert difference(moved).abs().max() < 1e-6
    assert not torch.allclose(moved[:, :, 0], still[:, 0])
    flickering = Clips(frames=4, size=16, per_frame=True).augment(still, make_generator(2, "pairs"))
    assert difference(flickering).abs().mean() > 0.02


def test_independent_clips_strides_and_sizes(videos):
    apart = Clips(frames=3, stride=2, size=8, gap="any")
    assert apart.pairs(videos, torch.tensor([3, 1]), make_generator(0, "pairs")).shape == (2, 2, 3, 3, 8, 8)
    apart.check(videos)
    with pytest.raises(ValueError, match="9 frames are too few for two consecutive clips of 8 frames.*at least 16"):
        Clips().check(videos)
    with pytest.raises(ValueError, match="give bytes"):
        CLIPS.check(videos.float())
    central = CLIPS.central(videos, [0, 5])
    torch.testing.assert_close(central[:, 1], videos[:, :, 5:9].float() / 127.5 - 1, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": 0}, "frames: 0 is not allowed"),
        ({"stride": 0}, "stride: 0 is not allowed"),
        ({"size": 2.5}, "size: 2.5 is not allowed"),
        ({"area": (1.0, 0.8)}, r"area: \(1.0, 0.8\) is not allowed.*0 < low <= high <= 1"),
        ({"area": (-0.5, 1.0)}, r"area: \(-0.5, 1.0\)"),
        ({"area": 0.8}, "area: 0.8"),
        ({"jitter": -0.1}, "jitter: -0.1"),
        ({"jitter": float("nan")}, "jitter: nan"),
        ({"gap": "x"}, "gap: 'x' is unknown; choose one of none, any"),
    ],
)
def test_clips_refuse(change, message):
    with pytest.raises(ValueError, match=message):
        Clips(**change)


def test_crop_is_where_it_should_be():
    picture = torch.arange(8.0).expand(1, 1, 8, 8)
    left = crop(picture, torch.tensor([0.5]), torch.tensor([[-0.5, 0.0]]), 4)
    torch.testing.assert_close(left[0, 0, 0], torch.tensor([0.0, 1, 2, 3]))


def test_losses_by_another_route():
    z1, z2 = torch.randn(2, 6, 5, generator=make_generator(0, "losses"), dtype=torch.float64)
    u, v = z1 / z1.norm(dim=1, keepdim=True), z2 / z2.norm(dim=1, keepdim=True)
    logits, own = u @ v.T / 0.1, torch.arange(6)
    both = nn.functional.cross_entropy(logits, own) + nn.functional.cross_entropy(logits.T, own)
    torch.testing.assert_close(simclr_loss(z1, z2), both / 2)
    wanted = ((z1 - z2) ** 2).mean()
    for z in (z1, z2):
        cov = torch.cov(z.T)
        wanted = wanted + 0.5 * torch.clamp(1 - torch.sqrt(cov.diag() + 1e-4), min=0).mean()
        wanted = wanted + 0.04 * (cov - torch.diag(cov.diag())).pow(2).sum() / 5
    torch.testing.assert_close(vicreg_loss(z1, z2), wanted)
    byol = BYOL(SmallR3D((4,)), 8, 5)
    torch.testing.assert_close(byol.compare(z1, z2), (u - v).square().sum(1).mean())


def test_frameworks_have_one_signature_and_byol_follows_slowly():
    views = torch.randn(2, 6, 3, 6, 16, 16, generator=make_generator(0, "views"))
    for name in FRAMEWORKS:
        model = fresh(name)
        loss = model(*views)
        assert loss.shape == ()
        loss.backward()
        trained = {key for key, p in model.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0}
        assert any(key.startswith("encoder") for key in trained)
        assert not any(key.startswith("target") for key in trained)
    before = [p.clone() for p in model.target.parameters()]
    with torch.no_grad():
        for p in model.encoder.parameters():
            p.add_(1.0)
    for _ in range(300):  # its decay rises to 0.99
        model.after_step()
    moved = [float((q - p).mean()) for p, q in zip(before, model.target.parameters(), strict=True)]
    assert moved[0] == pytest.approx(1, abs=0.1)
    assert model.state_dict().keys() >= {f"target.{key}" for key in model.target.state_dict()}


def test_views_never_share_batch_statistics():
    """The embedding of a view does not change when the other one does."""
    model, seen = fresh(), []
    model.compare = lambda z1, z2: seen.append(z1.detach()) or z1.sum()
    views = torch.randn(3, 6, 3, 6, 16, 16, generator=make_generator(1, "views"))
    model(views[0], views[1])
    model(views[0], 100 * views[2])
    assert torch.equal(seen[0], seen[1])


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_training_repeats_resumes_and_sees_every_video_once_a_pass(videos, tmp_path, name):
    def weights(**options):
        model = fresh(name)
        steps = pretrain(model, videos, PairSchedule(), 4, make_generator(0, "t"), clips=CLIPS, batch=4, **options)
        return model, steps

    model, steps = weights()
    losses = [step.loss for step in steps]
    assert len(losses) == 12
    again, steps = weights(checkpoint=tmp_path / name)
    assert [step.loss for step in steps] == losses
    resumed, steps = weights(checkpoint=tmp_path / name)
    assert list(steps) == []  # finished before
    for one in (again, resumed):
        for key, value in model.encoder.state_dict().items():
            assert torch.equal(value, one.encoder.state_dict()[key]), key


def test_training_differentiates_as_the_schedule_says(videos):
    seen = []

    class Spy(VICReg):
        def forward(self, view1, view2):
            seen.append((view1.detach(), view2.detach()))
            return super().forward(view1, view2)

    torch.manual_seed(0)
    plan = PairSchedule(p_random=0.0)
    for _ in pretrain(Spy(SmallR3D((4, 8)), 16, 8), videos, plan, 4, make_generator(0, "t"), clips=CLIPS, batch=6):
        pass
    lengths = [view.shape[2] for view, _ in seen]
    assert lengths == [3, 3, 3, 3, 3, 3, 4, 4]  # two batches of each mode; mixed pairs are cut
    sizes = [[float(view.abs().mean()) for view in pair] for pair in seen[::2]]
    assert max(sizes[0]) < min(sizes[3])  # differences are small, frames are not
    assert sizes[1][0] > 2 * sizes[1][1]
    assert sizes[2][1] > 2 * sizes[2][0]


def test_training_refuses_what_cannot_work(videos):
    def start(**options):
        settings = {"videos": videos, "clips": CLIPS, "batch": 4} | options
        next(pretrain(fresh(), settings.pop("videos"), SCHEDULES["vididi"], 1, make_generator(0, "t"), **settings))

    still = videos.clone()
    still[3] = still[3][:, :1]
    with pytest.raises(ValueError, match="1 of 12 videos are constant"):
        start(videos=still)
    with pytest.raises(ValueError, match="2 frames are too few for derivatives of order 2"):
        start(clips=Clips(frames=2, size=16))
    with pytest.raises(ValueError, match="batch: 13"):
        start(batch=13)
    with pytest.raises(ValueError, match="schedule: 'vididi' is not allowed; give a PairSchedule"):
        next(pretrain(fresh(), videos, "vididi", 1, make_generator(0, "t"), clips=CLIPS, batch=4))
    with pytest.raises(ValueError, match="encoder: Flatten has no `outputs`; set encoder.outputs"):
        VICReg(nn.Flatten(), 16, 8)


def test_features_retrieval_and_probe(videos):
    encoder = fresh().encoder
    recalibrate(encoder, videos, CLIPS)
    one, two = (extract_features(encoder, videos, CLIPS, starts=[s]) for s in (0, 4))
    torch.testing.assert_close(extract_features(encoder, videos, CLIPS, starts=[0, 4], batch=5), (one + two) / 2)
    assert one.shape == (12, 8)
    with pytest.raises(ValueError, match="starts: a clip at 6.*at most 5"):
        extract_features(encoder, videos, CLIPS, starts=[6])
    for starts in ([-1, 0], []):
        with pytest.raises(ValueError, match=r"starts: \[.*\] is not allowed.*all >= 0"):
            extract_features(encoder, videos, CLIPS, starts=starts)
    for reads in (extract_features, recalibrate):
        with pytest.raises(ValueError, match="of torch.float32; give bytes"):
            reads(encoder, videos / 255, CLIPS)
    assert torch.equal(extract_features(encoder, videos, CLIPS), one)  # refused before anything changed
    labels = torch.arange(12) % 3
    clear = torch.nn.functional.one_hot(labels, 4).double() + 0.1
    assert retrieval(clear, clear, labels, labels) == 1
    assert retrieval(clear, clear.roll(1, 1), labels, labels) == 0
    assert linear_probe(clear, clear, labels, labels) == 1


def test_recalibrated_statistics_are_those_of_one_order(videos):
    """In evaluation, the first normalised layer has mean zero and variance one over the clips it was set to."""
    for order in (0, 1):
        encoder = fresh().encoder
        recalibrate(encoder, videos, CLIPS, order)
        clips = difference(CLIPS.central(videos, [0]).flatten(0, 1), order)
        hidden = encoder[1](encoder[0](clips)).transpose(0, 1).flatten(1)
        torch.testing.assert_close(hidden.mean(1), torch.zeros(4), atol=1e-3, rtol=0)
        torch.testing.assert_close(hidden.std(1), torch.ones(4), atol=5e-3, rtol=0)
        assert encoder[1].momentum == 0.1


def test_consistency_of_clear_cases():
    x = torch.eye(5)
    assert consistency(x, x) == pytest.approx(1)
    assert consistency(x, x.roll(1, 0)) == pytest.approx(-0.25)
    assert consistency(torch.ones(5, 3), torch.ones(5, 3)) == pytest.approx(0)


def test_encoders_take_several_lengths():
    small = SmallR3D((4, 8, 16)).eval()
    for frames in (8, 7, 6):
        assert small(torch.randn(2, 3, frames, 28, 28)).shape == (2, 16)
    padded = RepeatLast(small, 8)
    clip = torch.randn(1, 3, 6, 28, 28)
    longer = torch.cat([clip, clip[:, :, -1:], clip[:, :, -1:]], 2)
    torch.testing.assert_close(padded(clip), small(longer))
    with pytest.raises(ValueError, match="at most 5"):
        RepeatLast(small, 5)(clip)


@pytest.mark.skipif(import_torchvision() is None, reason="torchvision is not installed")
@pytest.mark.parametrize("name", ["r3d_18", "s3d"])
def test_networks_of_torchvision(name):
    net = video_net(name).eval()
    frames = 16 if name == "s3d" else 6
    with torch.no_grad():
        assert net(torch.randn(1, 3, frames, 32, 32)).shape == (1, net.outputs)
    from torchvision.models import video

    ours, theirs = net.state_dict().keys(), getattr(video, name)(weights=None).state_dict().keys()
    assert set(ours) == {key for key in theirs if not key.startswith(("fc.", "classifier."))}
    with pytest.raises(ValueError, match="r4d"):
        video_net("r4d")
