"""The figures and the film of the chapter, with their captions."""

from __future__ import annotations

from lowdim.papers.hidden_gaussian import figures_exact, figures_faces, figures_linear, figures_nets
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "best-linear": Plot(
        "best-linear",
        figures_linear.draw_best_linear,
        "**Leading components first.** Gradient descent on the denoising loss of the digits, $\\sigma=0.5$. Left: "
        "error left along five principal components, from a random start; lines are "
        "$(1-2\\eta(\\lambda_i+\\sigma^2))^j$. Right: the measured rate of all components on the predicted one. "
        "Leading components are learned in a few steps, trailing ones in hundreds.",
        "Left: five families of points on falling curves, the first component reaching a ten-millionth after "
        "ten steps, the fortieth after two hundred. Right: points on the diagonal.",
    ),
    "gaussian-flow": Plot(
        "gaussian-flow",
        figures_linear.draw_gaussian_flow,
        "**Components switch on one by one.** Left: share of its final energy that a denoised component has along "
        "the sampling path of the Gaussian model; points are 200 Heun steps, lines "
        "$\\lambda_i/(\\lambda_i+\\sigma^2)$. A component is half decided where $\\sigma$ crosses "
        "$\\sqrt{\\lambda_i}$ (dotted). Right: how many pass at each level.",
        "Left: four S-shaped curves with points on them, shifted to lower noise for later components; dotted "
        "lines meet them at one half. Right: two curves that rise from near zero at high noise to nearly the "
        "dimension.",
    ),
    "coarse-to-fine": Plot(
        "gaussian-flow",
        figures_linear.draw_coarse_to_fine,
        "**Colours of large areas first, features later.** The Gaussian model of faces on its way from noise: the "
        "path of one face, scaled to be visible, and what the denoiser has decided for it and for two others, with "
        "the soft count of active components.",
        "Four rows of eight small faces. The first goes from colourful noise to a face; in the others a blurred "
        "average face takes colours and then features as the noise falls.",
    ),
    "distillation": Plot(
        "distillation",
        figures_linear.draw_distillation,
        "**The inputs of the fit decide.** Distance of the best affine fit to the denoiser that only remembers N "
        "digits, from the Gaussian denoiser of these digits. Fitted on the noised training digits themselves "
        "(squares) it is Gaussian up to the sampling error expected (dashed); fitted on held-out digits (circles) "
        "it is not.",
        "Three curves of circles fall from about one at low noise to near zero at high noise, higher for smaller "
        "sets. Squares lie on dashed lines, a few thousandths at most, far below.",
    ),
    "molrg": Plot(
        "molrg",
        figures_linear.draw_molrg,
        "**A Gaussian fit proves no linearity.** A mixture of three subspaces. Left: the exact denoiser along one "
        "direction of a subspace is far from linear, yet its best affine fit is the Gaussian denoiser of the "
        "average projector. Right: what linearity costs.",
        "Left: a cloud with two branches, one flat and one steep, and two coinciding lines between them. Right: "
        "the error of the Gaussian denoiser above that of the exact one, the gap shaded and widest near noise "
        "0.5.",
    ),
    "smoothed": Plot(
        "smoothed",
        figures_linear.draw_smoothed,
        "**Best between memory and Gaussian.** A family of exact denoisers from the one that remembers ($h=0$) to "
        "the Gaussian ($h=1$). Left: error on new digits, with the best member marked, and on the 300 training "
        "digits. Right: distance of the affine fit from the Gaussian denoiser; on its own law every member has the "
        "same fit, up to sampling error; on new digits they differ.",
        "Left: solid curves with a minimum inside, dashed ones that rise steadily to one. Right: squares below "
        "one hundredth for all members, circles that fall from near one.",
    ),
    "smoothed-samples": Plot(
        "smoothed",
        figures_linear.draw_smoothed_samples,
        "**What the dial does to a sample.** Samples of members of the family from the same noise: training digits "
        "on the left, Gaussian samples on the right.",
        "Four rows of six small digits, sharp on the left and blurred on the right, each row keeping its rough shape.",
    ),
    "high-noise": Plot(
        "high-noise",
        figures_exact.draw_high_noise,
        "**With much noise the two agree.** Root mean squared distance between the denoiser that remembers 1200 "
        "digits and the Gaussian one. At high noise it is the skewness of the data over $\\sigma^2$.",
        "Points that bend at low noise and lie on a straight falling line above noise 2.",
    ),
    "low-noise": Plot(
        "low-noise",
        figures_exact.draw_low_noise,
        "**Few digits leave directions open.** Distance of the Gaussian denoiser of N digits from the identity, on "
        "new digits. With few digits it stops at the part of a new digit off their span (lines; the lowest is that "
        "of 200 digits, which leave some pixels blank).",
        "Four curves that fall with the noise; those of 20 and 50 digits level off at horizontal lines, the "
        "others go on.",
    ),
    "risk": Plot(
        "risk",
        figures_exact.draw_risk,
        "**Does remembering pay?** Squared error on training and new digits of the denoiser that remembers 300 "
        "digits and of the Gaussian one with their moments. Remembering wins on the training set at every level "
        "and loses on new digits at low noise, where it returns the nearest training digit (dotted).",
        "Error against noise: the Gaussian's two curves coincide on their closed forms; the remembering "
        "denoiser's training error plunges below noise one while its error on new digits stays flat.",
    ),
    "linearity": Plot(
        "linearity",
        figures_exact.draw_linearity,
        "**An offset passes for nonlinearity.** Linearity scores of two exact denoisers, as published and centred "
        "at the mean. The Gaussian denoiser is affine, yet has a defect of $\\sqrt2-1$ at high noise, which is its "
        "offset alone (line). Centred it scores (1, 0), and the denoiser that remembers loses the flattery of its "
        "mean.",
        "Left: the Gaussian's cosines near one, the remembering denoiser's dipping to 0.9 as published and to "
        "below 0.75 centred. Right: defects rise to 0.41 on the line as published, vanish for the Gaussian when "
        "centred.",
    ),
    "moments": Plot(
        "moments",
        figures_exact.draw_moments,
        "**How many digits until samples agree?** Cosine between Gaussian samples made from the same noise with "
        "the moments of two disjoint sets of N digits. The line is the closed form in the two covariances.",
        "Points on a rising curve, from 0.3 at 8 digits over 0.9 at 64 to nearly 1 at 512.",
    ),
    "moments-samples": Plot(
        "moments",
        figures_exact.draw_moments_samples,
        "**Larger sets, the same picture.** Gaussian samples from the same noise in each column, with the moments "
        "of disjoint sets in each pair of rows.",
        "Four pairs of rows of eight blurred digits: different within a pair for 8 digits, alike for 512.",
    ),
    "nets-closeness": Plot(
        "digit-nets",
        figures_nets.draw_closeness,
        "**Gaussian or memory?** Distance of networks to the Gaussian denoiser of their training set and to the "
        "denoiser that remembers it, on new digits; the dark line is the distance between these two. Trained on "
        "many digits a network is much nearer to the Gaussian one below $\\sigma\\approx1$; at high noise the two "
        "are one.",
        "Two panels over noise. Left, 40 digits: the network is between the two. Right, 1500 digits: it is much "
        "closer to the Gaussian denoiser at low noise.",
    ),
    "nets-linearity": Plot(
        "digit-nets",
        figures_nets.draw_nets_linearity,
        "**Networks dip at moderate noise.** Centred linearity score of networks on 40 and 1500 digits, on new "
        "digits, with an affine denoiser and one that remembers exactly for comparison. The dip is shallower for "
        "more data.",
        "Curves over noise. Both networks have a dip near noise 0.6, shallow for 1500 digits, deeper for 40; the score "
        "of the one that remembers falls to 0.6 at low noise.",
    ),
    "nets-early": Plot(
        "digit-nets",
        figures_nets.draw_early,
        "**Networks pass by the Gaussian.** Training on 40 and on 750 digits. Left: distance to the Gaussian "
        "denoiser falls first and then grows, most for the small set. Right: agreement of samples of two networks "
        "on disjoint sets, lost during training on the small sets. In the first steps it is high for a trivial "
        "reason: samples are still noise.",
        "Left: two curves with a minimum after a few hundred steps, the one for 40 digits then rising to "
        "nearly twice its least value. Right: the curve for 750 digits stays above 0.9, the one for 40 falls to one "
        "half.",
    ),
    "nets-risk": Plot(
        "digit-nets",
        figures_nets.draw_nets_risk,
        "**What more digits buy.** Squared error on training (dashed) and new digits (solid) of a network and of "
        "the two exact denoisers of its training set. On 40 digits the network goes the way of remembering; on 750 "
        "training and new error are close, and up to $\\sigma\\approx1$ it beats both on new digits.",
        "Two panels of six curves over noise. Left: the network's training error is far below its error on new "
        "digits. Right: its two curves are close together and slightly below the Gaussian's up to noise one.",
    ),
    "nets-halves": Plot(
        "digit-nets",
        figures_nets.draw_halves,
        "**Do disjoint sets draw the same?** Samples from the same noise in each column: two networks on disjoint "
        "sets of 40 digits when they are most Gaussian and at the end, two on disjoint sets of 750, and the "
        "Gaussian model.",
        "Seven rows of eight small digits. The rows of 750 digits agree with each other and with the Gaussian "
        "row; the two last rows of 40 digits do not.",
    ),
    "capacity": Plot(
        "capacity",
        figures_nets.draw_capacity,
        "**Narrow networks agree for a poor reason.** Narrow and wide networks on 40 digits over training: "
        "distance to the Gaussian denoiser, and agreement of samples of two networks on disjoint sets. The narrow "
        "nets never come as close as the wide ones do early; much of their agreement is noise of the start that "
        "they leave in their samples.",
        "Left: the wide nets' distance falls below half of the narrow ones' and rises again. Right: agreement falls "
        "to one half for the wide networks, to 0.8 for the narrow ones.",
    ),
    "noise-law": Plot(
        "noise-law",
        figures_nets.draw_noise_law,
        "**A fault of training at high noise.** Distance to the Gaussian denoiser of two networks on 1500 digits "
        "that differ in the law of noise levels they were trained with (shaded). Where a level is hardly ever "
        "drawn, the network is far off.",
        "Two curves over noise that agree at low noise; above noise 5 the one of the usual law rises steeply, the "
        "other stays low.",
    ),
    "faces-strip": Plot(
        "faces-size",
        figures_faces.draw_faces_strip,
        "**From remembering to generalising.** Samples from the same noise in each column, of networks that differ "
        "only in the number of faces they were trained on; then of one trained on 4096 other faces, and of the "
        "Gaussian model.",
        "Eight rows of ten faces. The first rows repeat a few faces; from a few hundred faces on they are new, "
        "and the last rows of networks show the same face in each column, of which the Gaussian row is a blurred "
        "version.",
    ),
    "faces-curves": Plot(
        "faces-size",
        figures_faces.draw_faces_curves,
        "**When does a network stop remembering?** Networks over the number of training faces. Left: share of "
        "samples that copy a training face. Middle: distance to the two exact denoisers of the training set, on "
        "new faces. Right: agreement of samples of networks trained on disjoint sets, and of their Gaussian "
        "models.",
        "Left: a curve from one to zero. Middle: the distance to the Gaussian denoiser falls, that to remembering "
        "stays above it for large sets. Right: a rising line and two points.",
    ),
    "faces-noise": Plot(
        "faces-noise",
        figures_faces.draw_faces_noise,
        "**Two moments already give the colours.** Samples of the face network and of the Gaussian with the mean "
        "and covariance of its data, from the same noise; above each pair the cosine between the two, seen from "
        "the mean face.",
        "Two rows of ten faces: sharp ones above, blurred ones with the same colours and outlines below.",
    ),
    "jacobian": Plot(
        "jacobian",
        figures_faces.draw_jacobian,
        "**Aligned at high noise, less at low.** How much of the five leading singular vectors of the network's "
        "Jacobian lies in the span of the first five principal components of faces, against noise.",
        "A curve over noise: about 0.7 at high noise, about one half at low noise; chance is near zero.",
    ),
    "jacobian-vectors": Plot(
        "jacobian",
        figures_faces.draw_jacobian_vectors,
        "**Components mix, hair and background stay.** Principal components of faces, and the leading singular "
        "vectors of the network's Jacobian at one noisy face, from high to low noise.",
        "Six rows of five faces in false colours. The rows for high noise resemble the first; at low noise hair "
        "and background still show, mixed and with edges on one side.",
    ),
    "photographs-few": Plot(
        "photographs-few",
        figures_faces.draw_photographs_few,
        "**First Gaussian on photographs, too?** A network on few images over training: distance to the Gaussian "
        "denoiser of its training set on test images.",
        "One curve for each noise level over the number of steps.",
    ),
    "photographs-samples": Plot(
        "photographs-few",
        figures_faces.draw_photographs_samples,
        "**Does it copy photographs?** Samples of the network on few images over their nearest training images.",
        "Two rows of eight small pictures, samples above and training images below.",
    ),
    "photographs-halves": Plot(
        "photographs-halves",
        figures_faces.draw_photographs_halves,
        "**Do halves of photographs agree?** Samples from the same noise of networks on disjoint halves of the "
        "training images, and of their Gaussians.",
        "Four rows of eight small pictures; columns agree between the rows.",
    ),
    "photographs-exact": Plot(
        "photographs-exact",
        figures_faces.draw_photographs_exact,
        "**Gaussian on its own photographs only.** The denoiser that remembers few photographs, distilled on its "
        "own images and on test images.",
        "Two curves over noise, the one for test images far above the other.",
    ),
}

FILMS: dict[str, Film] = {
    "faces-film": Film(
        "faces-size",
        figures_faces.film_faces,
        "**Copies give way to new faces.** As the training set grows: samples of the network, the nearest faces of "
        "its training set, and samples of the Gaussian model of that set, all from the same noise.",
        "Six frames of three rows of ten faces. With 4 faces the samples equal their nearest training faces; with "
        "4096 they are new faces, near the blurred Gaussian ones in the third row.",
        seconds=9.0,
    ),
}
