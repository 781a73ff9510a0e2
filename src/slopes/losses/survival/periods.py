"""Hazards of periods: the chance of the event in each, for whoever has come so far.

Dimension names: `...` is any shape; T periods, counted from 0.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import NON_NEGATIVE, Equivalent, Input, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def discrete_hazard(
    logits: Tensor,
    period: Tensor,
    event: Tensor,
    *,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log of the chance to come through every period before the last, and in that to have the event or not.

    Args:
        logits: `[..., T]`, any floating dtype: of the hazard of each period, the chance of the event in it, given that
            it has not come before.
        period: `[...]` int64, that of the event, or the last one that was come through without it; from 0 to T - 1.
        event: `[...]` boolean, True where the event was seen, False where the subject is censored.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: `period` or `event` does not have the leading shape of `logits`, or there is no period.
        DtypeError: `logits` is not floating, `period` not int64, or `event` not boolean.
        OptionError: `reduction` or `denominator` is outside its domain.
        ValuesError: A period is out of range, or `weight` is negative or not finite.

    Notes:
        It is Σ log(1 + e^z) over the periods up to the last, less the last z where the event was seen. Later periods
        have no gradient. Somebody who leaves at the start of a period has come through the one before. With censoring
        in the last period alone it is `corn`, turned round.

    Examples:
        >>> event = torch.tensor([True, False])
        >>> discrete_hazard(torch.zeros(2, 3), torch.tensor([0, 2]), event, reduction="none")  # one coin, three coins
        tensor([0.6931, 2.0794])
    """
    check.floating("discrete_hazard", logits=logits)
    check.dimensions("discrete_hazard", "logits", logits, "[..., T]", 1)
    check.filled("discrete_hazard", "logits", logits, "[..., T]")
    shape = logits.shape[:-1]
    check.integers("discrete_hazard", "period", period, shape, "periods, the shape of `logits` without its last")
    check.boolean("discrete_hazard", "event", event, shape, "True where the event was seen")
    check.same_device("discrete_hazard", logits=logits, period=period, event=event)
    plan = reduce.plan(
        "discrete_hazard", shape, logits, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    period = plan.neutral(period)
    check.in_range("discrete_hazard", "period", period, logits.shape[-1], fix="count from 0, and cut at the last")
    seen = event.to(wide(logits.dtype))
    return defined.reduced(_DISCRETE_HAZARD, plan, logits=logits, period=period, event=seen)


class DiscreteHazard(Module, of=discrete_hazard):
    """Module of `discrete_hazard`."""

    reduction: Reduction = "mean"


def _discrete_hazard(x: Tensor, at: Tensor, seen: Tensor) -> tuple[Tensor, tuple[Tensor, None, None]]:
    place, last = torch.arange(x.shape[-1], device=x.device), at.unsqueeze(-1)
    had = (place == last) & (seen.unsqueeze(-1) != 0)
    reached = place <= last
    loss, slope = (torch.where(reached, each, 0.0) for each in numerics.log_loss(x, had))
    return loss.sum(-1), (slope, None, None)


_DISCRETE_HAZARD: Final = Pointwise.sharing("DiscreteHazard", _discrete_hazard, tensors=3, rows=True)

SPECS: Final = (
    Spec(
        title="Discrete-time hazard",
        family="survival",
        function=discrete_hazard,
        module=DiscreteHazard,
        summary="Survival as a yes or no in each period: any shape over time, with a plain head.",
        formula=r"\ell = \sum_{j \le t} \log(1 + e^{x_j}) - \delta\,x_t",
        slope=r"\frac{\partial \ell}{\partial x_j} = [j \le t]\,(\sigma(x_j) - \delta\,[j = t])",
        inputs=(
            Input("logits", ("...", "T")),
            Input("period", ("...",), "class_index"),
            Input("event", ("...",), "boolean"),
        ),
        output=("...",),
        range=NON_NEGATIVE,
        aliases=("logistic hazard", "nnet survival", "discrete time survival", "partial logistic regression"),
        equivalents=(
            Equivalent("pycox", "pycox.models.loss.nll_logistic_hazard(logits, period, event)", "two dimensions"),
        ),
        sources=(
            Source("Brown 1975, On the Use of Indicator Variables for Studying the Time-Dependence of Parameters"),
            Source("Gensheimer, Narasimhan 2019, A Scalable Discrete-Time Survival Model for Neural Networks"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
