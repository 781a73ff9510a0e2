"""Losses of amounts that are often exactly zero: Tweedie's, between counts and gamma-distributed sizes.

Dimension names: `...` is any shape.
"""

from __future__ import annotations

from typing import Final

import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE, Domain, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise import counts, defined
from slopes.losses.likelihood import observed


def tweedie(
    log_rate: Tensor,
    targets: Tensor,
    *,
    power: float = 1.5,
    full: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (μ^(2-p) - 1) / (2-p) - targets (μ^(1-p) - 1) / (1-p) of each amount, μ = e^log_rate, reduced.

    Args:
        log_rate: `[...]`, any floating dtype: the logarithm of the expected amount, any real number.
        targets: `[...]`, the shape of `log_rate`: a constant of at least 0, above 0 for a power of 2.
        power: p of variance ∝ μ^p, in [1, 2]: 1 is Poisson's, 2 the gamma distribution's.
        full: Add what makes it half of the deviance, which is 0 where the rate is the target.
        mask: `[...]` boolean, True where an element counts.
        weight: `[...]`, weight of each element, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the targets' unit to the power 2 - p.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: An option is outside its domain, or `targets` requires a gradient.
        ValuesError: A target is negative, or 0 at a power of 2; `weight` is negative or not finite, or infinities meet.

    Notes:
        The gradient is (μ - y) μ^(1-p). The two ones make the value continuous in p, with its limits at 1 (μ - 1 -
        y log μ) and 2 (log μ + y/μ - y), and 0 at a rate of 1; XGBoost and LightGBM leave them out, which diverges at
        both ends. The true likelihood between 1 and 2 is an infinite series whose other factors have no rate in them:
        `full` gives the deviance instead.

    Examples:
        >>> tweedie(torch.tensor([4.0]).log(), torch.tensor([1.0]))  # (2 - 1) · 2 - 1 · (½ - 1) · (-2)
        tensor(1.)
        >>> tweedie(torch.tensor([4.0]).log(), torch.tensor([4.0]), full=True)
        tensor(0.)
    """
    given = {"log_rate": log_rate, "targets": targets}
    power = float(check.option("tweedie", "power", power, _POWER))
    plan = observed("tweedie", mask, weight, reduction, denominator, full=full, **given)
    check.constant("tweedie", targets=targets)
    domain = FINITE_POSITIVE if power == _GAMMA else FINITE_NON_NEGATIVE
    fix = (
        "pass a power below 2, which gives 0 a probability" if power == _GAMMA else "use mse for amounts of both signs"
    )
    check.within("tweedie", "targets", targets, domain, fix, plan.keep)
    return defined.reduced(counts.TWEEDIE, plan, power, full, **given)


class Tweedie(Module, of=tweedie):
    """Module of `tweedie`."""

    power: float = 1.5
    full: bool = False
    reduction: Reduction = "mean"


_GAMMA: Final = 2.0
_POWER: Final = Domain(1.0, _GAMMA)

SPECS: Final = (
    Spec(
        title="Tweedie",
        family="counts",
        function=tweedie,
        module=Tweedie,
        summary="Amounts that are often exactly 0: claims, rain, sales.",
        formula=r"\ell = \frac{\mu^{2-p} - 1}{2-p} - y\,\frac{\mu^{1-p} - 1}{1-p},\quad \mu = e^{s}",
        slope=r"\frac{\partial \ell}{\partial s} = (\mu - y)\,\mu^{1-p}",
        inputs=(Input("log_rate", ("...",)), Input("targets", ("...",), "positive")),
        parameters=(Parameter("power", "how the variance grows with the mean", _POWER, "p", slider=(1.0, 2.0, 0.05)),),
        aliases=("tweedie deviance", "compound poisson", "compound poisson-gamma", "gamma deviance"),
        equivalents=(
            Equivalent(
                "scikit-learn",
                "sklearn.metrics.mean_tweedie_deviance(targets, rate, power=power)",
                "targets first, the rate itself; twice the value of full=True",
            ),
            Equivalent("XGBoost", "objective='reg:tweedie'", "without the two ones, so that it diverges at 1 and 2"),
        ),
        convention="Continuous in the power, from Poisson's at 1 to the gamma distribution's at 2.",
        sources=(Source("Jørgensen 1987, Exponential Dispersion Models", "section 5"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
