"""The chapter's figures with captions and alternative texts."""

from __future__ import annotations

from lowdim.papers.udig_dip import figures_exact as exact
from lowdim.papers.udig_dip import figures_runs as runs
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "bias": Plot(
        experiment="spectral-bias",
        draw=exact.draw_bias,
        caption=(
            "**A race.** Left: the expected squared error of a linearised network falls while the image is learnt and "
            "rises while the noise is; it ends at that of the measurement. Dots are means of simulated runs. Right: "
            "the directions of the tangent kernel are learnt one after another; the dotted line is the best moment."
        ),
        alt=(
            "Left: a falling and a rising dashed curve add up to a black one with a minimum near a hundred steps; red "
            "dots lie on it. Right: five rising curves one after another."
        ),
    ),
    "limit": Plot(
        experiment="limit",
        draw=exact.draw_limit,
        caption=(
            "**With pixels for a network.** Mean PSNR against the round, $\\sigma_y=0.05$. The autoencoding scheme "
            "never fills what was not measured, and on the blur it fits the noise. With a purifier every curve rises "
            "to its fixed point and stays: a small $\\tau$ ends near the posterior mean, and takes long."
        ),
        alt=(
            "Four panels. An amber line is flat, and falls by sixteen decibels in the last. Blue lines rise; the solid "
            "one, the smallest level, ends highest, near a purple line."
        ),
    ),
    "fixed": Plot(
        experiment="fixed-point",
        draw=exact.draw_fixed,
        caption=(
            "**Accurate or fast.** Root mean squared distance of the fixed point to the true posterior mean, and the "
            "rounds it takes to come a hundred times closer to it."
        ),
        alt="A falling line through four levels: the smallest takes five hundred rounds, the largest a dozen.",
    ),
    "overfitting": Plot(
        experiment="overfitting",
        draw=runs.draw_overfitting,
        caption=(
            "**It learns the noise too.** Mean over noisy phantoms, $\\sigma_y=0.1$; network and learning rate are the "
            "same for all. Rings mark where the residual is down to that of the noise: near the peak, and after it the "
            "run loses. Guided by itself DIP gets there sooner, fed another phantom later. The sequential scheme feeds "
            "its output in again; $\\lambda$ weighs its autoencoding term."
        ),
        alt=(
            "Left: a purple, a red and a dotted curve rise, peak near rings and fall by decibels; a brown and an amber "
            "one rise more slowly. Right: residuals fall through one, in the same order."
        ),
    ),
    "noisy": Plot(
        experiment="noisy",
        draw=runs.draw_noisy,
        caption=(
            "**Where the noise is large, the cut matters.** Mean over noisy phantoms, $\\sigma_y=0.1$: DIP; uDiG-DIP "
            "with levels that fall from 0.1 to 0.02 and its weight $\\sigma_y^2/\\tau^2$ cut at 1, as everywhere here; "
            "the same without the cut; and with the level held at $\\tau=\\sigma_y$. From the second round on."
        ),
        alt=(
            "Left: a red curve rises late and falls; three others start higher and agree for a hundred updates, then "
            "one falls as far, one less and one not at all. Right: residuals; the red one falls far below one, two end "
            "near it."
        ),
    ),
    "inputs": Plot(
        experiment="inputs",
        draw=runs.draw_inputs,
        caption=(
            "**What is fed in matters.** Tomography with 18 views. The same network with the same first weights, fed "
            "the true image under more and more noise, or noise alone."
        ),
        alt="Left: PSNR curves; the nearer the input to the image, the higher. Right: their residuals.",
    ),
    "methods": Plot(
        experiment="methods",
        draw=runs.draw_methods,
        caption=(
            "**DIP and its siblings.** Mean over phantoms, a quarter of the columns, four coils. A ring marks where "
            "the residual is down to that of the noise, the line at 1."
        ),
        alt=(
            "Left: the red curves of DIP rise slowly, a purple, an amber and a brown one lie above, the blue one "
            "climbs far above all. Right: residuals; amber and brown fall below one, blue approaches one in a zigzag."
        ),
    ),
    "images": Plot(
        experiment="methods",
        draw=runs.draw_images,
        caption=(
            "**The last images.** Magnitudes, with PSNR and SSIM, and their errors five times enlarged. What is left "
            "of uDiG-DIP's error lies at edges."
        ),
        alt=(
            "Two rows. Above: a smeared ellipse, a rough one, a smeared one, a sharp one, the truth. Below: errors, "
            "bright at the rim for all but the fourth."
        ),
    ),
    "tasks": Plot(
        experiment="tasks",
        draw=runs.draw_tasks,
        caption=(
            "**All methods on all tasks.** PSNR of the last image, mean and 95 percent interval over phantoms. Rings "
            "around networks that are trained on the scan: the best image on the way, which only the truth could find. "
            "In brackets the updates of the untrained network and the evaluations of the denoiser, for each image; "
            "those of DPS carry a gradient."
        ),
        alt="A panel for each task with a row for each method; dots with error bars, the blue one is uDiG-DIP.",
    ),
    "mismatch": Plot(
        experiment="tasks",
        draw=runs.draw_mismatch,
        caption=(
            "**Pictures of another kind.** The prior knows phantoms. Mean PSNR of the last image on phantoms and on "
            "brain slices."
        ),
        alt="Rows of two marks joined by a line, one for phantoms and one for brain slices.",
    ),
    "levels": Plot(
        experiment="levels",
        draw=runs.draw_levels,
        caption=(
            "**How much to purify.** Mean PSNR of the last image against one fixed level; falling levels and the "
            "autoencoding scheme as lines."
        ),
        alt="Two curves over the level with a maximum inside, and two horizontal lines.",
    ),
}
FILMS: dict[str, Film] = {
    "rounds": Film(
        experiment="methods",
        frames=runs.input_frames,
        caption=(
            "**Round by round.** The input of uDiG-DIP's network, at first the zero-filled image and then purified "
            "from its last output; what the network makes of it after ten updates; and the truth."
        ),
        alt="Three small pictures: a smeared ellipse becomes sharp left and in the middle; the truth is right.",
    ),
}
