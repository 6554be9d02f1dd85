"""Pictures of cartoon faces, their exact tangents, and the masks of their parts."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor

from lowdim.checks import check_count
from lowdim.data.faces.attributes import NAMES, attribute_bounds, check_attributes
from lowdim.data.faces.parts import PARTS, draw

CHUNK = 256 * 32 * 32  # pixels drawn at a time, so that intermediate results stay in cache

#: The attributes that change the shape of a part and of nothing else.
SHAPES: dict[str, tuple[str, ...]] = {
    "hair": ("hair_length",),
    "brows": ("brow",),
    "eyes": ("eyes",),
    "mouth": ("smile", "mouth"),
}


def render_faces(attributes: Tensor, size: int = 32) -> Tensor:
    r"""Pictures ``(N, 3, size, size)`` in [-1, 1] of faces with ``attributes`` ``(N, A)``.

    Every part is a region :math:`d(u)<0` of a signed distance; it covers a pixel by
    :math:`c=\operatorname{sigmoid}(-d/(0.22\,w))`, where :math:`w` is the width of a pixel, and the picture is built
    from back to front by :math:`\text{image}\leftarrow(1-c)\,\text{image}+c\,\text{colour}`. So nothing is ever
    clipped, the map from attributes to pixels is smooth, and a picture of another size shows the same face.

    Dtype and device are those of ``attributes``; autograd and ``torch.func.jvp`` work through it. Raises ``ValueError``
    for a wrong shape, a size below 8 (a face needs that many pixels), or an attribute out of its range.
    """
    check_attributes(attributes)
    _check_size(size)
    return torch.cat([_paint(chunk, size) for chunk in attributes.split(max(1, CHUNK // size**2))])


def face_tangents(attributes: Tensor, size: int = 32) -> Tensor:
    r"""Exact derivatives ``(N, A, 3, size, size)`` of :func:`render_faces` with respect to each attribute.

    They are per unit of the attribute (times ``Attribute.std``: per standard deviation over faces). With
    :math:`g(w)=J^\top w`, linear in :math:`w`, the derivative of :math:`g_k` with respect to :math:`w` is column
    :math:`k` of :math:`J`: two backward passes give what forward differentiation gives, several times faster here.
    Raises what :func:`render_faces` raises.
    """
    check_attributes(attributes)
    _check_size(size)
    return torch.cat([_tangents(chunk.detach(), size) for chunk in attributes.split(max(1, CHUNK // size**2))])


def part_masks(attributes: Tensor, size: int = 32) -> dict[str, Tensor]:
    """The share of each pixel that shows each part: soft masks ``(N, 1, size, size)`` in [0, 1] that sum to one.

    The parts are background, hair, shirt, skin (face, ears and neck, with nose and blush), brows, eyes and mouth. They
    come from the coverages that the picture is painted with. Raises what :func:`render_faces` raises.
    """
    check_attributes(attributes)
    _check_size(size)
    masks = dict.fromkeys(PARTS, attributes.new_zeros(len(attributes), 1, size, size))
    for layer in draw(attributes, size):
        masks = {part: mask * (1 - layer.coverage) for part, mask in masks.items()}
        masks[layer.part] = masks[layer.part] + layer.coverage
    return masks


def part_regions(attributes: Tensor, size: int = 32, levels: int = 5) -> dict[str, Tensor]:
    """Where hair, brows, eyes and mouth can be: soft masks ``(N, 1, size, size)`` for edits of these parts.

    For each part in :data:`SHAPES` it is the largest value of its mask over a grid of ``levels`` values of the
    attributes that shape the part, all others as given. So the region of a closed mouth has room for an open one, and
    the region is the same wherever in their ranges these attributes are.
    """
    check_count("levels", levels, 2)
    check_attributes(attributes)
    low, high = attribute_bounds(attributes.dtype, attributes.device)
    steps = torch.linspace(0, 1, levels, dtype=attributes.dtype, device=attributes.device)[:, None]
    grids = (low + (high - low) * steps).T
    regions = {}
    for part, names in SHAPES.items():
        columns = [NAMES.index(name) for name in names]
        states = []
        for values in itertools.product(*(grids[c] for c in columns)):
            changed = attributes.clone()
            changed[:, columns] = torch.stack(values)
            states.append(part_masks(changed, size)[part])
        regions[part] = torch.stack(states).amax(0)
    return regions


def _paint(attributes: Tensor, size: int) -> Tensor:
    layers = draw(attributes, size)
    image = next(layers).colour
    for layer in layers:
        image = torch.lerp(image, layer.colour, layer.coverage)
    return 2 * image - 1


def _tangents(attributes: Tensor, size: int) -> Tensor:
    with torch.enable_grad():
        image = _paint(attributes.requires_grad_(), size)
        w = torch.zeros_like(image, requires_grad=True)
        (g,) = torch.autograd.grad(image, attributes, w, create_graph=True)
        columns = [torch.autograd.grad(g_k.sum(), w, retain_graph=True)[0] for g_k in g.unbind(1)]
    return torch.stack(columns, dim=1)


def _check_size(size: int) -> None:
    if size < 8:
        raise ValueError(f"size: {size!r} is not allowed; give at least 8 pixels")
