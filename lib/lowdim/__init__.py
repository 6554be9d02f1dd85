"""Low-dimensional structure in learning: ten papers as one library.

One idea runs through the package: a denoiser is a function ``D(x, sigma) -> E[x0 | x0 + sigma n = x]``.
Exact denoisers come from :mod:`lowdim.distributions`, learned ones from :mod:`lowdim.denoising`; every method
(sampler, Jacobian, edit, watermark, inverse problem) takes either.

Importing the package loads nothing heavy; import the room you need, for example
``from lowdim.distributions import MoLRG``.
"""

__version__ = "0.1.0"
