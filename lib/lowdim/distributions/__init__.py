"""Exact data models: sampling, log density, score, denoiser and its Jacobian, and posteriors of measurements."""

from lowdim.distributions.base import Distribution
from lowdim.distributions.empirical import Empirical
from lowdim.distributions.gaussian import Gaussian
from lowdim.distributions.molrg import MoLRG

__all__ = ["Distribution", "Empirical", "Gaussian", "MoLRG"]
