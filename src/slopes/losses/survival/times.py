"""Likelihoods of a time to an event, under a distribution whose parameters are predicted.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_POSITIVE, Equivalent, Input, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def weibull_nll(
    log_scale: Tensor,
    log_shape: Tensor,
    time: Tensor,
    event: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return e^x - event · (x + log_shape - log time), x = e^log_shape (log time - log_scale), of each, reduced.

    Args:
        log_scale: `[...]`, logarithm of the time by which 63 % have had the event; any floating dtype.
        log_shape: `[...]`, logarithm of the shape: 0 for a hazard without age, above it for one that rises with age.
        time: `[...]`, of the event, or until which none was seen; finite and above 0, a constant.
        event: `[...]` boolean, True where the event was seen, False where the time is censored on the right.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, of a density per unit of `time` where the
        event was seen.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: `event` is not boolean, another argument is not floating, or float64 meets another dtype.
        OptionError: `reduction` or `denominator` is outside its domain, or `time` requires a gradient.
        ValuesError: `weight` is negative or not finite, a time is not above 0, or infinities meet.

    Notes:
        e^x is the cumulated hazard, (time / scale)^shape: what a censored time costs. With log_shape 0 it is the
        exponential distribution. Another unit of time shifts `log_scale` and adds a constant to what events cost.
        e^x overflows where a time is far beyond the scale: x is 88 at the end of float32.

    Examples:
        >>> zeros, times = torch.zeros(2), torch.tensor([2.0, 2.0])
        >>> weibull_nll(zeros, zeros, times, torch.tensor([True, False]), reduction="none")  # a hazard of 1
        tensor([2., 2.])
    """
    check.alike("weibull_nll", log_scale=log_scale, log_shape=log_shape, time=time)
    check.constant("weibull_nll", time=time)
    check.boolean("weibull_nll", "event", event, time.shape, "the shape of `time`; True where the event was seen")
    check.same_device("weibull_nll", event=event, time=time)
    plan = reduce.plan(
        "weibull_nll", time.shape, log_scale, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    check.within("weibull_nll", "time", time, FINITE_POSITIVE, "for events at once pass a small time", plan.keep)
    time = time.masked_fill(~plan.keep, 1.0) if plan.keep is not None else time
    seen = event.to(wide(time.dtype))
    return defined.reduced(_WEIBULL, plan, log_scale=log_scale, log_shape=log_shape, time=time, event=seen)


class WeibullNLL(Module, of=weibull_nll):
    """Module of `weibull_nll`."""

    reduction: Reduction = "mean"


_FAR: Final = 1e4  # below minus this every exponential is 0


def _weibull(s: Tensor, a: Tensor, t: Tensor, seen: Tensor) -> tuple[Tensor, tuple[Tensor | None, ...]]:
    t = torch.where(t > 0, t, 1.0)  # of what does not count, a 0
    shape, log_time = torch.exp(a), torch.log(t)
    x = shape * (log_time - s)
    hazard = torch.exp(x)
    had = seen != 0
    beyond = torch.where(had, torch.expm1(x), hazard)
    by_shape = torch.where(had, x * beyond - 1, x.clamp(min=-_FAR) * hazard)
    value = torch.where(had, (log_time - a) + (hazard - x), hazard)
    return value, (-shape * beyond, by_shape, None, None)


_WEIBULL: Final = Pointwise.sharing("WeibullNLL", _weibull, tensors=4)

SPECS: Final = (
    Spec(
        title="Weibull negative log-likelihood",
        family="survival",
        function=weibull_nll,
        module=WeibullNLL,
        summary="Times to failure whose hazard rises or falls as a power of age; some are cut off.",
        formula=r"\ell = e^{x} - \delta\,(x + \log k - \log t),\quad x = k\,(\log t - \log\lambda)",
        slope=r"\frac{\partial \ell}{\partial \log\lambda} = -k\,(e^{x} - \delta)",
        inputs=(
            Input("log_scale", ("...",)),
            Input("log_shape", ("...",)),
            Input("time", ("...",), "positive"),
            Input("event", ("...",), "boolean"),
        ),
        aliases=("weibull", "weibull survival", "weibull aft", "time to failure"),
        equivalents=(
            Equivalent(
                "lifelines",
                "-WeibullFitter().fit(time, event).log_likelihood_",
                "fits one scale and one shape; the sum",
            ),
            Equivalent(
                "torchsurv",
                "neg_log_likelihood_weibull(torch.stack([log_scale, log_shape], -1), event, time)",
                "one tensor of both; casts to float32",
            ),
        ),
        convention="Takes logarithms of scale and shape; a density per unit of time, log t included.",
        sources=(Source("Kalbfleisch, Prentice 2002, The Statistical Analysis of Failure Time Data", "section 2.2"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
