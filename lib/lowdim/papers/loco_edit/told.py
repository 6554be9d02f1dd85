"""T-LOCO on a model that is told labels: a direction asked for by label, on faces kept by guidance (claim L14)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lowdim.data.faces import HAIR_COLOURS, LABELS, NAMES, label_faces
from lowdim.denoising.denoiser import bind
from lowdim.denoising.weights import load_model
from lowdim.papers.loco_edit.directions import Towards, pixel_change, project_out, region_gains
from lowdim.papers.loco_edit.editor import Editor
from lowdim.papers.loco_edit.portraits import CHANGE, OUTSIDE_RANK, attribute_change, calm_faces, face_editor, region
from lowdim.papers.loco_edit.settings import PROFILES
from lowdim.profile import check_device
from lowdim.record import Record
from lowdim.seeding import make_generator

MODEL = "faces-32-labels"
GUIDANCE, PULL = 2.0, 2.0  # s and m of the paper


@dataclass(frozen=True)
class Order:
    """An edit asked for by label: the part whose mask is given, the attribute it should move, the noise level."""

    name: str
    part: str
    attribute: str
    sigma: float

    def other(self, label: int) -> tuple[int, float]:
        """The label asked for, and the sign of the change of the attribute: the other mood, or the next hair colour
        (of blond, the one before).
        """
        if self.attribute == "smile":
            return label ^ 1, 1.0 if label % 2 == 0 else -1.0
        last = label // 2 == len(HAIR_COLOURS) - 1
        return (label - 2, -1.0) if last else (label + 2, 1.0)


ORDERS = (Order("mood", "mouth", "smile", 2.5), Order("hair", "hair", "hair_colour", 2.5))


def told(profile: str, seed: int, device: str) -> Record:
    """Edits by label on faces of the model's own kind: change of the attribute, and what the projection saves."""
    settings, where = PROFILES[profile], check_device(device)
    generator = make_generator(seed, "loco-edit", "told")
    net = load_model(MODEL, device=where)
    images, attributes = calm_faces(settings.told, generator)
    images, labels = images.to(where), label_faces(attributes).tolist()
    limits = {"tol": 10.0, "max_iter": 1} if profile == "smoke" else {"tol": 0.1}
    changes, ratios, pictures, titles = [], [], [], []
    for i, label in enumerate(labels):
        for order in ORDERS:
            base = bind(net, label, GUIDANCE)
            asked, sign = order.other(label)
            editor = face_editor(base, order.sigma, settings.sampler_steps)
            x, mask = editor.invert(images[i : i + 1]), region(attributes[i : i + 1], order.part).to(where)
            v = editor.told(Towards(base, net, asked, None, PULL), x, mask)
            outside = editor.directions(
                x, ~mask, generator, rank=OUTSIDE_RANK, outside_rank=0, **limits
            ).inside  # fmt: skip
            projected, _ = project_out(v, outside.V)
            made, spill = zip(*(_moved(editor, x, u, mask) for u in (projected, v)), strict=True)
            read = attribute_change(made[0][1], made[0][0])
            changes.append(sign * float(read[0, NAMES.index(order.attribute)]))
            ratios.append(spill[0] / spill[1])
            if i == 0:
                pictures.append(torch.stack([made[0][0][0], made[0][1][0], made[1][1][0], _picture(projected)]))
                titles.append(f"{LABELS[label]} to {LABELS[asked]}")
    return Record(
        claims={"05-L14a": float(np.mean(changes)), "05-L14b": float(np.median(ratios))},
        arrays={
            "changes": np.array(changes).reshape(-1, len(ORDERS)), "ratios": np.array(ratios),
            "pictures": torch.stack(pictures), "titles": np.array(titles),
        },
    )  # fmt: skip


def _moved(editor: Editor, x: Tensor, v: Tensor, mask: Tensor) -> tuple[Tensor, float]:
    """The images before and after the step along ``v`` ``(2, 1, 3, H, W)``, and outside over inside RMS change."""
    gain = float(region_gains(editor.denoiser, x, editor.sigma, v, mask)[0])
    made = editor.edit(x, v, [0.0, pixel_change(mask, CHANGE) / gain])
    change = (made[1] - made[0]).square().mean(1)[0]
    return made, float((change[~mask].mean() / change[mask].mean()).sqrt())


def _picture(v: Tensor) -> Tensor:
    return v[0] / v.abs().max()
