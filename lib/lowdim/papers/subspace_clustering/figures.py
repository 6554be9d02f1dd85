"""The figures of the chapter, with their captions."""

from __future__ import annotations

from lowdim.papers.subspace_clustering.figures_images import (
    draw_digits,
    draw_digits_clusters,
    draw_digits_network,
    draw_disc_alignment,
    draw_disc_network,
    draw_discs,
    draw_images,
    draw_memorise,
    draw_network_rank,
)
from lowdim.papers.subspace_clustering.figures_recovery import (
    draw_angles,
    draw_clusters,
    draw_identifiability,
    draw_noise_bound,
    draw_pca_step,
    draw_trained_clusters,
    draw_trained_network,
)
from lowdim.papers.subspace_clustering.figures_theory import (
    draw_gap,
    draw_jacobian_rank,
    draw_printed_form,
    draw_toy,
)
from lowdim.record import Plot

FIGURES: dict[str, Plot] = {
    "toy": Plot(
        "toy",
        draw_toy,
        "**Clustering needs low noise.** The exact denoiser of two lines in the plane. The colour is the "
        "posterior weight of each line, strokes go from a noisy point to its denoised version. At low "
        "noise every point is assigned to one line and projected on it; at high noise both lines pull and "
        "what is left is shrinkage towards the centre.",
        "Three square panels for noise 0.2, 0.6 and 1.8. Two perpendicular lines cross in the middle; the "
        "plane is coloured by the line that wins, sharply on the left and hardly on the right. Strokes end "
        "on the nearest line on the left and near the centre on the right.",
    ),
    "printed-form": Plot(
        "closed-form",
        draw_printed_form,
        "**What a missing determinant costs.** Relative error of Lemma 1 as printed when the ranks are 2 "
        "and 8: without the determinant factor the larger subspace wins too often, most of all at noise "
        "levels where the assignment is in doubt.",
        "A curve of the error in percent against the noise level: small at both ends and about 40 percent "
        "in the middle, near noise 1.",
    ),
    "jacobian-rank": Plot(
        "jacobian-rank",
        draw_jacobian_rank,
        "**The rank doubles as clusters fade.** Left: numerical rank of the exact Jacobian over $n$. It "
        "goes from $d$ to $Kd$ where the log-odds fall to one, at the dashed line. Right: the half-way "
        "point of the rank for six values of $d$, with the prediction $\\sigma^2=(\\sqrt{1+2d}-1)/2$ drawn "
        "through.",
        "Left: points on a plateau at 0.125 for large 1 over sigma, a rise near 1, a plateau at 0.25 below. "
        "Right: points close to a falling curve.",
    ),
    "gap": Plot(
        "gap",
        draw_gap,
        "**What clustering is worth.** Left: error of the best affine denoiser, of the exact one, and of "
        "one told the cluster. Right: the distance between the first two denoisers equals the difference "
        "of their errors. It peaks at moderate noise and vanishes above: a network that stops at the "
        "Gaussian solution loses exactly this.",
        "Left: three rising curves, points on the formulas. Right: a hump with its peak near noise 0.5, points on it.",
    ),
    "pca-step": Plot(
        "one-subspace",
        draw_pca_step,
        "**One sample for each subspace dimension.** Left: share of trials in which PCA recovers the "
        "subspace; the line is the step $N=d$ of Theorem 2. Right: the error before the step. Curves are "
        "$2(d-N)(n-d)/(n-N)$, points are means and their bars standard deviations, dashes the worst "
        "optimum, of which the theorem speaks.",
        "Left: a heat map split into empty cells and full cells by a staircase. Right: four falling "
        "straight-looking curves that reach zero at N equal to d, with points on them.",
    ),
    "noise-bound": Plot(
        "one-subspace",
        draw_noise_bound,
        "**Safe, and a few times too large.** Recovery error against the deterministic bound, one dot for "
        "each random problem with $2\\le d\\le8$, $d\\le N\\le15$ and residuals over two and a half "
        "decades. No dot lies above the line.",
        "A cloud of dots along a diagonal, all below the line of equality, most of them by a factor of two to ten.",
    ),
    "trained-network": Plot(
        "trained-network",
        draw_trained_network,
        "**Training blurs the step.** Left: share of networks that find the subspace when trained by "
        "denoising, with the step of theory. Right: the same along $N$ for $d=4$ in three dimensions $n$: "
        "the threshold does not move.",
        "Left: heat map, empty left of a staircase, graded on it, full to its right. Right: three rising "
        "curves that nearly coincide.",
    ),
    "clusters": Plot(
        "many-subspaces",
        draw_clusters,
        "**Clusters that an optimiser can miss.** Share of trials that recover all clusters, no noise, "
        "$n=48$. Connected components of the graph of inner products give the step of theory exactly; "
        "K-subspaces from random starts meets local optima to its right, and never succeeds to its left.",
        "Three heat maps with the same staircase. The first two are empty left of it and full right of it; "
        "the third has pale cells right of it, in the rows of larger rank.",
    ),
    "identifiability": Plot(
        "identifiability",
        draw_identifiability,
        "**Can a perfect fit be wrong?** Share of runs that explain every sample perfectly by the wrong "
        "clusters, $K=2$. Free blocks allow it up to $N_k=d$; blocks orthogonal to each other never do.",
        "Two bar charts. Bars for free blocks fall from about two thirds to zero just beyond N equal to d; "
        "bars for jointly orthogonal blocks are zero everywhere.",
    ),
    "trained-clusters": Plot(
        "trained-clusters",
        draw_trained_clusters,
        "**The same step for two blocks.** Share of problems in which the network with two blocks finds "
        "both, trained by denoising; of several starts the one with the best objective counts, chosen "
        "without knowing the truth. The line is $N_k=d$.",
        "A heat map with few rows: pale cells left of the staircase, dark cells to its right.",
    ),
    "angles": Plot(
        "angles",
        draw_angles,
        "**Small angles trouble only the denoiser.** Two subspaces of rank 6 at equal principal angles. "
        "Left: posterior weight of the true one; triangles mark where theory puts log-odds one. Middle: "
        "that noise level against the angle. Right: share of problems that K-subspaces solves, without "
        "noise: it does not mind the angle.",
        "Left: seven falling curves, the smaller the angle the earlier the fall. Middle: points a little "
        "below a rising curve. Right: points near one at all angles.",
    ),
    "network-rank": Plot(
        "network-rank",
        draw_network_rank,
        "**Read only the middle.** Numerical rank of the Jacobian of an MLP trained on 600 samples of each "
        "of two subspaces, $n=48$, $d=6$, beside the exact denoiser. The network is nearly full rank at "
        "both ends, where it was hardly trained or is close to the identity.",
        "A U-shaped curve of the network above a two-step line of the exact denoiser.",
    ),
    "memorise": Plot(
        "memorise",
        draw_memorise,
        "**Copying stops with enough samples.** MLPs trained on two subspaces, against samples per "
        "dimension. Left: GL score, 1 when no sample is a copy. Middle: energy of a sample in its best "
        "cluster. Right: distance of the network from Lemma 1 at five noise levels.",
        "Three panels with rising GL score, high energy and falling errors as the samples per dimension "
        "grow from 3 to 300.",
    ),
    "discs": Plot(
        "discs",
        draw_discs,
        "**The span is right, the vectors mix.** Discs with four factors. Top: the exact tangents at one "
        "disc, the disc and its noisy version. Middle: what remains of each tangent inside the span of the "
        "first four singular vectors of the exact denoiser's Jacobian at the noisy image: nearly all. "
        "Bottom: the singular vectors; the fifth and sixth are of another kind.",
        "Three rows of small grey images. The first two rows look alike: two dipoles, a ring and a disc. In "
        "the last row the first four images are mixtures of these.",
    ),
    "disc-alignment": Plot(
        "discs",
        draw_disc_alignment,
        "**The Jacobian counts the factors.** Left: squared cosines between the span of four singular "
        "vectors and the tangent space. Right: the singular values; four are near one, the fifth is far "
        "below.",
        "Left: four groups of bars close to 1, with a line near zero for chance. Right: curves that drop "
        "steeply between the fourth and the fifth value.",
    ),
    "disc-network": Plot(
        "disc-network",
        draw_disc_network,
        "**A trained network finds the span, too.** Tangents and singular vectors as for the exact "
        "denoiser of discs, here of a small U-Net trained on discs, at noise 0.5.",
        "Three rows of small grey images: exact tangents, their part in the span of four singular vectors "
        "of the network, and the singular vectors.",
    ),
    "digits": Plot(
        "digits",
        draw_digits,
        "**What spans a class of digits.** Eight leading directions of four digit classes, each image one "
        "basis vector of the subspace that PCA fits to the class, the mean of all digits taken away.",
        "Four rows of eight small grey images. The first image of each row resembles the digit, later ones "
        "show finer stripes.",
    ),
    "digits-clusters": Plot(
        "digits",
        draw_digits_clusters,
        "**The objective knows better.** K-subspaces on 1797 digits, ten clusters of rank 8, from three "
        "kinds of start. Left: share of digits in the right cluster. Right: the objective. The true "
        "classes win it, by a little; random starts do not find them.",
        "Left: three bars of about 0.5, 0.8 and 0.99 with a line for k-means near 0.8. Right: three "
        "diamonds in rising order.",
    ),
    "digits-network": Plot(
        "digits-network",
        draw_digits_network,
        "**Below the Gaussian in the middle.** Numerical rank of the Jacobian of the digits network over "
        "$n=64$, mean over held-out digits, beside that of the Gaussian denoiser with the same covariance.",
        "A U-shaped curve against 1 over sigma; beside it a curve that rises steadily with 1 over sigma.",
    ),
    "images-few": Plot(
        "images-few",
        draw_images,
        "**Are few images copied?** Samples of a network trained on few images, each above the training "
        "image nearest to it.",
        "Two rows of small images; the lower row shows the training image nearest to the sample above it.",
    ),
    "images-many": Plot(
        "images-many",
        draw_images,
        "**Are many images copied?** Samples of a network trained on many images, each above the training "
        "image nearest to it.",
        "Two rows of small images; the lower row shows the training image nearest to the sample above it.",
    ),
}
