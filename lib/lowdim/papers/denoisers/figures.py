"""The chapter's figures: which experiment each is drawn from, its caption and its description."""

from __future__ import annotations

from lowdim.papers.denoisers import figures_curves as curves
from lowdim.papers.denoisers import figures_plane as planes
from lowdim.papers.denoisers.learning import PICTURE_SIGMA
from lowdim.papers.denoisers.paths import CORRECTED_STEPS, SIGMA_MAX, SIGMA_MIN
from lowdim.papers.denoisers.pictures import ELLIPSE_SIGMA, FEW_STEPS, PATH_POINTS, PATH_SIGMA
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "three-fields": Plot(
        experiment="fields",
        draw=planes.draw_fields,
        caption=(
            "**Three denoisers of the same data.** Arrows from $x$ towards $D(x,\\sigma)$, drawn at a third of "
            "their length, over the density $p_\\sigma$. The Gaussian pulls evenly towards one ellipse. The "
            "mixture pulls onto the nearer line. The points pull onto themselves once the noise is small."
        ),
        alt=(
            "Six panels: arrow fields for a Gaussian, two crossing lines and sixteen points, at noise 0.9 above "
            "and 0.3 below. At low noise the arrows end on the ellipse, the lines and the points."
        ),
    ),
    "ellipses": Plot(
        experiment="ellipses",
        draw=planes.draw_ellipses,
        caption=(
            "**The Jacobian is what is still unknown.** Grey: noisy points at "
            f"$\\sigma={ELLIPSE_SIGMA}$. Each is joined to its denoised image, around which an ellipse shows one "
            "standard deviation of the posterior, $\\mathrm{Cov}[x_0\\mid x]=\\sigma^2 J$. The Gaussian's ellipse is "
            "the same everywhere. Near one line only the direction along it stays open; between the lines, the "
            "direction across."
        ),
        alt=(
            "Three panels with noisy points joined to ellipses: equal ellipses for the Gaussian, thin ones along "
            "the lines or across them for the mixture, small ones near the points for the finite set."
        ),
    ),
    "errors": Plot(
        experiment="error-curves",
        draw=curves.draw_errors,
        caption=(
            "**What noise leaves.** Three orthogonal subspaces of dimension four in $\\mathbb R^{24}$. Left: the "
            "exact denoiser lies between the best affine one and an oracle who is told the subspace. Right: the "
            "gap to the affine one equals the distance between the two denoisers, as Pythagoras says. At low noise it "
            "is two thirds of the error, $1-1/K$ for $K$ subspaces; at high noise it vanishes."
        ),
        alt=(
            "Left: error against noise level, measured dots leave the dashed oracle curve and join the solid "
            "affine curve as noise grows. Right: the relative gap rises to its maximum at small noise and falls "
            "to zero."
        ),
    ),
    "trajectories": Plot(
        experiment="trajectories",
        draw=planes.draw_trajectories,
        caption=(
            f"**From noise to data.** {PATH_POINTS} noisy points at $\\sigma={PATH_SIGMA}$ follow "
            "$dx/d\\sigma=(x-D)/\\sigma$ down to $\\sigma=0.02$; colour is the line that the exact flow reaches. "
            f"Euler's {FEW_STEPS} straight steps fall short, Heun's hardly. Ancestral sampling adds fresh noise on the "
            "way and forgets where it started."
        ),
        alt=(
            "Four panels of paths from a cloud to two crossing lines: smooth for the exact flow, polygons for "
            "Euler and Heun with few steps, jagged and mixed in colour for ancestral sampling."
        ),
    ),
    "order": Plot(
        experiment="sampler-order",
        draw=curves.draw_order,
        caption=(
            f"**Order of accuracy.** A Gaussian in $\\mathbb R^8$, from $\\sigma={SIGMA_MAX:g}$ to ${SIGMA_MIN}$ in "
            f"$N$ steps of equal ratio, $L=\\log({SIGMA_MAX:g}/{SIGMA_MIN})$. Left: Euler lies on the formula $L/4N$, "
            "Heun falls with slope two. "
            "Right: Euler shrinks every direction by the same share, unless its variance is near or below that of the "
            "last noise."
        ),
        alt=(
            "Left: log-log plot, Euler's errors on a line of slope one, Heun's on a line of slope two. Right: "
            "shrinkage in percent against variance, dots on a theory curve that rises and stays flat."
        ),
    ),
    "inversion": Plot(
        experiment="inversion",
        draw=curves.draw_inversion,
        caption=(
            "**There and back.** Data are taken up to noise by DDIM inversion and down again by Euler's method. "
            "Left: both ways of labelling the step err at first order; for the Gaussian the first lies on the formula "
            f"$L/2N$. Right: with {CORRECTED_STEPS} steps, correcting each one by fixed-point iteration makes the "
            "round trip exact; for the Gaussian at least at the rate drawn."
        ),
        alt=(
            "Left, log-log: four sets of points fall with slope one along a theory line. Right: errors fall "
            "geometrically with the number of corrections, the Gaussian's below the theory line."
        ),
    ),
    "samples": Plot(
        experiment="memorisation",
        draw=curves.draw_samples,
        caption=(
            "**A perfect denoiser of the training set is a memory.** Top: ten images sampled with the empirical "
            "denoiser of the training digits. Middle: the nearest training digit of each. Bottom: images from the "
            "same noise with the Gaussian of the same mean and covariance."
        ),
        alt=(
            "Three rows of ten small images: sharp digits, the same digits again, and blurred shapes that are no "
            "digits."
        ),
    ),
    "measurement": Plot(
        experiment="measurement",
        draw=planes.draw_measurement,
        caption=(
            "**A measurement is another noisy view.** The strip holds the points that agree with one noisy linear "
            "measurement, within two standard deviations. Left: of all prior samples few lie there, and the "
            "posterior mean lies on neither line. Right: following the posterior's own denoiser leads noise to "
            "both candidates."
        ),
        alt=(
            "Two panels with two crossing lines and a slanted strip: posterior samples sit where the strip meets "
            "the lines; paths from scattered points end there."
        ),
    ),
    "learning": Plot(
        experiment="learning",
        draw=curves.draw_learning,
        caption=(
            "**A network finds the posterior mean.** Left: the training loss comes down to the exact denoiser's, "
            "not to zero. Middle: at every stage and noise level the excess error equals the squared distance to "
            "the exact denoiser. Right: arrows of the network (thin) over the exact ones (wide) at "
            f"$\\sigma={PICTURE_SIGMA}$."
        ),
        alt=(
            "Left: a falling loss curve meets a horizontal line. Middle: points on the diagonal of a log-log "
            "plot. Right: two arrow fields that coincide."
        ),
    ),
    "digits": Plot(
        experiment="digits",
        draw=curves.draw_digits,
        caption=(
            "**Shrinkage against memory.** Two handwritten digits that neither denoiser has seen. The Gaussian keeps "
            "what is common and blurs as noise grows. The memory answers with training digits, at high noise with "
            "averages of them: sharp, but of another hand, or another digit."
        ),
        alt=(
            "Rows of 8 by 8 digits at four noise levels: noisy, denoised by the Gaussian (soft), denoised by the "
            "memory (sharp, sometimes a different digit)."
        ),
    ),
    "digit-errors": Plot(
        experiment="digits",
        draw=curves.draw_digit_errors,
        caption=(
            "**The same mean and covariance, two behaviours.** Left: at low noise the memory is perfect on digits "
            "it has seen and stuck at the distance to the nearest of them on new ones; near $\\sigma=1$ it beats "
            "the Gaussian on both. Right: at high noise the two become one, at the rate that the third "
            "cumulant of the digits foretells."
        ),
        alt=(
            "Left: four error curves against noise; the memory's curve on new digits is flat at low noise and "
            "crosses below the Gaussian's near one. Right: their relative distance falls with slope minus one."
        ),
    ),
    "clocks": Plot(
        experiment="dictionary",
        draw=curves.draw_clocks,
        caption=(
            "**Three clocks.** The papers' variance-preserving $\\bar\\alpha$ and flow time $t$ against the book's "
            "$\\sigma$."
        ),
        alt="Two falling S-shaped curves against the logarithm of the noise level, both from one to zero.",
    ),
}

FILMS: dict[str, Film] = {
    "flow": Film(
        experiment="flow",
        frames=planes.flow_frames,
        caption=(
            "**One equation, three winds.** Noisy points are carried by $dx/d\\sigma=(x-D)/\\sigma$ while the noise "
            "falls. The shading is the density $p_\\sigma$, computed without them. The points remain a sample of it at "
            "every level: that is the theorem. They end on the ellipse, on the lines, on the sixteen points."
        ),
        alt=(
            "Three panels with a cloud of points over a shaded hill. As the noise falls, the first cloud shrinks to an "
            "ellipse, the second settles on two crossing lines, the third gathers at sixteen single points."
        ),
    ),
}
