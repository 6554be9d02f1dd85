"""The figures and films of the chapter, with their captions."""

from __future__ import annotations

from lowdim.papers.model_collapse import figures_gaussian as gaussian
from lowdim.papers.model_collapse import figures_linear as linear
from lowdim.papers.model_collapse import figures_networks as networks
from lowdim.papers.model_collapse import figures_plane as plane
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "velocity-denoiser": Plot(
        "velocity-denoiser",
        gaussian.draw_velocity_denoiser,
        "**A velocity is a denoiser.** Left: slope of the velocity for Gaussian data of variance $s$, regressed "
        "directly and through the denoiser; the line is $(ts-(1-t))/(t^2s+(1-t)^2)$. Right: 200 noise vectors "
        "carried by the exact flow of eight Gaussians (one of them three times as likely) in 1, 2, 5 and 50 Euler "
        "steps. One step arrives at the mean.",
        "Left: two curves over time with points and crosses on them. Right: a star near the centre, a ring of dots "
        "that grows with the number of steps and becomes eight clusters.",
    ),
    "linear-dae": Plot(
        "linear-dae",
        linear.draw_linear_dae,
        "**Three ways to lose variance.** What a linear denoising autoencoder keeps of each direction, "
        "$\\sigma=0.7$: dots after gradient descent on its two layers, bars the closed form. Noise shrinks, a narrow "
        "layer cuts, weight decay thresholds.",
        "Three bar charts of six falling gains with dots on top of the bars; three bars are zero in the second, two in "
        "the third.",
    ),
    "collapse": Plot(
        "collapse",
        linear.draw_collapse,
        "**First nothing, then everything.** Norm of the linear map when every round trains on the output of the one "
        "before, $s_1=4$, $\\sigma=\\hat\\sigma=0.5$, $d=8$. The geometric bound is true and says little. Runs lag "
        "behind the recursion because the norm is the largest of eight gains, the one that sampling noise favoured.",
        "Left: curves near one that fall to zero between rounds 18 and 25, the black recursion first. Right: the same "
        "on a logarithmic axis, falling ever more steeply below an almost flat dashed line.",
    ),
    "spectrum": Plot(
        "collapse",
        linear.draw_spectrum,
        "**The weakest directions go first.** Variances from 0.5 to 4. Left: gain of each direction over the rounds, "
        "mean of the runs; ticks mark where the recursion puts one half. Right: that round against the variance, and "
        "the estimate from the linear phase alone.",
        "Left: a heat map whose dark part ends along a diagonal. Right: dots on a rising line, a dashed line below it.",
    ),
    "noise-threshold": Plot(
        "noise-threshold",
        linear.draw_noise_threshold,
        "**More noise can stop the collapse.** Left: mean variance over the rounds for four levels of generation "
        "noise; the threshold is $\\hat\\sigma=\\sqrt2\\,\\sigma$. Right: above it, the unstable point $s^\\dagger$ "
        "separates runs that collapse from runs that grow.",
        "Left: four thick curves with thin lines inside them; one falls to zero, one falls slowly, two rise. Right: "
        "curves starting below a dashed line fall to zero, those above rise.",
    ),
    "real-data": Plot(
        "real-data",
        linear.draw_real_data,
        "**Real data keep the gain up.** A share $\\rho$ of real samples in every round. Left: mean gain over the "
        "rounds on the exact recursion. Right: the long-run gain against the share, with the exact limit and the "
        "bound that holds for any generated data.",
        "Left: four curves that level off between 0.7 and 0.94. Right: dots on a steeply rising curve, a dashed curve "
        "below it.",
    ),
    "finite-sample": Plot(
        "finite-sample",
        linear.draw_finite_sample,
        "**True, and looser with every round.** Twenty runs with 200 samples and the high-probability bound of each. "
        "It is never violated.",
        "Curves that plunge below a thin band of nearly flat lines on a logarithmic axis.",
    ),
    "euler-gains": Plot(
        "gaussian-reflow",
        gaussian.draw_euler_gains,
        "**Coarse steps cost only once.** Share of the standard deviation that $N$ Euler steps deliver for Gaussian "
        "data of variance $s$: the first flow, and after five more exact reflows, which lose nothing more.",
        "Two rising curves from 0 at one step to nearly 1 at a hundred, circles with dots inside them on the curves.",
    ),
    "telescoping": Plot(
        "gaussian-reflow",
        gaussian.draw_telescoping,
        "**What one round saves.** The telescoping identity, measured for eight Gaussians: the squared distance "
        "between independent noise and data is that between the ends of the paths, plus their lack of straightness, "
        "plus what regression cannot predict.",
        "Two horizontal bars of nearly equal length; the lower one is made of three parts.",
    ),
    "ridge-law": Plot(
        "ridge-law",
        gaussian.draw_ridge_law,
        "**Only the first flow stops the drift.** Reflow of a Gaussian with a ridge $\\lambda=0.1$ on the velocity; "
        "lines are the laws. Trained on its own pairs the flow forgets the data and returns to its source, variance "
        "1. Real pairs reversed by the current flow slow that down where the data vary more than the source and "
        "hasten it where they vary less; reversed by the first flow they stop it at the dotted level.",
        "Left: from 4, two curves fall towards 1 at different speed, a third levels off at 3.5. Right: from 0.25, two "
        "curves rise towards 1, a third levels off below 0.4.",
    ),
    "collapse-target": Plot(
        "ridge-law",
        gaussian.draw_collapse_target,
        "**What is regularised decides the end.** The same data, the same ridge, two parametrisations: variances of "
        "three directions. A regularised velocity collapses to the source, a regularised denoiser to a point.",
        "Left: three curves from 4, 1 and 0.25 meet at 1. Right: three curves fall to zero.",
    ),
    "trained-gaussian": Plot(
        "trained-gaussian",
        plane.draw_trained_gaussian,
        "**The methods follow their laws.** A linear velocity with the penalty $\\lambda=0.1$, trained by stochastic "
        "gradients, half of the pairs real in two of the arms; lines are the laws.",
        "Two panels with three curves each and points on them: two fall (or rise) towards one, one levels off early.",
    ),
    "plane-samples": Plot(
        "plane",
        plane.draw_plane_samples,
        "**A slow return to the source.** Samples over the rounds, velocity fitted by ridge regression on random "
        "features; discs are the modes of the data, with a radius of three standard deviations. Rows: generated "
        "pairs only; half real pairs, reversed by the current flow; reversed by the first flow.",
        "A grid of dot clouds around eight discs on a circle. In the first two rows the clouds smear out between the "
        "discs from left to right, in the third hardly.",
    ),
    "plane-drift": Plot(
        "plane",
        plane.draw_plane_drift,
        "**Which real data help?** Thin lines are runs, thick lines their means. Distances are to data with equally "
        "many samples in each mode. Real pairs reversed by the current flow help at first; after eight rounds the "
        "flow is where plain Reflow is. Reversed by the first flow they hold the quality. Fresh noise holds it too, "
        "at the price of bent paths.",
        "Left: two curves rise together, two stay low. Right: two curves fall together, two stay high.",
    ),
    "plane-law": Plot(
        "plane",
        plane.draw_plane_law,
        "**Second moments are part of the drift.** Mean variance of the samples. Lines: the second-moment law of "
        "linear flows applied to the pairs of each round, with one ridge for all. It gets the order of the three "
        "arms and makes their differences too large: the flow is not linear.",
        "Three sequences of points, two falling and one rising, each near a line of the same trend.",
    ),
    "plane-straightness": Plot(
        "plane",
        plane.draw_plane_straightness,
        "**Nearly straight after one reflow.** Paths of the first flow and of the second, and straightness over the "
        "rounds. Further rounds of generated pairs add little; real data with fresh noise bend the paths again in "
        "every round.",
        "Left: curved paths from the centre to eight discs. Middle: straight ones. Right: straightness drops by two "
        "orders of magnitude in one round, but for one arm.",
    ),
    "plane-reversal": Plot(
        "plane",
        plane.draw_plane_reversal,
        "**Noise of the right size proves nothing.** Left: mean square of the noise that each flow finds for real "
        "data; noise of the right size would be at the line. Right: quality of a single Euler step.",
        "Left: four curves around one, plain Reflow above it, the others below. Right: curves that drop after the "
        "first round and stay low, but for one.",
    ),
    "plane-network": Plot(
        "plane-network",
        networks.draw_plane_network,
        "**Online, nothing pulls the flow back.** The eight Gaussians and a small MLP, equal steps a round. OCAR "
        "makes its pairs anew in every step by the network in training: any straight flow is then a fixed point, "
        "whatever it generates.",
        "Left: distances over the rounds of six methods on a logarithmic axis; the online ones rise steeply, the one "
        "with reversal by the first flow stays lowest. Right: shares of samples in a mode, in the same order.",
    ),
    "digits-samples": Plot(
        "digits",
        networks.draw_digits_samples,
        "**The same digits, a little greyer.** The same ten noise vectors through the first flow, and through the "
        "flow of the last round of each arm.",
        "Four rows of ten small handwritten digits, alike in each column; those of generated pairs only are greyer.",
    ),
    "digits-drift": Plot(
        "digits",
        networks.draw_digits_drift,
        "**Real pairs slow the drift.** Digits over the rounds. The Fréchet distance is taken in the features of a "
        "small classifier; it is no FID.",
        "Three panels over four rounds. Left: the distance climbs from 3 to 12 with generated pairs only, to 8 with "
        "the current flow, and returns to 4 with the first flow. Middle: recall stays between 0.94 and 0.98. Right: "
        "the mean absolute pixel falls, most with generated pairs only.",
    ),
    "digits-spectrum": Plot(
        "digits",
        networks.draw_digits_spectrum,
        "**What do the digits collapse to?** Left: variance of the samples along the principal directions of the "
        "data. Right: its change over the rounds of plain Reflow. Dots follow the line of a pull towards the mean of "
        "the data, as in the linear autoencoder, not that of a pull towards the source, as with a ridge on the "
        "velocity.",
        "Left: three falling curves. Right: dots along a falling line through the origin, far from a dashed line that "
        "crosses zero at variance one.",
    ),
    "images-plain": Plot(
        "images-plain",
        networks.draw_images_samples,
        "**Do images drift on their own pairs?** Samples over the rounds of plain Reflow, the same noise in each "
        "column.",
        "Rows of small images, one for each round.",
    ),
    "images-current": Plot(
        "images-current",
        networks.draw_images_samples,
        "**Does the current flow hold images?** Samples over the rounds with half the pairs real, reversed by the "
        "current flow.",
        "Rows of small images, one for each round.",
    ),
    "images-first": Plot(
        "images-first",
        networks.draw_images_samples,
        "**Does the first flow do better?** Samples over the rounds with half the pairs real, reversed by the first "
        "flow.",
        "Rows of small images, one for each round.",
    ),
}

FILMS: dict[str, Film] = {
    "plane-rounds": Film(
        "plane",
        plane.film_plane,
        "**Paths straighten, then samples stray.** Reflow round by round; it is on the left that the samples leave "
        "the modes.",
        "Paths from noise to eight discs. In the first frame they bend, from the second on they are straight. On the "
        "left the dots at their ends smear out between the discs, on the right much less.",
        seconds=7.0,
    ),
}
