"""Denoisers learned or bound: the contract, conversions between coordinates, grids, samplers.

Networks, weights, Jacobian products and adapters live in their own modules, imported where they are used.
"""

from lowdim.denoising.denoiser import ConditionalDenoiser, Denoiser, bind
from lowdim.denoising.grids import edm_sigmas, log_sigmas, vp_sigmas
from lowdim.denoising.samplers import Step, ancestral, euler, heun, initial_noise, invert, last

__all__ = [
    "ConditionalDenoiser",
    "Denoiser",
    "Step",
    "ancestral",
    "bind",
    "edm_sigmas",
    "euler",
    "heun",
    "initial_noise",
    "invert",
    "last",
    "log_sigmas",
    "vp_sigmas",
]
