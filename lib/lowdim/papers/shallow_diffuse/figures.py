"""The chapter's figures and film: what each shows, in words too."""

from __future__ import annotations

from lowdim.papers.shallow_diffuse import figures_exact as exact
from lowdim.papers.shallow_diffuse import figures_faces as faces
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "sphere": Plot(
        experiment="sphere",
        draw=exact.draw_sphere,
        caption=(
            "**How loose is the theorem?** The length of $Ju$ over $L$ for a projector of rank $r$ and a random unit "
            "vector, exceeded with probability $1/r$: simulated, and bounded in two ways. Dashes: the root mean "
            "square. The printed bound is near or above the trivial one; the sharp one is above the truth by about a "
            "third at most."
        ),
        alt=(
            "Four columns of markers on a logarithmic axis. The simulated values lie between 0.07 and 0.17, the sharp "
            "bounds just above them, the printed bounds near one, on both sides of the trivial bound."
        ),
    ),
    "one-step": Plot(
        experiment="one-step",
        draw=exact.draw_one_step,
        caption=(
            "**One step there and back.** Gaussian pictures of $64\\times64$ pixels, a mark of length 5. Left: the "
            "inversion of the picture *without* a mark errs several times more than the mark adds; the theorem counts "
            "only the second. Right: what the mark adds is far below the bound, even with measured lengths in it."
        ),
        alt=(
            "Left: two curves falling with time on a logarithmic axis, the one without a mark about ten times above "
            "the one added by the mark. Right: the ratio to the bound lies between 0.03 and 0.1, below a line at one."
        ),
    ),
    "gains": Plot(
        experiment="gains",
        draw=exact.draw_gains,
        caption=(
            "**Frequency decides what the posterior mean sees.** Gaussian pictures with a natural spectrum: the share "
            "of a perturbation that reaches $f$. The same disc of coefficients passes at zero frequency, is held back "
            "in the corner of highest frequencies, and a random direction lies between. Dotted: the paper's level."
        ),
        alt="Four falling curves against time; the low band is highest, then random directions, then two higher bands.",
    ),
    "null-law": Plot(
        experiment="null-law",
        draw=exact.draw_null,
        caption=(
            "**Not a p-value.** The printed statistic with the released formula, on pure white noise, the case that it "
            "assumes. A p-value would lie on the line. On a symmetric band each number counts twice, and small values "
            "come several times too often."
        ),
        alt="Log-log plot: the distribution of claimed p-values lies above the diagonal for small values.",
    ),
    "damping": Plot(
        experiment="damping",
        draw=exact.draw_damping,
        caption=(
            "**The key comes back smaller than it was written.** Down from $0.3T$ and up again: the share of a mark "
            "that returns in a direction in which the data have a given variance. The exact flow would return all of "
            "it."
        ),
        alt="Four rising curves that reach one at variance one; with more steps they reach it at smaller variance.",
    ),
    "gaussian-pictures": Plot(
        experiment="gaussian-pictures",
        draw=exact.draw_gaussian_pictures,
        caption=(
            "**A linear world: all frequency, no timing.** Left: distortion by level and band, dots measured, lines "
            "from {eq}`eq-06-distortion`. Beyond $0.2T$ deeper is no worse. Middle and right: how far the scores of "
            "marked and unmarked pictures lie apart after white noise and after blur. Dashed: an additive mark of "
            "equal energy."
        ),
        alt=(
            "Left: three curves nearly flat beyond 0.3 T, near 12, 17 and 30 decibels. Middle and right: separations "
            "between 9 and 28, dashed lines not far from the solid ones."
        ),
    ),
    "posterior-mean": Plot(
        experiment="posterior-mean",
        draw=faces.draw_posterior_mean,
        caption=(
            "**The same on a network.** The share of a perturbation that moves the posterior mean of the face network: "
            "from $0.2T$ on a key in the low band moves it most, a random direction less, a key in the band of this "
            "chapter least."
        ),
        alt=(
            "Three curves on a logarithmic axis, close together at 0.1 T. Then the low band lies above random "
            "directions, and these above the key's band, which falls furthest."
        ),
    ),
    "gallery": Plot(
        experiment="gallery",
        draw=faces.draw_gallery,
        caption=(
            "**The same noise, three ways.** Faces without a mark; with a mark written at $t^*=0.3T$; ten times the "
            "difference, grey where there is none; and with Tree-Ring, whose mark in the initial noise turns most "
            "faces into other ones."
        ),
        alt=(
            "Four rows of cartoon faces. The second row looks like the first, with faint rings of colour; the third "
            "shows the rings; the fourth has different hair, skin or background in most columns."
        ),
    ),
    "spectra": Plot(
        experiment="gallery",
        draw=faces.draw_spectra,
        caption=(
            "**Where the mark is.** Left: mean size of the Fourier coefficients on the red-green axis, zero frequency "
            "in the middle, on a logarithmic scale. Beside it what two marks change in it (blue: larger, up to five "
            "times). The key adds a ring. In the corners there is almost nothing to begin with, so that a trace is a "
            "large factor. Tree-Ring, written on brightness, leaves no ring here."
        ),
        alt=(
            "Three square heat maps: a dark centre that fades outwards, a blue ring with blue corners, and no clear "
            "pattern."
        ),
    ),
    "where-from": Plot(
        experiment="where-from",
        draw=faces.draw_where_from,
        caption=(
            "**Where the invisibility comes from.** PSNR of a key of strength 1 in the network's faces. Frequency "
            "gives much of it; on a network, unlike in the linear world, the level matters too; and so does the "
            "channel."
        ),
        alt="Two groups of bars: higher for the key's band than for the low band, higher at 0.3 T than at T.",
    ),
    "robustness": Plot(
        experiment="robustness",
        draw=faces.draw_robustness,
        caption=(
            "**What survives.** Share of marked faces in which the key is found at 1 % false alarms, with 95 % Wilson "
            "intervals, and the same for an additive mark with the same pattern and distortion, which costs no network "
            "evaluation."
        ),
        alt="Points with intervals in rows, one row for each attack; most at one, those of purification lower.",
    ),
    "false-alarms": Plot(
        experiment="false-alarms",
        draw=faces.draw_false_alarms,
        caption=(
            "**Calibrated on pictures, or on keys.** Left: scores of unmarked and of marked faces, and the threshold. "
            "Right: the p-value of a random key among other keys is uniform on unmarked faces, as it must be."
        ),
        alt="Left: two separate histograms with a line between them. Right: an empirical curve on the diagonal.",
    ),
    "user": Plot(
        experiment="user",
        draw=faces.draw_user,
        caption=(
            "**A picture of one's own.** Drawn faces that no network has made; their round trip through inversion; "
            "with the mark; and with only the key's channel taken from the marked picture, the others from the "
            "original."
        ),
        alt="Four rows of the same six cartoon faces that are hard to tell apart.",
    ),
    "level": Plot(
        experiment="level",
        draw=faces.draw_level,
        caption=(
            "**Which level?** Distortion and detection by level of injection, for the low band (without averaging) and "
            "the band of the chapter (with it)."
        ),
        alt="Left: decibels by level for two bands. Right: share of keys found, by level.",
    ),
    "budget": Plot(
        experiment="budget",
        draw=faces.draw_budget,
        caption=(
            "**More key, more trace.** Left: a larger key (at strength 1.5) or a stronger one is easier to find and "
            "easier to see. Each curve runs from its smallest value at the right to its largest at the left. Right: in "
            "a linear world the PSNR would fall along the line; the network falls faster: it takes more from a weak "
            "pattern than from a strong one."
        ),
        alt="Left: two falling curves of correlation against decibels. Right: measured decibels fall below a line.",
    ),
    "patterns": Plot(
        experiment="patterns",
        draw=faces.draw_patterns,
        caption=(
            "**Rings, noise, nothing.** Left: distortion by pattern and band. Right: how far marked and unmarked faces "
            "lie apart after noise. Zeros are nearly invisible where the coefficients are small already, and as hard "
            "to find. $d'$: difference of the mean scores in standard deviations."
        ),
        alt="Two bar charts with three groups each: rings, random, zero, in two bands.",
    ),
    "channels": Plot(
        experiment="channels",
        draw=faces.draw_channels,
        caption=(
            "**One channel.** PSNR of the key on each axis of colour, on all three, and without taking the other axes "
            "from the unmarked picture."
        ),
        alt="Five bars: colour axes highest, brightness lower, all three lowest; without averaging slightly lower.",
    ),
    "several-keys": Plot(
        experiment="several-keys",
        draw=faces.draw_several_keys,
        caption=(
            "**Several keys in one picture,** at strength 1.5. Each has a sector of the band and is read on its own."
        ),
        alt="Share of keys found against the number of keys, one to eight.",
    ),
    "large": Plot(
        experiment="large-faces",
        draw=faces.draw_large,
        caption="**Faces of 64 x 64 pixels.** Without and with the mark, by a network trained in this run.",
        alt="Two rows of faces that look alike.",
    ),
    "large-robustness": Plot(
        experiment="large-faces",
        draw=faces.draw_large_rates,
        caption="**Every attack, at several strengths,** on these faces; 95 % Wilson intervals.",
        alt="Points with intervals in rows, one row for each attack.",
    ),
}

FILMS: dict[str, Film] = {
    "level-film": Film(
        experiment="gallery",
        frames=faces.film_level,
        caption=(
            "**Deeper and deeper.** The same key is written into the same faces at every level. At small noise it is a "
            "pattern on the picture. Around the paper's level it all but disappears. Deeper still it becomes content: "
            "colours and hair change, and the face is another one. No channel is restored here."
        ),
        alt=(
            "Three rows of five faces, unmarked, marked and ten times the difference, beside a curve of decibels with "
            "a moving dot. The difference is rings at first, fades, and then takes the shape of faces."
        ),
    ),
}
