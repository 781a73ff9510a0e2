"""Losses at chosen levels, smoother than the pinball loss: expectiles, and quantiles with a round tip.

Dimension names: `...` is any shape; Q is the number of levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE, NON_NEGATIVE, Equivalent, Parameter, Source, Spec
from slopes.kernels.pointwise.executor import Pointwise
from slopes.losses.levels import AT_LEVELS, LEVEL, at_levels, checked


def expectile(
    predictions: Tensor,
    targets: Tensor,
    levels: Sequence[float],
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return q u² where u > 0 and (1 - q) u² elsewhere, u = targets - predictions, of each level q, reduced.

    Args:
        predictions: `[..., Q]`, one prediction for each level; any floating dtype.
        targets: `[...]`.
        levels: The Q levels, each in (0, 1), in the order of the last dimension of `predictions`.
        mask: `[..., Q]` boolean, True where an element counts.
        weight: `[..., Q]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[..., Q]` for `"none"`; float32 for 16-bit input; the targets' unit squared, at least 0.

    Raises:
        ShapeError: `predictions` does not have the shape of `targets` with Q appended.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: A level is not in (0, 1), or `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or a number that counts is infinite, or nearly.

    Notes:
        The gradient by the prediction is -2 q u below the target and -2 (1 - q) u above it, without a jump. It rests
        at the q-expectile, which is the mean at 0.5, where the loss is half of `mse`, and no quantile. Implicit
        Q-learning calls q τ.

    Examples:
        >>> expectile(torch.tensor([[0.0], [2.0]]), torch.tensor([1.0, 1.0]), [0.75], reduction="none")
        tensor([[0.7500],
                [0.2500]])
    """
    return at_levels(
        "expectile",
        _EXPECTILE,
        predictions,
        targets,
        "levels",
        levels,
        mask,
        weight,
        reduction,
        denominator,
        endless=False,
    )


def quantile_huber(
    predictions: Tensor,
    targets: Tensor,
    levels: Sequence[float],
    *,
    kappa: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return q h where u > 0 and (1 - q) h elsewhere, h = Huber(u) / kappa, u = targets - predictions, reduced.

    Args:
        predictions: `[..., Q]`, one prediction for each level; any floating dtype.
        targets: `[...]`.
        levels: The Q levels, each in (0, 1), in the order of the last dimension of `predictions`.
        kappa: Where the parabola of the tip turns into lines; above 0, in the targets' unit.
        mask: `[..., Q]` boolean, True where an element counts.
        weight: `[..., Q]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[..., Q]` for `"none"`; float32 for 16-bit input; the targets' unit, at least 0.

    Raises:
        ShapeError: `predictions` does not have the shape of `targets` with Q appended.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: A level is not in (0, 1), or `kappa`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        As IQN has it: over kappa, so that `quantile` is the limit at kappa = 0; QR-DQN leaves the division out, the
        same at 1. Every pair of quantile and target of distributional RL is `predictions.unsqueeze(-2).expand(...)`
        with a target for each. The prediction it rests at lies within about kappa of the quantile.

    Examples:
        >>> quantile_huber(torch.tensor([[0.0], [2.0]]), torch.tensor([4.0, 1.5]), [0.75], reduction="none")
        tensor([[2.6250],
                [0.0312]])
    """
    kappa = check.option("quantile_huber", "kappa", kappa, FINITE_POSITIVE)
    return at_levels(
        "quantile_huber",
        _QUANTILE_HUBER,
        predictions,
        targets,
        "levels",
        levels,
        mask,
        weight,
        reduction,
        denominator,
        float(kappa),
    )


class Expectile(Module, of=expectile):
    """Module of `expectile`."""

    def __init__(self, levels: Sequence[float], *, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.levels = checked("expectile", "levels", levels)
        self.reduction: Reduction = reduction


class QuantileHuber(Module, of=quantile_huber):
    """Module of `quantile_huber`."""

    def __init__(self, levels: Sequence[float], *, kappa: float = 1.0, reduction: Reduction = "mean") -> None:
        super().__init__()
        self.levels = checked("quantile_huber", "levels", levels)
        self.kappa = kappa
        self.reduction: Reduction = reduction


def _expectile(p: Tensor, t: Tensor, q: Tensor, rest: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    u = t - p
    slope = torch.where(u > 0, q, rest) * u
    return slope * u, (-2 * slope, 2 * slope, None, None)


def _quantile_huber(
    p: Tensor, t: Tensor, q: Tensor, rest: Tensor, kappa: float
) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    u = t - p
    inner = u.clamp(-kappa, kappa) / kappa
    slope = torch.where(u > 0, q, rest) * inner
    return slope * (u - 0.5 * kappa * inner), (-slope, slope, None, None)


_EXPECTILE: Final = Pointwise.sharing("Expectile", _expectile, tensors=4)
_QUANTILE_HUBER: Final = Pointwise.sharing("QuantileHuber", _quantile_huber, tensors=4)
_Q: Final = Parameter("q", "the level", LEVEL, "q", slider=(0.05, 0.95, 0.05), default=0.9)

SPECS: Final = (
    Spec(
        title="Expectile",
        family="forecasts",
        function=expectile,
        module=Expectile,
        summary="A mean that leans to one side: implicit Q-learning, risk, smooth intervals.",
        formula=r"\ell = q u^2 \text{ for } u > 0,\ (1 - q) u^2 \text{ else},\quad u = y - \hat y",
        slope=r"\frac{\partial \ell}{\partial \hat y} = -2 q u \text{ below } y,\ -2 (1 - q) u \text{ above}",
        inputs=AT_LEVELS,
        range=NON_NEGATIVE,
        parameters=(_Q,),
        aliases=("expectile loss", "asymmetric squares", "asymmetric least squares", "implicit q-learning", "iql"),
        equivalents=(
            Equivalent(
                "slopes",
                "slopes.losses.mse(predictions, targets.unsqueeze(-1).expand_as(predictions))",
                "at q = 0.5, where it is twice this",
            ),
        ),
        convention="Without a factor ½: at 0.5 it is half of the squared residual.",
        sources=(Source("Newey, Powell 1987, Asymmetric Least Squares Estimation and Testing"),),
        smooth="once",
    ),
    Spec(
        title="Quantile Huber",
        family="forecasts",
        function=quantile_huber,
        module=QuantileHuber,
        summary="Quantiles of a return whose pull fades at the target: QR-DQN, IQN.",
        formula=r"\ell = |q - [u < 0]| \, \frac{H_\kappa(u)}{\kappa},\quad u = y - \hat y",
        slope=r"\frac{\partial \ell}{\partial \hat y} = -|q - [u < 0]| \, \min(\max(u/\kappa, -1), 1)",
        inputs=AT_LEVELS,
        range=NON_NEGATIVE,
        parameters=(
            _Q,
            Parameter(
                "kappa", "where the parabola turns into lines", FINITE_POSITIVE, r"\kappa", slider=(0.1, 3.0, 0.1)
            ),
        ),
        aliases=("quantile huber loss", "qr-dqn", "iqn", "huber quantile regression"),
        equivalents=(
            Equivalent(
                "stable-baselines3",
                "sb3_contrib.common.utils.quantile_huber_loss(predictions, targets)",
                "all pairs, levels at midpoints, kappa 1, summed over quantiles",
            ),
        ),
        convention="Divided by kappa, as in IQN; QR-DQN is kappa times it, the same at 1.",
        sources=(
            Source("Dabney et al. 2018, Distributional Reinforcement Learning with Quantile Regression", "equation 10"),
            Source("Dabney et al. 2018, Implicit Quantile Networks", "equation 3"),
        ),
        smooth="once",
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
