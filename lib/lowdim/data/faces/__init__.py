"""Cartoon faces with known attributes: pictures that form a smooth manifold of known dimension, coordinates and parts.

A face has thirteen independent attributes: ten that a person would name, from smile to background, and three that only
move the figure a little. They are the coordinates of a smooth thirteen-dimensional manifold in pixel space, whose
tangents are known exactly; masks say which part each pixel shows.

::

    faces = sample_faces(64, make_generator(0, "faces"))
    faces.images, faces.attributes, part_masks(faces.attributes)["mouth"]
"""

from __future__ import annotations

from lowdim.data.faces.attributes import ATTRIBUTES, NAMES, Attribute, attribute_bounds, sample_attributes
from lowdim.data.faces.labels import EXPRESSIONS, HAIR_BOUNDS, HAIR_COLOURS, LABELS, label_faces
from lowdim.data.faces.parts import PARTS
from lowdim.data.faces.render import SHAPES, face_tangents, part_masks, part_regions, render_faces
from lowdim.data.faces.sampling import Faces, sample_faces
from lowdim.data.faces.subsets import listed_faces

__all__ = [
    "ATTRIBUTES",
    "EXPRESSIONS",
    "HAIR_BOUNDS",
    "HAIR_COLOURS",
    "LABELS",
    "NAMES",
    "PARTS",
    "SHAPES",
    "Attribute",
    "Faces",
    "attribute_bounds",
    "face_tangents",
    "label_faces",
    "listed_faces",
    "part_masks",
    "part_regions",
    "render_faces",
    "sample_attributes",
    "sample_faces",
]
