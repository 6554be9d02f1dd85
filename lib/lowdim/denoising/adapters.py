"""Denoisers from diffusers networks and the scheduler they were trained with.

Only attributes of the objects passed in are used, so nothing here imports diffusers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lowdim.checks import check_floating, expand_sigma, like
from lowdim.denoising import conversions as to
from lowdim.distributions.numerics import wide_dtype

# Keyword arguments of the network: {"class_labels": ...} or {"encoder_hidden_states": ...}.
Condition = Mapping[str, Any]

# A level this far above the largest trained one is rounding; anything higher is a mistake.
_ROUNDING = 1e-3


def _keep_sample(output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    return output


def _vp_v_to_denoiser(output: Tensor, x: Tensor, sigma: Tensor) -> Tensor:
    alpha_bar = to.sigma_to_alpha_bar(sigma)
    return to.v_to_denoiser(output, to.ve_to_vp(x, alpha_bar), alpha_bar)


# What a VP network may predict, by diffusers' name: (output, x, sigma) -> D.
_VP_PREDICTIONS: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "epsilon": to.noise_to_denoiser,
    "sample": _keep_sample,
    "v_prediction": _vp_v_to_denoiser,
}
_EDM_PREDICTIONS = ("epsilon", "v_prediction")


@dataclass(frozen=True)
class VPNetwork:
    """A network trained on VP points ``sqrt(alpha_bar_t) (x0 + sigma_t n)`` with integer timesteps, as a denoiser.

    ``log_sigmas (T,)`` holds ``log sigma_t``, ascending with the timestep ``t``. Made by :func:`from_diffusers`.
    """

    network: Any
    log_sigmas: Tensor
    prediction: Callable[[Tensor, Tensor, Tensor], Tensor]

    def __call__(self, x: Tensor, sigma: float | Tensor, condition: Condition | None = None, /) -> Tensor:
        """``D(x, sigma)``; ``condition`` holds further keyword arguments of the network."""
        sigma = _wide(sigma, x)
        x_t = to.ve_to_vp(x, to.sigma_to_alpha_bar(sigma))
        output = _evaluate(self.network, x_t, self.timestep(sigma), condition)
        return self.prediction(output, x, sigma)

    def timestep(self, sigma: Tensor) -> Tensor:
        """The (fractional) timestep of the levels ``(B,)``: linear interpolation of ``t`` in ``log sigma``.

        Raises ``ValueError`` above the largest trained level. Below the smallest the timestep is 0.
        """
        table = self.log_sigmas.to(sigma.device)
        log_sigma = sigma.to(table.dtype).log()
        if bool((log_sigma > table[-1] + _ROUNDING).any()):
            raise ValueError(
                f"sigma: {float(sigma.max()):.4g} is not allowed; "
                f"this network was trained up to {float(table[-1].exp()):.4g}"
            )
        low = (torch.searchsorted(table, log_sigma) - 1).clamp(0, table.shape[0] - 2)
        weight = (log_sigma - table[low]) / (table[low + 1] - table[low])
        return low + weight.clamp(0, 1)


@dataclass(frozen=True)
class EDMNetwork:
    """A network in EDM preconditioning (Karras et al. 2022, table 1) as a denoiser. Made by :func:`from_diffusers`.

    ``D(x, sigma) = c_skip x + c_out F(c_in x, log(sigma) / 4)``, with the coefficients of the scheduler.
    """

    network: Any
    scheduler: Any

    def __call__(self, x: Tensor, sigma: float | Tensor, condition: Condition | None = None, /) -> Tensor:
        """``D(x, sigma)``; ``condition`` holds further keyword arguments of the network."""
        level = _wide(sigma, x)
        per_pixel = like(level, x).to(x.dtype)
        c_in_x = self.scheduler.precondition_inputs(x, per_pixel)
        output = _evaluate(self.network, c_in_x, self.scheduler.precondition_noise(level), condition)
        return self.scheduler.precondition_outputs(x, output, per_pixel)


def _wide(sigma: float | Tensor, x: Tensor) -> Tensor:
    """The levels ``(B,)`` in float64: in half precision neighbouring timesteps would be one level."""
    check_floating("x", x)
    return expand_sigma(sigma, torch.empty(x.shape[0], dtype=wide_dtype(x.device), device=x.device))


def _evaluate(network: Any, x: Tensor, timestep: Tensor, condition: Condition | None) -> Tensor:
    """The network in its own dtype. Networks with learned variance append it as further channels, dropped here."""
    output = network(x.to(network.dtype), timestep.to(torch.float32), **(condition or {})).sample
    return output[:, : x.shape[1]].to(x.dtype)


def from_diffusers(network: Any, scheduler: Any) -> VPNetwork | EDMNetwork:
    """A denoiser from a diffusers network (``UNet2DModel``, ``UNet2DConditionModel``, ...) and its scheduler.

    The scheduler says how the network was trained; its sampling grid plays no role. For a pipeline give ``pipe.unet``
    and ``pipe.scheduler``.

    * Schedulers with ``alphas_cumprod`` (DDPM, DDIM, Euler, DPM-Solver, ...): ``D`` follows from the prediction type
      ``epsilon``, ``sample`` or ``v_prediction``. Between trained timesteps the timestep is interpolated linearly in
      ``log sigma``, and networks take such fractional timesteps. A level below the smallest trained one keeps timestep
      0: there ``D`` is nearly ``x``, and samplers pass through on their way to 0. A level above the largest raises
      ``ValueError`` at the call: no training covers it.
    * Schedulers with preconditioning (``EDMEulerScheduler``, ``EDMDPMSolverMultistepScheduler``): their own
      coefficients, prediction types ``epsilon`` and ``v_prediction``, any ``sigma > 0``.

    The result is called as ``D(x, sigma)``, or ``D(x, sigma, condition)`` with the network's further arguments by name;
    so ``bind(D, {"class_labels": labels}, guidance=3, null={"class_labels": nulls})`` is guided. ``x`` is
    ``(B, C, H, W)`` in the units the network was trained in; it is converted to the network's dtype and back.

    Raises ``ValueError`` for a scheduler that clips or thresholds its estimate of ``x0``: ``D`` is the posterior mean
    and does not, so its samples and Jacobians would silently be others. Pass one made with ``clip_sample=False``.
    Raises it too for an unknown prediction type, for schedulers with neither table nor preconditioning, and for
    arguments that are no network and no scheduler.
    """
    for name, given, fits in (
        ("network", network, callable(network)),
        ("scheduler", scheduler, hasattr(scheduler, "config")),
    ):
        if not fits:
            kind = type(given).__name__
            raise ValueError(
                f"{name}: a {kind} is not allowed; give one of diffusers, such as pipe.unet, pipe.scheduler"
            )
    config = scheduler.config
    for switch in ("clip_sample", "thresholding"):
        if config.get(switch):
            name = type(scheduler).__name__
            raise ValueError(
                f"scheduler: {switch}=True changes the estimate of x0, a denoiser here does not; "
                f"give {name}.from_config(scheduler.config, {switch}=False)"
            )
    prediction = config.get("prediction_type", "epsilon")
    if hasattr(scheduler, "precondition_outputs"):
        _check_prediction(prediction, _EDM_PREDICTIONS)
        return EDMNetwork(network, scheduler)
    if not hasattr(scheduler, "alphas_cumprod") or config.get("timestep_type", "discrete") != "discrete":
        raise ValueError(
            f"scheduler: {type(scheduler).__name__} with this configuration is not supported; "
            "give one with alphas_cumprod and discrete timesteps, or one with EDM preconditioning"
        )
    _check_prediction(prediction, tuple(_VP_PREDICTIONS))
    return VPNetwork(network, _log_sigma_table(scheduler.alphas_cumprod), _VP_PREDICTIONS[prediction])


def _check_prediction(prediction: str, allowed: tuple[str, ...]) -> None:
    if prediction not in allowed:
        raise ValueError(f"scheduler: prediction_type {prediction!r} is unknown; choose one of {', '.join(allowed)}")


def _log_sigma_table(alpha_bars: Tensor) -> Tensor:
    """``log sigma_t`` at the trained timesteps; a last level of infinite noise (zero terminal SNR) is left out."""
    alpha_bars = alpha_bars.to(wide_dtype(alpha_bars.device))
    return to.alpha_bar_to_sigma(alpha_bars[alpha_bars > 0]).log()
