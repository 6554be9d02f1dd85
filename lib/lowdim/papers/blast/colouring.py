"""Edge colouring of bipartite multigraphs (König, 1916): as many colours as the busiest vertex has edges."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def edge_colouring(counts: Sequence[Sequence[int]] | Tensor) -> list[list[list[int]]]:
    """For ``counts[i][j]`` parallel edges between row ``i`` and column ``j``, the list of colours of those edges.

    No colour occurs twice in a row or in a column, and the colours are ``0`` to ``d - 1`` where ``d`` is the largest
    sum of a row or a column: the fewest possible. Each edge takes the first colour free at its row; where its column
    has that colour already, the two colours are exchanged along the alternating path that starts there.

    Raises ``ValueError`` for counts that are not a rectangle of whole numbers of at least 0.
    """
    table = torch.as_tensor(counts)
    if table.dim() != 2 or table.is_floating_point() or bool((table < 0).any()):
        raise ValueError(f"counts: {counts!r} is not allowed; give a rectangle of whole numbers of at least 0")
    rows, columns = table.shape
    colours = int(max(table.sum(1).max(), table.sum(0).max()))
    # at[side][vertex][colour] is the neighbour that the vertex has by that colour
    at: list[list[dict[int, int]]] = [[{} for _ in range(rows)], [{} for _ in range(columns)]]
    for i in range(rows):
        for j in range(columns):
            for _ in range(int(table[i, j])):
                _add_edge(at, i, j, colours)
    found: list[list[list[int]]] = [[[] for _ in range(columns)] for _ in range(rows)]
    for i in range(rows):
        for colour in sorted(at[0][i]):
            found[i][at[0][i][colour]].append(colour)
    return found


def _add_edge(at: list[list[dict[int, int]]], i: int, j: int, colours: int) -> None:
    row, column = at[0][i], at[1][j]
    free = next(c for c in range(colours) if c not in row)
    if free in column:
        other = next(c for c in range(colours) if c not in column)
        _exchange(at, j, free, other)
    row[free], column[free] = j, i


def _exchange(at: list[list[dict[int, int]]], column: int, first: int, second: int) -> None:
    """Exchange two colours along the path that leaves ``column`` by ``first``.

    It cannot reach the row of the new edge: it would arrive there by ``first``, which is free at that row.
    """
    path, side, vertex, colour = [], 1, column, first
    while colour in at[side][vertex]:
        other = at[side][vertex][colour]
        path.append((vertex, other) if side == 0 else (other, vertex))
        side, vertex, colour = 1 - side, other, second if colour == first else first
    for step, (i, j) in enumerate(path):
        colour = second if step % 2 else first
        if at[0][i].get(colour) == j:
            del at[0][i][colour]
        if at[1][j].get(colour) == i:
            del at[1][j][colour]
    for step, (i, j) in enumerate(path):
        colour = first if step % 2 else second
        at[0][i][colour], at[1][j][colour] = j, i
