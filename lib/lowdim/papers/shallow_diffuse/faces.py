"""Experiments on faces: what a key does to the posterior mean, to the picture, and what is left of it to read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lowdim.data.faces import sample_faces
from lowdim.denoising.samplers import euler
from lowdim.papers.shallow_diffuse import world
from lowdim.papers.shallow_diffuse.baselines import SpreadSpectrum, tree_ring
from lowdim.papers.shallow_diffuse.detect import Detector, correlation, key_p_values
from lowdim.papers.shallow_diffuse.keys import make_key
from lowdim.papers.shallow_diffuse.settings import MILD, PROFILES
from lowdim.papers.shallow_diffuse.watermark import ShallowDiffuse, from_axes, inject, restore_channels, to_axes
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

SHARES = (0.1, 0.2, 0.3, 0.5, 0.7)


def posterior_mean(profile: str, seed: int, device: str) -> Record:
    """How far random directions and keys move the network's posterior mean (claims S1b, S3b, S5c, S5d)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "posterior-mean")
    D = world.network(str(where))
    faces = sample_faces(settings.jacobian_faces, generator).images
    channel = {"channels": world.CHANNEL, "strength": 1.0}
    bands = {"low": world.LOW_BAND, "high": world.BAND}
    keys = {name: make_key(world.SIZE, *band, generator, **channel) for name, band in bands.items()}  # type: ignore[arg-type]
    curves = {name: np.zeros(len(SHARES)) for name in ("random", *keys)}
    for i, share in enumerate(SHARES):
        sigma = float(world.tail(settings.steps, share)[0])
        x = (faces + sigma * torch.randn(faces.shape, generator=generator)).to(where)
        before = D(x, sigma)
        noise = torch.randn(settings.jacobian_directions, *x.shape[1:], generator=generator).to(where)
        size = float((inject(x, keys["high"], sigma) - x).flatten(1).norm(dim=1).mean())
        curves["random"][i] = _moved(D, x, before, sigma, size, noise)
        for name, key in keys.items():
            marked = inject(x, key, sigma)
            moved = (D(marked, sigma) - before).flatten(1).norm(dim=1) / (marked - x).flatten(1).norm(dim=1)
            curves[name][i] = float(moved.square().mean().sqrt())
    asked = [SHARES.index(share) for share in (0.2, 0.3, 0.5)]
    low, random, high = (curves[name][asked] for name in ("low", "random", "high"))
    return Record(
        claims={
            "06-S1b": _against_frobenius(D, x, before, sigma, noise, generator),
            "06-S3b": _identity(D, x, float(world.tail(settings.steps, 0.3)[0])),
            "06-S5c": min((random / high).min(), (low / random).min()),
            "06-S5d": (high / low).max(),
        },
        arrays={"shares": np.array(SHARES), **curves},
    )


def _moved(D: object, x: Tensor, before: Tensor, sigma: float, size: float, noise: Tensor) -> float:
    """Root mean square of ``|f(x + v) - f(x)| / |v|`` over random directions of length ``size``."""
    unit = noise / noise.flatten(1).norm(dim=1)[:, None, None, None]
    moved = [D(x[i : i + 1] + size * unit, sigma) - before[i : i + 1] for i in range(len(x))]  # type: ignore[operator]
    return float((torch.stack(moved).flatten(2).norm(dim=2) / size).square().mean().sqrt())


def _against_frobenius(
    D: object, x: Tensor, before: Tensor, sigma: float, noise: Tensor, generator: torch.Generator
) -> float:
    """Root mean square of ``|J u|`` over one set of directions, over ``|J|_F / sqrt(d)`` from another set of signs
    (Hutchinson): two estimates of one number.
    """
    signs = torch.randint(0, 2, noise.shape, generator=generator).to(noise) * 2 - 1
    return _moved(D, x, before, sigma, 0.1, noise) / _moved(D, x, before, sigma, 0.1, signs)


def _identity(D: object, x: Tensor, high: float) -> float:
    """Relative error of the one-step identity on the network, from level ``high`` down to 0.8 of it and back."""
    low = 0.8 * high
    before = D(x, high)  # type: ignore[operator]
    y = before + low * (x - before) / high
    after = D(y, low)  # type: ignore[operator]
    error = y + (high - low) * (y - after) / low - x
    return float((error - (high - low) / low * (before - after)).norm() / error.norm())


def gallery(profile: str, seed: int, device: str) -> Record:
    """The server's scenario: the same noise drawn without a mark, marked at every level, and by Tree-Ring."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "gallery")
    D, steps = world.network(str(where)), settings.steps
    grid = world.tail(steps, 1.0)
    start = float(grid[0]) * torch.randn(settings.shown, 3, world.SIZE, world.SIZE, generator=generator).to(where)
    path = [step.x for step in euler(D, start, grid)]
    key, clean = world.face_key(generator), path[-1]
    marked, decibels = [], []
    for count in range(1, steps + 1):
        method = ShallowDiffuse(D, key, grid[-count - 1 :], average=False)
        found = method.embed_state(path[steps - count], clean)
        marked.append(world.saved(found.marked.cpu()))
        decibels.append(world.distortion_of(found.marked, clean))
    low = make_key(world.SIZE, *world.LOW_BAND, generator, channels=0)
    deep = tree_ring(D, low, grid).embed_state(start, clean).marked
    at = int(world.INJECTION * steps) - 1
    ours = world.saved(restore_channels(marked[at], clean.cpu(), key))
    return Record(
        arrays={
            "clean": world.saved(clean.cpu()), "marked": torch.stack(marked), "decibels": np.array(decibels),
            "sigmas": grid[:-1].flip(0).numpy(), "tree_ring": world.saved(deep.cpu()), "at": np.array(at),
            "tree_ring_decibels": np.array(world.distortion_of(deep, clean)), "ours": ours,
            "spectra": _spectra([clean.cpu(), ours, deep.cpu()]), "mask": key.mask.numpy(),
        },
    )  # fmt: skip


def _spectra(sets: Sequence[Tensor]) -> Tensor:
    """Mean size of the Fourier coefficients of each set of pictures on the axes of colour, zero in the middle:
    ``(sets, 3, H, W)``.
    """
    axes = make_key(world.SIZE, 0, 1, torch.Generator())
    size = [torch.fft.fft2(to_axes(x.float(), axes), norm="ortho").abs().mean(0) for x in sets]
    return torch.fft.fftshift(torch.stack(size), dim=(-2, -1))


def where_from(profile: str, seed: int, device: str) -> Record:
    """Decibels of a key of strength 1 by level, band and channel: where the invisibility comes from (claims S6)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "where-from")
    D = world.network(str(where))
    decibels = np.zeros((2, 2, 2))  # level, band, channel
    for i, share in enumerate((1.0, world.INJECTION)):
        grid = world.tail(settings.steps, share)
        x = world.faces_at(float(grid[0]), max(2, settings.pairs // 3), generator).to(where)
        clean = None
        for j, band in enumerate((world.LOW_BAND, world.BAND)):
            for k, channel in enumerate((0, world.CHANNEL)):
                key = make_key(world.SIZE, *band, generator, channels=channel)
                found = ShallowDiffuse(D, key, grid, average=False).embed_state(x, clean)
                clean = found.clean
                decibels[i, j, k] = world.distortion_of(found.marked, clean)
    return Record(
        claims={
            "06-S6a": decibels[1, 1, 1] - decibels[0, 0, 1],
            "06-S6b": decibels[1, 1, 1] - decibels[1, 0, 1],
            "06-S6d": decibels[1, 1, 1] - decibels[0, 1, 1],
        },
        arrays={"decibels": decibels},
    )


def robustness(profile: str, seed: int, device: str) -> Record:
    """The chapter's mark under every attack, and an additive mark of equal distortion (claims S7, S8, S15, S18)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "robustness")
    D, grid = world.network(str(where)), world.tail(settings.steps, world.INJECTION)
    key = world.face_key(generator)
    method = ShallowDiffuse(D, key, grid)
    others = world.other_keys(settings.other_keys, seed, channels=world.CHANNEL)
    found = method.embed_state(world.faces_at(method.sigma, settings.pairs, generator).to(where))
    decibels = world.distortion_of(found.marked, found.clean)
    added = SpreadSpectrum.at_psnr(key, decibels)
    plain = added.embed(found.clean)
    names, rows, scores = [*settings.attacks, "averaging"], [], []
    unmarked = found.clean[: settings.negatives]
    for name in names:
        if name == "averaging":
            pictures = [world.saved(x - (x - found.clean).mean(0)) for x in (found.marked, plain)]
            pictures.append(world.saved(unmarked))
        else:
            attack = world.attack_named(name, D, settings.steps, seed)
            pictures = [attack(x) for x in (found.marked, plain, unmarked)]
        ours = world.detect(method, pictures[0], pictures[2], others)
        theirs = world.judge_read(added.read(pictures[1]), added.read(pictures[2]), key, others)
        rows.append([*ours.rate, ours.mean, *theirs.rate, theirs.mean])
        scores.append(ours.scores)
    table = np.array(rows)
    record = Record(
        claims=_robustness_claims(names, table),
        arrays={"names": np.array(names), "table": table, "scores": torch.stack(scores)},
    )
    record.number("decibels", decibels, "dB", tolerance=0.3)
    record.number("evaluations-embed", found.evaluations, "a picture", tolerance=0)
    record.number("evaluations-read", method.read_evaluations, "a picture", tolerance=0)
    return record


def _robustness_claims(names: Sequence[str], table: np.ndarray) -> dict[str, float]:
    """Claims on rates; those on attacks that were not tried are left out."""
    ours, theirs = (dict(zip(names, table[:, column], strict=True)) for column in (0, 4))
    claims = {"06-S15b": ours["averaging"]}
    if "DiffPure 0.1T" in names:
        claims["06-S18d"] = ours["DiffPure 0.1T"] - theirs["DiffPure 0.1T"]
    if set(MILD) <= set(names):
        mean, other = (float(np.mean([rates[name] for name in MILD])) for rates in (ours, theirs))
        claims |= {"06-S8": mean, "06-S18c": other - mean}
    if "DiffPure 0.3T" in names:
        claims["06-S15a"] = ours["as saved"] - ours["DiffPure 0.3T"]
        claims["06-S15c"] = ours["averaging"] - ours["DiffPure 0.1T"]
    return claims


def false_alarms(profile: str, seed: int, device: str) -> Record:
    """Unmarked faces set a threshold, others test it, marked ones are found (claims S7, S17)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "false-alarms")
    D, grid = world.network(str(where)), world.tail(settings.steps, world.INJECTION)
    method = ShallowDiffuse(D, world.face_key(generator), grid)
    count = settings.calibration_negatives + settings.fresh_negatives
    faces = world.saved(sample_faces(count, generator).images)
    read = torch.cat([method.read(part.to(where)).cpu() for part in faces.split(64)])
    scores = correlation(read, method.key)
    detector = Detector.calibrate(scores[: settings.calibration_negatives], world.RATE)
    rate = detector.rate(scores[settings.calibration_negatives :])
    marked = world.saved(method.embed_state(world.faces_at(method.sigma, settings.pairs, generator).to(where)).marked)
    positives = correlation(method.read(marked), method.key).cpu()
    # A fresh key for every picture: its p-value among other keys is uniform, whatever the picture.
    others = world.other_keys(settings.other_keys, seed, channels=world.CHANNEL)
    keys = world.other_keys(len(read), seed + 1, channels=world.CHANNEL)
    p = torch.cat([key_p_values(read[i : i + 1], keys[i], others) for i in range(len(read))])
    return Record(
        claims={
            "06-S7a": detector.rate(positives).value,
            "06-S7b": detector.area(positives),
            "06-S17c": rate.value,
            "06-S17d": float((p <= 0.05).double().mean()),
        },
        arrays={"scores": scores, "positives": positives, "threshold": np.array(detector.threshold), "p": p,
                "rate": np.array(rate)},
    )  # fmt: skip


def user(profile: str, seed: int, device: str) -> Record:
    """The user's scenario: drawn faces that the network has not made are inverted, marked, and read (claims S11)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "shallow-diffuse", "user")
    D, grid = world.network(str(where)), world.tail(settings.steps, world.INJECTION)
    key = world.face_key(generator)
    method = ShallowDiffuse(D, key, grid)
    others = world.other_keys(settings.other_keys, seed, channels=world.CHANNEL)
    faces = world.saved(sample_faces(settings.pairs // 2 or 1, generator).images)
    found = method.embed_picture(faces.to(where))
    ceiling, marked = (world.distortion_of(x, faces) for x in (found.clean, found.marked))
    # A user has the picture itself: the channels without a key can come from it.
    z = to_axes(faces, key)
    z[:, [world.CHANNEL]] = to_axes(found.marked.cpu(), key)[:, [world.CHANNEL]]
    kept = from_axes(z, key)
    rows = (faces, found.clean.cpu(), found.marked.cpu(), kept)
    unmarked = rows[1][: settings.negatives].to(where)
    rates = [world.detect(method, world.saved(x).to(where), world.saved(unmarked), others).rate.value for x in rows[2:]]
    record = Record(
        claims={"06-S11a": ceiling - marked, "06-S11b": rates[0]},
        arrays={"rows": torch.stack([world.saved(x[:6]) for x in rows])},
    )
    record.number("user-round-trip", ceiling, "dB", tolerance=0.3)
    record.number("user-marked", marked, "dB", tolerance=0.3)
    record.number("user-kept", world.distortion_of(kept, faces), "dB", tolerance=0.3)
    record.number("user-kept-found", rates[1], tolerance=0.1)
    record.number("evaluations-user", found.evaluations, "a picture", tolerance=0)
    return record
