"""Who has the event next: Cox's partial likelihood, which asks for no shape of the hazard over time.

Dimension names: N subjects. A risk set is everybody of a stratum whose time is not before that of an event.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Plan, Reduction
from slopes._core.spec import FINITE, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.rows.running import groups, running

Ties = Literal["efron", "breslow"]
_TIES: Final = ("efron", "breslow")


def cox(
    log_hazard: Tensor,
    time: Tensor,
    event: Tensor,
    strata: Tensor | None = None,
    *,
    ties: Ties = "efron",
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return log Σ exp(log_hazard over the risk set) - log_hazard of each event, 0 of each censored subject, reduced.

    Args:
        log_hazard: `[N]`, any floating dtype: the larger, the earlier the event; a shift of all changes nothing.
        time: `[N]`, of the event, or until which none was seen; finite, in any unit, a constant.
        event: `[N]` boolean, True where the event was seen, False where the time is censored.
        strata: `[N]` int64; only subjects of equal numbers are in each other's risk sets. None for one stratum.
        ties: What several events at one time have in common: `"efron"` lets them leave the risk set one after
            another, on average over their order; `"breslow"` keeps all of them in it.
        mask: `[N]` boolean, True where a subject counts; the others are in nobody's risk set either.
        weight: `[N]`, weight of each event, at least 0; 0 is the same as masked.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[N]` for `"none"`; float32 for 16-bit input; nats. A mean is over the events; without any it is
        0, on the graph. A sum is at least 0, and under "breslow" so is each number.

    Raises:
        ShapeError: An argument is not `[N]`; nothing broadcasts.
        DtypeError: `event` is not boolean, `strata` not int64, or another argument not floating.
        OptionError: `ties`, `reduction` or `denominator` is outside its domain, or `time` requires a gradient.
        ValuesError: `weight` is negative or not finite, a time is infinite, or a log-hazard is infinite or nearly.

    Notes:
        Whoever is censored at the time of an event is at risk of it. Events at one time share their losses evenly.
        A sort and a running log-sum-exp of (largest, sum): N log N time and memory, and no digit is lost where hazards
        lie far apart. Weights that count a subject several times belong into the risk sets too: log_hazard +
        weight.log() beside `weight` does that for "breslow", as in lifelines. A batch knows its own risk sets only,
        so that micro-batches do not add up to the full one.

    Examples:
        >>> zeros = torch.zeros(3)
        >>> cox(zeros, torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, True, False]), reduction="none")  # of 3, of 2
        tensor([1.0986, 0.6931, 0.0000])
    """
    check.alike("cox", log_hazard=log_hazard, time=time)
    check.has_shape("cox", "log_hazard", log_hazard, [log_hazard.numel()], "[N], one number for each subject")
    check.constant("cox", time=time)
    check.boolean("cox", "event", event, log_hazard.shape, "[N], True where the event was seen")
    if strata is not None:
        check.integers("cox", "strata", strata, log_hazard.shape, "[N], equal within a stratum")
    check.same_device("cox", log_hazard=log_hazard, event=event, strata=strata)
    check.choice("cox", "ties", ties, _TIES)
    plan = reduce.plan(
        "cox",
        log_hazard.shape,
        log_hazard,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
        counts=event.to(wide(log_hazard.dtype)),
    )
    check.moderate("cox", plan.keep, log_hazard=log_hazard)
    check.within("cox", "time", time, FINITE, "leave a subject without a time out with `mask`", plan.keep)
    return plan.apply(_each(log_hazard, time, event, strata, plan, efron=ties == "efron"))


class Cox(Module, of=cox):
    """Module of `cox`."""

    ties: Ties = "efron"
    reduction: Reduction = "mean"


class _Line(NamedTuple):
    """Subjects in a line, the latest first, stratum after stratum: where each stratum and each tie begins and ends."""

    order: Tensor
    begins: Tensor
    tie: Tensor
    last: Tensor


def _each(
    log_hazard: Tensor,
    time: Tensor,
    event: Tensor,
    strata: Tensor | None,
    plan: Plan,
    *,
    efron: bool,
) -> Tensor:
    """Return the loss of each subject."""
    if log_hazard.shape[0] == 0:
        return log_hazard.to(wide(log_hazard.dtype))
    line = _line_up(plan.neutral(time), [key for key in (strata, plan.keep) if key is not None])
    x = plan.neutral(log_hazard).to(wide(log_hazard.dtype)).gather(0, line.order)
    largest, total = (part.gather(0, line.last) for part in running(x, line.begins))
    seen = event.gather(0, line.order)
    logs = _efron(x, largest, total, seen, line) if efron else torch.log(total)
    loss = torch.where(seen, (largest - x) + logs, 0.0)
    return torch.zeros_like(loss).scatter(0, line.order, loss)


def _line_up(time: Tensor, keys: list[Tensor]) -> _Line:
    """Return the line of subjects; who differs in a key is in another stratum."""
    order = torch.argsort(time, descending=True, stable=True)
    for key in keys:
        order = order.gather(0, torch.argsort(key.gather(0, order).to(torch.int64), stable=True))
    kinds = [key.gather(0, order) for key in keys]
    begins = groups(kinds)[0] if kinds else torch.zeros_like(order)
    tie, last = groups([*kinds, time.gather(0, order)])
    return _Line(order, begins, tie, last)


def _efron(x: Tensor, largest: Tensor, total: Tensor, seen: Tensor, line: _Line) -> Tensor:
    """Return the mean, over the events of each tie, of log(total - l/d · theirs) for l from 0 to d - 1."""

    def of_tie(values: Tensor) -> Tensor:
        return torch.zeros_like(values).scatter_add(0, line.tie, values).gather(0, line.tie)

    theirs = of_tie(torch.where(seen, torch.exp(x - largest), 0.0))
    count = seen.to(x.dtype)
    so_far = seen.to(torch.int64).cumsum(0)
    earlier = so_far - so_far.gather(0, line.tie) + seen.gather(0, line.tie).to(torch.int64) - 1
    events = of_tie(count).clamp(min=1)
    logs = torch.log(total - theirs * torch.where(seen, earlier / events, 0.0))
    return of_tie(torch.where(seen, logs, 0.0)) / events


SPECS: Final = (
    Spec(
        title="Cox partial likelihood",
        family="survival",
        function=cox,
        module=Cox,
        summary="Who has the event next, of those still at risk: no shape over time to choose.",
        formula=r"\ell_i = \delta_i\left(\log\sum_{t_j \ge t_i} e^{x_j} - x_i\right)",
        slope=r"\frac{\partial \ell_i}{\partial x_k} = \delta_i\left("
        r"\frac{e^{x_k}\,[t_k \ge t_i]}{\sum_{t_j \ge t_i} e^{x_j}} - [k = i]\right)",
        inputs=(
            Input("log_hazard", ("N",)),
            Input("time", ("N",), "positive"),
            Input("event", ("N",), "boolean"),
            Input("strata", ("N",), "label", optional=True),
        ),
        parameters=(Parameter("ties", "what events at one time have in common", choices=_TIES),),
        aliases=("cox regression", "cox ph", "proportional hazards", "deepsurv", "partial likelihood"),
        equivalents=(
            Equivalent(
                "lifelines",
                "-CoxPHFitter().fit(frame, 'time', 'event').log_likelihood_",
                "fits linear log-hazards; Efron; the sum",
            ),
            Equivalent(
                "torchsurv",
                "torchsurv.loss.cox.neg_partial_log_likelihood(log_hazard, event, time, ties_method=ties)",
                "event before time; casts to float32, where it overflows from 89 on; the mean is over times",
            ),
            Equivalent(
                "pycox",
                "pycox.models.loss.cox_ph_loss(log_hazard, time, event)",
                "ties are broken by the order of the rows; adds 1e-7 to the sums",
            ),
        ),
        convention="Efron's ties unless asked for Breslow's; the mean is over the events.",
        sources=(
            Source("Cox 1972, Regression Models and Life-Tables", "section 3"),
            Source("Efron 1977, The Efficiency of Cox's Likelihood Function for Censored Data", "section 6"),
            Source("Breslow 1974, Covariance Analysis of Censored Survival Data"),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
