"""The figures and the film of the chapter, with their captions."""

from __future__ import annotations

from lowdim.papers.modality_gap import figures_sphere, figures_theory, figures_towers
from lowdim.record import Film, Plot

FIGURES: dict[str, Plot] = {
    "effective-scale": Plot(
        "parallel",
        figures_theory.draw_effective_scale,
        "**A gap is a temperature in disguise.** Left: the loss of parallel modalities against their gap, for four "
        "scales. Right: the same losses against $\\beta(1-\\gamma^2)$ lie on one curve, the loss without a gap.",
        "Left: four curves that rise with the gap, from different heights. Right: all their points lie on one "
        "falling curve.",
    ),
    "one-curve": Plot(
        "invariant",
        figures_theory.draw_one_curve,
        "**Gradient flow keeps to one curve.** Gap and scale while features, gap and temperature descend together, "
        "from three starts (star) that share the curve of Lemma 3.1; squares are the ends. Gradient descent hardly "
        "leaves the curve, Adam at once.",
        "Three panels with the same falling curve. Points lie on it in the first two and leave it below in the third.",
    ),
    "slow-law": Plot(
        "rates",
        figures_theory.draw_slow_law,
        "**A law right in slope only.** The gap of the scalar model with CLIP's temperature: gradient flow over the "
        "closed form. The pure law $C^2/\\log^2t$ is far above at any time that a computer sees.",
        "Points on a curve that falls from 0.3 to 0.002 over twelve decades of time, below a dashed curve.",
    ),
    "parametrisations": Plot(
        "rates",
        figures_theory.draw_parametrisations,
        "**The exponential rule is the slowest.** The gap under five rules of the temperature, all from the same "
        "start: flow (points) over closed form (lines).",
        "Five falling curves: exponential slowest, then scaled, linear and softplus close together, fixed fastest.",
    ),
    "best-temperature": Plot(
        "rates",
        figures_theory.draw_best_temperature,
        "**Which fixed temperature closes the gap fastest?** The rate at which the gap of $n$ matched pairs closes "
        "under a fixed scale: measured (points) over the closed form (lines). Dotted lines are the predicted best "
        "scale, $1+W((n-1)/e)$; triangles the measured best.",
        "Four curves with a maximum each, further right for more pairs; triangles sit on dotted lines.",
    ),
    "lower-bound": Plot(
        "bound",
        figures_theory.draw_lower_bound,
        "**The repaired bound is not far off.** The gap of eight matched pairs under gradient flow, its closed form, "
        "and the lower bound of Theorem 3.2 with corrected constants.",
        "Points on a slowly falling curve and a dashed curve shortly below it.",
    ),
    "mismatch-limit": Plot(
        "mismatch",
        figures_theory.draw_mismatch_limit,
        "**Random pairs push the clouds apart.** Left: the push of 512 random pairs on $S^{d-1}$ over its limit "
        "$A_d(a)$; at large scales the finite number shows. Right: initial speed of the gap when all features are "
        "free, 100 starts each.",
        "Left: points on four rising curves, below them at the right end for d = 16 and 64. Right: four groups of "
        "points, all above zero.",
    ),
    "sphere-gap": Plot(
        "sphere",
        figures_sphere.draw_sphere_gap,
        "**Only the learned exponential rule freezes.** Gap of six free pairs on the sphere under gradient flow: "
        "eight starts (thin) and their median under each rule of the temperature.",
        "Curves against time on two logarithms. With the learned temperature they become flat near 0.3; with "
        "softplus and fixed 0.07 they fall after time 1000, with fixed 0.5 already at 10.",
    ),
    "sphere-temperature": Plot(
        "sphere",
        figures_sphere.draw_sphere_temperature,
        "**Free features are stickier than parallel ones.** The learned temperature of the same starts rises until "
        "all pairs are matched and then falls; after that the gap freezes, and more firmly than Lemma 3.1 would allow "
        "for parallel modalities at the measured temperatures.",
        "Left: temperatures that peak near time one. Middle: shares of matched pairs that jump to one. Right: gaps "
        "that keep most of their size, above dark curves that fall to less than half.",
    ),
    "first-steps": Plot(
        "latent-start",
        figures_towers.draw_first_steps,
        "**Does the gap grow at first?** Change of the gap on held-out pairs during the first ten steps of Adam, 100 "
        "initialisations of the toy's towers. Whether it grows depends on the initialisation.",
        "Left: a bundle of curves that spreads from zero both ways. Right: a histogram on both sides of zero.",
    ),
    "temperature-gap": Plot(
        "latent-temperature",
        figures_towers.draw_temperature_gap,
        "**Cold temperatures leave a wide gap.** Gap of the toy's towers after training at fixed temperatures "
        "(points: seeds) and with a learned one, by its start. The dark line is what sampling alone gives, "
        "$\\sqrt{2(1-\\overline{\\cos})/n}$.",
        "A curve that falls steeply as the temperature grows and ends close above a dark line. Squares sit on it.",
    ),
    "retrieval-window": Plot(
        "latent-temperature",
        figures_towers.draw_retrieval_window,
        "**Wide gaps go with poor retrieval.** Retrieval against the gap in the toy; dark points are warm, bars the "
        "spread over seeds. The collapse that the paper sees at large temperatures does not appear.",
        "A curve that is high and nearly flat at small gaps and falls towards large gaps on the right.",
    ),
    "uniformity-probe": Plot(
        "latent-temperature",
        figures_towers.draw_uniformity_probe,
        "**What goes with the linear probe?** How much of the latent a linear map reads from image embeddings, "
        "against uniformity and against the gap, mean over seeds; dark points are warm.",
        "Two scatter plots, points shaded from cold to warm: against uniformity on the left, against the gap on the "
        "right.",
    ),
    "mitigations": Plot(
        "latent-mitigation",
        figures_towers.draw_mitigations,
        "**What the remedies buy and cost.** Gap and retrieval of the toy under every mitigation of the paper; small "
        "dots are seeds, dotted lines the baseline (temperature learned from 0.07).",
        "Two columns of points, one row for each mitigation.",
    ),
    "paper-tables": Plot(
        "tables",
        figures_towers.draw_paper_tables,
        "**Does a smaller gap help retrieval?** The numbers that the paper prints. Over the nine settings of its "
        "figure a smaller gap goes with better retrieval; over all 26 rows it does not.",
        "Three scatter plots. Nine highlighted points lie on a line, the others do not.",
    ),
    "faces-pairs": Plot(
        "faces-temperature",
        figures_towers.draw_faces_pairs,
        "**One caption may fit several faces.** Pairs of a face and a caption. A caption leaves things unsaid; every "
        "face that it is true of counts as a right answer.",
        "Six cartoon faces with a short description under each.",
    ),
    "faces-clouds": Plot(
        "faces-temperature",
        figures_towers.draw_faces_clouds,
        "**The colder, the wider apart.** Embeddings of held-out faces and captions after training, in the plane of "
        "the gap and the widest direction across it; grey lines join pairs.",
        "Left: two clouds far apart. Right: two clouds on top of each other.",
    ),
    "faces-gap": Plot(
        "faces-temperature",
        figures_towers.draw_faces_gap,
        "**At which temperatures does the gap close?** Gap and retrieval of faces and captions while the towers "
        "train, from one start; the dashes at the right end are sampling floors.",
        "Left: gaps that stay near their start for a while and then fall, the later the colder; at temperature 0.01 "
        "the gap stays. Right: recall rising from a few percent.",
    ),
    "faces-diagnostics": Plot(
        "faces-temperature",
        figures_towers.draw_faces_diagnostics,
        "**Adam does not keep the invariant.** The baseline while it trains: scale, pressure on held-out pairs, and "
        "the quantity that gradient flow would conserve in the parallel model.",
        "Three curves against the step: a scale that changes little, a pressure near zero, an invariant that falls "
        "far below one.",
    ),
    "faces-mitigations": Plot(
        "faces-mitigation",
        figures_towers.draw_faces_mitigations,
        "**Swapping narrows the gap on faces.** Gap and retrieval of faces and captions under mitigations, against "
        "the baseline (dotted).",
        "Two columns of points, one row for each mitigation, with a dotted line at the baseline.",
    ),
    "faces-mismatch": Plot(
        "faces-mismatch",
        figures_towers.draw_faces_mismatch,
        "**What do wrong captions change?** Temperature, gap and retrieval when a share of the training captions "
        "belongs to other faces; temperature learned from 0.07, held-out pairs all true.",
        "Three panels against the share: temperature, gap and recall.",
    ),
}

FILMS: dict[str, Film] = {
    "sphere": Film(
        "sphere",
        figures_sphere.film_sphere,
        "**One gap freezes, the other closes.** Six pairs flow on the sphere: images and texts of a pair are joined "
        "by a thin line, the means of both clouds by a thick one. On the left the temperature is learned, and the gap "
        "freezes once all pairs are matched; on the right it is fixed.",
        "Two spheres with blue and amber points. On the left the two clouds stay apart, on the right each pair "
        "becomes one point.",
        seconds=8.0,
    ),
}
