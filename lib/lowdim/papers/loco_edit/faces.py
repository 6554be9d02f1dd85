"""Experiments on faces: how linear, local, transferable and composable the edits are."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lowdim.data.faces import NAMES
from lowdim.denoising.jacobian import top_k_svd
from lowdim.denoising.linearised import forward_mode
from lowdim.denoising.weights import load_model
from lowdim.papers.loco_edit.directions import region_gains
from lowdim.papers.loco_edit.portraits import (
    CHANGE,
    MODEL,
    WISHES,
    Edit,
    Studio,
    attribute_change,
    calm_faces,
    face_editor,
    studio,
)
from lowdim.papers.loco_edit.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

REACH = 1.5  # the strongest edit, in units of the step that changes the mask by CHANGE
LINE_SIGMAS = (0.02, 0.6, 11.7)
LINE_STRENGTHS = (0.0, 5.0, 10.0, 20.0, 30.0, 40.0)
PAIRS = ((0, 1), (0, 3), (1, 3), (0, 2), (2, 3))  # of WISHES at one noise level, in parts that do not touch
SHIFTS = (0.75, 1.33)
FIRSTS = 1  # faces whose v_1 is followed
COMPONENTS = 8


def target_of(edit: Edit) -> int:
    """The column of the attribute that the edit is for."""
    return NAMES.index(edit.wish.attribute)


def lines(profile: str, seed: int, device: str) -> Record:
    """Linearity of the prediction over the strength of a random step, and of one along ``v_1`` (claim L6)."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "lines")
    net = load_model(MODEL, device=where)
    images = calm_faces(settings.line_points, generator)[0].to(where)
    cosines = np.ones((2, len(LINE_SIGMAS), len(LINE_STRENGTHS)))
    norms = np.ones_like(cosines)
    for j, sigma in enumerate(LINE_SIGMAS):
        x = images + sigma * torch.randn(images.shape, generator=generator).to(where)
        sweeps = 1 if profile == "smoke" else 6
        first = torch.cat(
            [top_k_svd(net, point[None], sigma, 1, generator, tol=0.1, max_iter=sweeps).V for point in x[:FIRSTS]]
        )  # fmt: skip
        random = torch.randn(images.shape, generator=generator).to(where)
        random = random / random.flatten(1).norm(dim=1).reshape(-1, 1, 1, 1)
        with torch.no_grad():
            base = net(x, sigma)
        for row, v in enumerate((random, first)):
            x, base = x[: len(v)], base[: len(v)]
            slope = forward_mode(net, x, torch.full((len(x),), sigma, device=where), v)
            for i, strength in enumerate(LINE_STRENGTHS[1:], 1):
                step = strength * (1 + sigma**2) ** 0.5  # the paper's strengths are lengths in x_t
                with torch.no_grad():
                    moved = net(x + step * v, sigma).flatten(1)
                line = (base + step * slope).flatten(1)
                cosines[row, j, i] = float(torch.cosine_similarity(moved, line).mean())
                norms[row, j, i] = float((moved.norm(dim=1) / line.norm(dim=1)).mean())
    upto = [i for i, s in enumerate(LINE_STRENGTHS) if s <= 20]
    high, low = len(LINE_SIGMAS) - 1, 0
    return Record(
        claims={
            "05-L6a": cosines[0, high, upto].min(),
            "05-L6b": np.abs(norms[0, high, upto] - 1).max(),
            "05-L6c": cosines[0, high, -1] - cosines[0, low, -1],
        },
        arrays={
            "sigmas": np.array(LINE_SIGMAS), "strengths": np.array(LINE_STRENGTHS), "cosines": cosines, "norms": norms,
        },
    )  # fmt: skip


def edits(profile: str, seed: int, device: str) -> Record:
    """Every edit over its strength: pictures, and the attribute against the strength (claim L9)."""
    settings, at = PROFILES[profile], studio(profile, seed, device)
    s = torch.linspace(-REACH, REACH, settings.strengths)
    central = s.abs() <= REACH / 2 + 1e-6
    pictures, responses, fits, odd, shares = [], [], [], [], []
    for i, row in enumerate(at.edits):
        for edit in row:
            x = at.points[edit.wish.sigma][i : i + 1]
            made = at.editors[edit.wish.sigma].edit(x, edit.strength * edit.v, s.tolist())[:, 0]
            changes = attribute_change(made, made[len(s) // 2].expand_as(made))
            response = changes[:, target_of(edit)]
            responses.append(response.numpy())
            fits.append(_r_squared(s[central], response[central]))
            odd.append(float(response[-1] * response[0] < 0))
            end = changes[central][[0, -1]].abs()
            shares.append(float((end[:, target_of(edit)] / end.sum(1)).mean()))
            if i == 0:
                pictures.append(made.cpu().numpy())
    record = Record(
        claims={"05-L9a": float(np.median(fits)), "05-L9b": float(np.mean(odd))},
        arrays={
            "strengths": s.numpy(), "pictures": np.stack(pictures), "responses": np.stack(responses),
            "directions": torch.stack([edit.v for edit in at.edits[0]]), "original": at.images[:1],
            "masks": torch.stack([edit.mask for edit in at.edits[0]]), "fits": np.array(fits),
        },
    )  # fmt: skip
    record.number("share-of-target", float(np.median(shares)), tolerance=0.05)
    return record


def _r_squared(s: Tensor, response: Tensor) -> float:
    design = torch.stack([s, torch.ones_like(s)], 1)
    left = response - design @ torch.linalg.lstsq(design, response[:, None]).solution[:, 0]
    return 1 - float(left.square().sum() / (response - response.mean()).square().sum())


def locality(profile: str, seed: int, device: str) -> Record:
    """Change outside the mask at equal change inside: projected, plain, a principal component, random (claim L8)."""
    at = studio(profile, seed, device)
    generator = make_generator(seed, "loco-edit", "locality")
    images, _ = calm_faces(10 * COMPONENTS, generator)
    centred = (images - images.mean(0)).flatten(1)
    components = torch.linalg.svd(centred, full_matrices=False).Vh[:COMPONENTS].reshape(-1, *images.shape[1:])
    names = ("projected", "plain", "component", "random")
    spills = np.zeros((len(at.edits) * len(WISHES), len(names)))
    pictures = []
    for row, (i, edit) in enumerate((i, edit) for i, edits_of in enumerate(at.edits) for edit in edits_of):
        editor, x = at.editors[edit.wish.sigma], at.points[edit.wish.sigma][i : i + 1]
        noise = torch.randn(x.shape, generator=generator).to(x.device) * edit.mask
        gains = region_gains(editor.denoiser, x, editor.sigma, components.to(x.device), edit.mask)
        directions = {
            "projected": edit.v,
            "plain": edit.plain,
            "component": components[int(gains.argmax())].to(x.device),
            "random": noise[0] / noise.norm(),
        }
        for column, v in enumerate(directions.values()):
            spill, made = matched(at, i, edit, v)
            spills[row, column] = spill
            if i == 0:
                pictures.append(made.cpu().numpy())
    ratios = spills[:, 0] / spills[:, 1]
    return Record(
        claims={
            "05-L8a": float(np.median(ratios)),
            "05-L8d": float(np.median(spills[:, 0] / spills[:, 2])),
        },
        arrays={"spills": spills, "pictures": np.stack(pictures), "kept": [e.kept for r in at.edits for e in r]},
    )


def matched(at: Studio, i: int, edit: Edit, v: Tensor) -> tuple[float, Tensor]:
    """Outside over inside root mean square change of face ``i`` moved along ``v`` both ways, the step chosen so that
    the sampled image changes by :data:`CHANGE` inside the mask; and the image moved one way.
    """
    editor, x = at.editors[edit.wish.sigma], at.points[edit.wish.sigma][i : i + 1]
    step = CHANGE * float(3 * edit.mask.sum()) ** 0.5 / float(
        region_gains(editor.denoiser, x, editor.sigma, v[None], edit.mask)[0]
    )  # fmt: skip
    base = editor.sample(x)
    for last in (False, True):  # once by the slope, once more by what came of it
        made = editor.edit(x, v, [-step, step])[:, 0]
        change = (made - base).square().mean(1)
        inside, outside = (float(change[:, part].mean().sqrt()) for part in (edit.mask, ~edit.mask))
        if not last:
            step = min(step * CHANGE / inside, 4 * step)
    return outside / inside, made[1]


def transfer(profile: str, seed: int, device: str) -> Record:
    """Directions of one face applied to others, and random directions of equal length (claim L10)."""
    settings, at = PROFILES[profile], studio(profile, seed, device)
    generator = make_generator(seed, "loco-edit", "transfer")
    images = calm_faces(settings.others, generator)[0].to(device)
    points = {sigma: editor.invert(images) for sigma, editor in at.editors.items()}
    bases = {sigma: editor.sample(points[sigma]) for sigma, editor in at.editors.items()}
    hits: dict[str, list[Tensor]] = {"found": [], "random": []}
    pictures = []
    for i, row in enumerate(at.edits):
        for edit in row:
            editor, x = at.editors[edit.wish.sigma], points[edit.wish.sigma]
            u = torch.randn(edit.v.shape, generator=generator).to(device)
            for name, v in (("found", edit.v), ("random", u / u.norm())):
                made = editor.edit(x, edit.strength * v, [1.0])[0]
                change = attribute_change(made, bases[edit.wish.sigma])
                target = change[:, target_of(edit)]
                hits[name].append((target > 0) & (target.abs() >= change.abs().amax(1)))
                if i == 0 and name == "found":
                    pictures.append(made[:6].cpu().numpy())
    rates = {name: torch.stack(found).float() for name, found in hits.items()}
    found, chance = (float(rates[name].mean()) for name in ("found", "random"))
    record = Record(
        claims={"05-L10a": found, "05-L10b": found - 2 * chance},
        arrays={
            "pictures": np.stack(pictures),
            "rates": rates["found"].reshape(len(at.edits), len(WISHES), -1).mean((0, 2)),
            "originals": images[:6],
        },
    )
    record.number("random-rate", chance, tolerance=0.1)
    return record


def together(profile: str, seed: int, device: str) -> Record:
    """Two edits at once against the sum of both, and directions used at other noise levels (claims L11, L12)."""
    settings, at = PROFILES[profile], studio(profile, seed, device)
    net = next(iter(at.editors.values())).denoiser
    errors, kept, pictures = [], [], []
    for i, row in enumerate(at.edits):
        for a, b in PAIRS:
            first, second = row[a], row[b]
            editor, x = at.editors[first.wish.sigma], at.points[first.wish.sigma][i : i + 1]
            steps = torch.stack([e.strength * e.v for e in (first, second)])
            steps = torch.cat([0 * steps[:1], steps, steps.sum(0, keepdim=True)])
            made = editor.edit(x.expand(4, *x.shape[1:]), steps, [1.0])[0]
            change = made - made[0]
            expected = change[1] + change[2]
            errors.append(float((change[3] - expected).norm() / expected.norm()))
            read = attribute_change(made, made[:1].expand_as(made))
            for k, edit in ((1, first), (2, second)):
                kept.append(float(read[3, target_of(edit)] / read[k, target_of(edit)]))
            if i == 0:
                pictures.append(made.cpu().numpy())
    agree = []
    for i, row in enumerate(at.edits):
        for shift in SHIFTS:
            for sigma in at.editors:
                editor = face_editor(net, shift * sigma, settings.sampler_steps)
                x = editor.invert(at.images[i : i + 1])
                for edit in (e for e in row if e.wish.sigma == sigma):
                    made = editor.edit(x, edit.strength * edit.v, [-1.0, 1.0])
                    agree.append(float(attribute_change(made[1], made[0])[0, target_of(edit)] > 0))
    ratio = np.array(kept)
    return Record(
        claims={
            "05-L11a": float(np.median(errors)),
            "05-L11c": float(((ratio > 0.7) & (ratio < 1.3)).mean()),
            "05-L12": float(np.mean(agree)),
        },
        arrays={"pictures": np.stack(pictures), "errors": np.array(errors), "kept": ratio},
    )
