"""The chapter's figures with captions and alternative texts."""

from __future__ import annotations

from lowdim.papers.sitcom import figures_exact as exact
from lowdim.papers.sitcom import figures_solvers as solvers
from lowdim.record import Plot

FIGURES: dict[str, Plot] = {
    "plane": Plot(
        experiment="closed-form",
        draw=exact.draw_plane,
        caption=(
            "**Two ways to explain a measurement.** A thin Gaussian (green: one and two deviations), a noisy point "
            "$z$, its denoised $D(z)$, and the line of all points that explain the measurement. Repairing the output "
            "goes straight to the line and leaves the prior. Repairing the input goes to the point of the line that is "
            "nearest in the metric $W^{-2}$; the dotted ellipses are circles of this metric around $D(z)$."
        ),
        alt=(
            "A long thin ellipse and a slanted line. From a blue dot near the ellipse one arrow goes straight to the "
            "line, far from the ellipse; another runs along the ellipse and meets the line within it."
        ),
    ),
    "shift": Plot(
        experiment="coordinates",
        draw=exact.draw_shift,
        caption=(
            "**A port that is another algorithm.** How far one level moves the input. With step and weight mapped, "
            "both forms give the same curve. With the same step and weight on $z$, next to nothing moves while the "
            "noise is high."
        ),
        alt=(
            "Two curves against a falling noise level: one level at about 0.35 and then falling, the other rising by "
            "three decades until they meet below noise one."
        ),
    ),
    "budget": Plot(
        experiment="comparison",
        draw=solvers.draw_budget,
        caption=(
            "**What an evaluation buys.** Mean loss against the posterior mean (zero: nothing can do better) on three "
            "exact priors, over evaluations of the denoiser for each signal, four tasks together. Open marks: SITCOM "
            "with half the levels, output repair with ten times the steps. DPS and DAPS are tuned on other signals. An "
            "evaluation of SITCOM and DPS includes its gradient, one of DAPS and output repair does not."
        ),
        alt=(
            "Three panels. A grey line of DPS rises with evaluations. SITCOM lies near its upper end on the first two "
            "panels and below it on the third; output repair is cheap and far below; DAPS lies below the line of DPS."
        ),
    ),
    "stopping": Plot(
        experiment="stopping",
        draw=solvers.draw_stopping,
        caption=(
            "**Who fits the noise.** Noise of $\\sigma_y=0.2$, smooth prior. Left: more inner steps are ruin for a "
            "loop that never stops on three of the four tasks, and nearly harmless for one that stops. Right: without "
            "the threshold the residual falls below what the noise alone would leave (line), far below where the "
            "operator can reach all of its measurements, a little for the blur."
        ),
        alt=(
            "Left: four pairs of marks; brown squares drop by five to seven decibels from open to filled on three "
            "tasks, red circles hardly move. Right: red circles sit at one, brown squares near zero but for the blur."
        ),
    ),
    "noise-levels": Plot(
        experiment="noise-levels",
        draw=solvers.draw_noise_levels,
        caption=(
            "**The noise level has to be known.** Mean PSNR over the noise level. A threshold that is right at 0.05 "
            "(dotted) stops too early below and too late above."
        ),
        alt=(
            "Four panels with falling curves: the posterior mean on top, the threshold that follows the noise below "
            "it, the fixed one bent: lower at both ends."
        ),
    ),
    "law": Plot(
        experiment="consistency",
        draw=exact.draw_law,
        caption=(
            "**Between a sample and the mean.** Two standard deviations around the mean of the posterior and of "
            "SITCOM's result, both from formulas; exact repairs with the closeness schedule. The centre is close, the "
            "spread too small."
        ),
        alt=(
            "Two panels with a dashed signal and two bands around nearly the same curve; the inner band is about half "
            "as wide as the outer."
        ),
    ),
    "modes": Plot(
        experiment="modes",
        draw=exact.draw_modes,
        caption=(
            "**Three readings of one measurement.** The left half is measured; a bump, nothing and a dip fit it "
            "equally well. SITCOM finds all three."
        ),
        alt=(
            "Left: sixty curves agree on a shaded left half and split into three bundles on the right. Right: bars of "
            "posterior weights and of shares, which differ by a few to twenty hundredths."
        ),
    ),
    "phase": Plot(
        experiment="phase",
        draw=solvers.draw_phase,
        caption=(
            "**Amplitudes only.** Left: PSNR of twenty runs on each of twelve signals, and of the run with the "
            "smallest residual in each four; above the line a run counts as a success. Right: PSNR over the residual. "
            "Good runs have small residuals. Green: what a run is worth if it may be reversed."
        ),
        alt=(
            "Left: columns of dots spread over ten to twenty-five decibels, dashes mostly in their upper half. Right: "
            "PSNR falls with the residual."
        ),
    ),
    "scan": Plot(
        experiment="scan",
        draw=solvers.draw_scan,
        caption=(
            "**A scan with four coils.** Magnitude of a complex picture of which a quarter of the columns of its "
            "Fourier transform is measured (white), with noise of $\\sigma_y=0.05$; numbers are signal over error in "
            "decibels, means over all scans."
        ),
        alt="Six small grey pictures: the columns, a smeared face, three clear faces, and the true one.",
    ),
    "gallery": Plot(
        experiment="gallery",
        draw=solvers.draw_gallery,
        caption=(
            "**Eight tasks, one solver, one network.** What is measured of a face, with noise of $\\sigma_y=0.05$; "
            "what SITCOM returns; the face. Numbers are PSNR of the last estimate."
        ),
        alt="Three rows of eight small faces: degraded, restored, true.",
    ),
    "larger-faces": Plot(
        experiment="larger-faces",
        draw=solvers.draw_tasks,
        caption=(
            "**Larger faces.** As in the gallery of eight tasks, with a network trained on faces of four times the "
            "pixels."
        ),
        alt="Three rows of eight faces: degraded, restored, true.",
    ),
    "photographs": Plot(
        experiment="photographs",
        draw=solvers.draw_tasks,
        caption=(
            "**Photographs.** As in the gallery of eight tasks, on a test image of CIFAR-10 with a network trained on "
            "its training images."
        ),
        alt="Three rows of eight photographs: degraded, restored, true.",
    ),
    "faces": Plot(
        experiment="faces",
        draw=solvers.draw_faces,
        caption=(
            "**With a network.** Mean PSNR of each solver over the evaluations that a face costs it. DPS, deepinv's "
            "DPS, DiffPIR and DAPS are tuned on other faces; lines join one solver at several costs. Open marks: "
            "SITCOM with half the levels, output repair with ten times the steps. An evaluation of SITCOM and both DPS "
            "includes its gradient, one of the others does not. DDRM is for inpainting only."
        ),
        alt=(
            "A panel for each of four tasks. The line of DPS rises with evaluations. The two marks of SITCOM lie near "
            "it, DDRM on it, DiffPIR, DAPS and output repair below it."
        ),
    ),
}
