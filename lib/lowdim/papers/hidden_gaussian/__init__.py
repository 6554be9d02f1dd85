"""Chapter 02: understanding generalizability of diffusion models requires rethinking the hidden Gaussian structure
(Li, Dai and Qu, NeurIPS 2024, arXiv 2410.24060).

Experiments and their figures:

* best-linear: ``best-linear`` (decay of each principal component under gradient descent)
* gaussian-flow: ``gaussian-flow`` (gain of each component), ``coarse-to-fine`` (strip of images, active modes)
* distillation: ``distillation`` (on-set against held-out)
* molrg: ``molrg`` (distilled against exact, and what linearity costs)
* smoothed: ``smoothed`` (family from remembering to Gaussian)
* high-noise: ``high-noise``; low-noise: ``low-noise``; risk: ``risk``; linearity: ``linearity``
* moments: ``moments`` (curve), ``moments-samples`` (pictures from disjoint sets)
* digit-nets: ``nets-closeness``, ``nets-linearity``, ``nets-early``, ``nets-risk``, ``nets-halves``
* capacity: ``capacity``; noise-law: ``noise-law``
* faces-size: ``faces-strip``, ``faces-curves``, film ``faces-film``
* faces-noise: ``faces-noise`` (Gaussian and network samples from the same noise)
* jacobian: ``jacobian``, ``jacobian-vectors``
* photographs-exact: ``photographs-exact``; photographs-few: ``photographs-few``;
  photographs-halves: ``photographs-halves``
"""

from __future__ import annotations

from collections.abc import Callable

from lowdim.record import Plot, Record

EXPERIMENTS: dict[str, Callable[..., Record]] = {}
FIGURES: dict[str, Plot] = {}
