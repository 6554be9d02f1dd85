"""The figures and films of the chapter, with their captions."""

from __future__ import annotations

from lowdim.papers.vididi import figures_exact as exact
from lowdim.papers.vididi import figures_learned as learned
from lowdim.record import Film, Plot

_PAIRS = (
    "Each line a pair of trainings that share videos, first weights and batches. Left and middle: is the nearest "
    "training video of an unseen one of the same motion, of the same background? Right: how much nearer the features "
    "of a video and of its own derivative are than those of different videos."
)
_PAIRS_ALT = (
    "Three panels with dots joined by lines from training on frames only to training with derivatives: retrieval "
    "of motion, with chance dotted, of background, and nearness."
)
_LARGE = "The nearest training video, and a linear probe: their motion and their background. Dotted: chance for motion."
_LARGE_ALT = "Paired bars for retrieval and linear probes of motion and background, frames only and with derivatives."

FIGURES: dict[str, Plot] = {
    "ahead": Plot(
        "series",
        exact.draw_ahead,
        "**A complete description, no forecast.** Left: frames foretold from the derivatives of the first frame, the "
        "error in units of the typical first difference; exact as soon as as many orders are known. Right: frame 2 of "
        "a clip and how orders up to 1, 2 and 3 foretell it. From order 2 on it is exact. Triangles: exact.",
        "Left, rising error curves that start later for more orders. Right, four small pictures; the second is "
        "wrong at the edges of the moving shape, the others agree.",
    ),
    "gains": Plot(
        "gains",
        exact.draw_gains,
        "**A difference is a high-pass filter.** What a difference does to an oscillation: measured (points) over "
        "$|2\\sin(\\omega/2)|^n$. Dotted: a true derivative, $\\omega^n$, which it resembles for slow changes only.",
        "Three curves over frequency: a constant, one that rises to two and one to four, with points on them.",
    ),
    "backgrounds": Plot(
        "backgrounds",
        exact.draw_backgrounds,
        "**The background goes, but for a rim.** The same shape and motion over two photographs. The first "
        "differences agree but for the edges, where a piece of background appears or is hidden.",
        "Frames of a moving shape over two different photographs and their differences, which are flat but for the "
        "shape.",
    ),
    "ratios": Plot(
        "backgrounds",
        exact.draw_ratios,
        "**How much background is left?** The difference between two backgrounds after differentiation over that "
        "before, clip by clip.",
        "Two histograms of ratios, both far below one, the second order to the right of the first.",
    ),
    "flicker": Plot(
        "flicker",
        exact.draw_flicker,
        "**Flicker brings the background back.** A still scene whose brightness and contrast are drawn for each "
        "frame, and its first difference.",
        "A row of frames of one picture in different brightness, below it their differences, in which the picture is "
        "visible.",
    ),
    "schedule": Plot(
        "schedule",
        exact.draw_schedule,
        "**A clip never meets its second derivative.** How often each pair of orders occurs: simulated, and in "
        "brackets exact.",
        "A three by three table of shares, the middle one twice the others, two corners never.",
    ),
    "neighbours": Plot(
        "neighbours",
        exact.draw_neighbours,
        "**Frames know the background, differences the motion.** The nearest other clip, in pixels and in spectra, "
        "without any learning: does it move in the same direction (left), is its background of the same photograph "
        "(right)? Dotted: chance.",
        "Bars for three orders. Motion is found by differences, best in spectra; background by frames.",
    ),
    "canonical": Plot(
        "canonical",
        exact.draw_canonical,
        "**A derivative takes the shortcut away.** The correlation of the first canonical variate with appearance and "
        "with motion when appearance varies more and more: measured (points) over the closed form. For plain pairs it "
        "changes from motion to appearance at the dotted line; with a derivative it stays with motion.",
        "Three panels. In the first, two curves cross abruptly at a dotted line; in the others motion stays at one and "
        "appearance at zero.",
    ),
    "losses": Plot(
        "vicreg",
        learned.draw_losses,
        "**The loss follows the schedule.** The loss of both trainings. That of the schedule rises and falls with the "
        "passes: pairs of unlike order are harder.",
        "Two falling curves; one of them with steps.",
    ),
    "maps": Plot(
        "vicreg",
        learned.draw_maps,
        "**What makes two videos neighbours?** Features of unseen videos on their two principal directions. Trained "
        "on frames only (left) they lie in clumps of one background each, and motions are mixed; with derivatives "
        "(right) clumps dissolve, and neighbours begin to share a direction.",
        "Four clouds of points. On the left colours are mixed in the upper cloud and in clumps in the lower one; on "
        "the right like colours gather in the upper cloud and are spread in the lower one.",
    ),
    "pairs-vicreg": Plot(
        "vicreg",
        learned.draw_pairs,
        f"**With derivatives VICReg finds the motion.** {_PAIRS}",
        _PAIRS_ALT,
    ),
    "pairs-simclr": Plot(
        "simclr",
        learned.draw_pairs,
        f"**SimCLR finds the motion too.** {_PAIRS}",
        _PAIRS_ALT,
    ),
    "pairs-byol": Plot(
        "byol",
        learned.draw_pairs,
        f"**Under BYOL motion gains less.** {_PAIRS}",
        _PAIRS_ALT,
    ),
    "ablation": Plot(
        "ablation",
        learned.draw_ablation,
        "**Which parts of the schedule matter?** Parts of the schedule, with the same videos and as many steps: "
        "retrieval of motion and of background. Dotted: chance.",
        "Dots and means for five schedules in two panels.",
    ),
    "jittered": Plot(
        "jittered",
        learned.draw_flicker_training,
        "**Jitter for every frame hides the motion.** The full schedule when brightness and contrast are drawn for "
        "each clip, and for each frame. Dotted: chance.",
        "Two groups of dots with their means.",
    ),
    "large-vicreg": Plot(
        "r3d-vicreg",
        learned.draw_large,
        f"**A large encoder gains too.** R3D-18 trained by VICReg. {_LARGE}",
        _LARGE_ALT,
    ),
    "large-simclr": Plot(
        "r3d-simclr",
        learned.draw_large,
        f"**Does SimCLR gain at full size?** R3D-18 trained by SimCLR. {_LARGE}",
        _LARGE_ALT,
    ),
    "large-byol": Plot(
        "r3d-byol",
        learned.draw_large,
        f"**Does BYOL catch up at full size?** R3D-18 trained by BYOL. {_LARGE}",
        _LARGE_ALT,
    ),
}
FILMS: dict[str, Film] = {
    "orders": Film(
        "films",
        exact.frames_of_orders,
        "**What stands still is gone.** Four clips (top), their first differences (middle) and their second ones "
        "(bottom). Grey is zero.",
        "Photographs with a moving shape; below, grey pictures in which only the edges and the texture of the moving "
        "shape show.",
    ),
}
