"""The chapter's figures and films, by name."""

from __future__ import annotations

from lowdim.papers.loco_edit import figures_faces as faces
from lowdim.papers.loco_edit import figures_theory as theory
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "mixture": Plot(
        "mixture",
        theory.draw_mixture,
        "**Exact rank stays, numerical rank falls.** A mixture of three subspaces of ranks 3, 5 and 4 in 40 "
        "dimensions, one point at nine noise levels. Left: the exact rank, counted as long as no subspace has a "
        "probability below $10^{-6}$, is the sum of all ranks; the numerical rank falls to that of the point's own "
        "subspace. Right: the paper's formula for the mean, which leaves out a determinant, against the exact mean.",
        "Two panels over the signal power. Left: squares on the line 12, dots that fall from 12 to 5. "
        "Right: an error curve that rises to above a tenth in the middle and is near zero at both ends.",
    ),
    "bound": Plot(
        "bound",
        theory.draw_bound,
        "**Nearly linear, within a bound.** Random mixtures, noise levels and directions. Left: how far the mean is "
        "from a straight line after a step of length $\\lambda$; the dashed line has slope 2. Right: the largest "
        "departure over the bound of {prf:ref}`thm-05-linear`.",
        "Left: many thin rising lines parallel to a dashed line of slope two. Right: dots a "
        "little below one tenth that fall as the step grows, under the line one.",
    ),
    "gaussian": Plot(
        "gaussian",
        theory.draw_gaussian,
        "**What the projection buys and costs.** A Gaussian with mean and covariance of faces, where edits are "
        "exactly linear. Left: projecting out more directions keeps the edit inside the mouth and weakens it. Right: "
        "the sampled image changes more than the predicted one, by {eq}`eq-05-flow`.",
        "Left: energy inside the mask rises from one half to one while the gain falls slowly. Right: two "
        "rising curves, that of the sampled image above that of the predicted one.",
    ),
    "rank": Plot(
        "rank",
        theory.draw_rank,
        "**The U, and who makes it.** Numerical rank on digits, $d=64$, along sampling paths. Large dots are means, "
        "small ones single points. The exact denoiser of a Gaussian has the left arm and no right one.",
        "Rank ratio over noise level. The network's curve falls from 0.8 to 0.3 and rises again; the "
        "Gaussian's only falls; that of the predicted noise rises to one.",
    ),
    "arms": Plot(
        "arms",
        theory.draw_arms,
        "**Rank hides how large the error is.** The same network trained to predict the noise, or the data. Left: at "
        "high noise the rank of both stays far above the exact one. Right: the Jacobian of the first is far too large "
        "there, that of the second is not.",
        "Left: two curves that stay above the falling line of the Gaussian. Right: one curve climbs to more than a "
        "hundred times the exact size, the other stays within a factor of three.",
    ),
    "lines": Plot(
        "lines",
        theory.draw_lines,
        "**How far is a network linear?** The predicted face after a step, and what the Jacobian says it should be: "
        "cosine of the two, in the paper's units of $\\lambda$. To a random direction the network is mostly blind; "
        "$v_1$ is the one that its Jacobian sees best.",
        "Two panels of curves that start at one. Random direction: flat at one at middle and high noise, "
        "falling to 0.7 at low noise. Along v1: near one at low noise, falling to about 0.6 at middle and high noise.",
    ),
    "power": Plot(
        "power",
        theory.draw_power,
        "**Products instead of a matrix.** Leading singular values of one Jacobian, of the whole picture and of the "
        "rows inside a mask: lines from the full matrix, dots from products.",
        "Two descending lines with dots exactly on them.",
    ),
    "sheet": Plot(
        "edits",
        faces.draw_sheet,
        "**Told where, not what.** One face and what five directions do to it. The dotted outline is all that the "
        "method is told. Strength $1$ changes the pixels of the mask by a quarter in root mean square.",
        "Five rows of a cartoon face: its mask, the direction as a picture that looks like the part, and "
        "five versions in which smile, gaze, eye opening, brows or hair colour change gradually.",
    ),
    "responses": Plot(
        "edits",
        faces.draw_responses,
        "**Mostly straight, bent at the ends.** What the judge reads from each edited face, against the strength. "
        "Dots: the last face that was edited. Straight lines are fitted to its middle half.",
        "Five rising rows of dots with fitted lines, most of them straight in the middle and flatter at the ends.",
    ),
    "locality": Plot(
        "locality",
        faces.draw_locality,
        "**The mask does most of the work.** Four directions with the same change inside the mask. The number is the "
        "change outside over that inside, in root mean square.",
        "Five rows of four faces each. The first two columns differ from the original only in the part; "
        "the third changes the whole face; the fourth looks noisy or changes a lot.",
    ),
    "transfer": Plot(
        "transfer",
        faces.draw_transfer,
        "**Directions mostly travel to other faces.** Found on one face, applied to six others at the same strength.",
        "A row of six cartoon faces, and below it the same faces with larger smiles, moved gaze, wider "
        "eyes, moved brows and another hair colour.",
    ),
    "together": Plot(
        "together",
        faces.draw_together,
        "**Two edits add up.** Each one by itself, and their sum as one step.",
        "Rows of four faces: original, first edit, second edit, and a face with both.",
    ),
    "told": Plot(
        "told",
        faces.draw_told,
        "**A label pulls on the whole face.** A model that knows eight labels. The label asked for is used once, to "
        "find the direction; sampling keeps the old one.",
        "Two rows: the mood of a mouth turned round, and hair turned to another colour, with and without "
        "projection, and the directions.",
    ),
    "larger": Plot(
        "larger",
        faces.draw_larger,
        "**The same edits on larger faces.** Faces of 64 x 64 pixels: the first direction of each mask both ways, "
        "projected and plain.",
        "Rows of three larger cartoon faces, in which one part changes to either side of the original.",
    ),
    "photographs": Plot(
        "photographs",
        faces.draw_photographs,
        "**Does the U appear here too?** Rank over noise of a network trained in this run on the images named in the "
        "title, along its sampling paths. Large dots are means, small ones single points.",
        "A curve of the rank ratio over the noise level with the points of single images around it.",
    ),
}

FILMS: dict[str, Film] = {
    "edits": Film(
        "edits",
        faces.film_edits,
        "**Five edits, there and back.** One face, over the strength of each edit.",
        "The same cartoon face five times; smile, gaze, eyes, brows and hair colour change back and forth "
        "while everything else stays.",
        seconds=5.0,
    ),
}
