"""Losses on pairs of answers, one chosen and one rejected: Bradley-Terry, DPO and IPO.

Dimension names: `...` is any shape, usually [N], one entry for each pair. Log-probabilities are those of whole
answers, summed over their tokens.
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics, reduce, suspicion
from slopes._core.differences import difference, minus, times
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import constant
from slopes._core.spec import FINITE, FINITE_POSITIVE, NON_NEGATIVE, Domain, Equivalent, Input, Parameter, Source, Spec
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def bradley_terry(
    chosen: Tensor,
    rejected: Tensor,
    *,
    margin: Tensor | float = 0.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -log σ(chosen - rejected - margin) of each pair, reduced.

    Args:
        chosen: `[...]`, reward of the answer that was preferred; any floating dtype.
        rejected: `[...]`, reward of the other one.
        margin: By how much the chosen reward should lead: a number, or `[...]` for one margin per pair.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `margin`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet: -∞ on both sides has no difference.

    Notes:
        The gradient by `chosen` is -σ(rejected + margin - chosen), the probability of the wrong order under the
        Bradley-Terry model, and by `rejected` its negative. Rewards matter by their differences alone.
        Source: Bradley, Terry 1952; as a loss for reward models Ouyang et al. 2022, equation 1, and with a margin
        Touvron et al. 2023 (Llama 2), equation 2.

    Examples:
        >>> loss = bradley_terry(torch.tensor([0.82]), torch.tensor([0.31]))
        >>> f"{loss.item():.4f}"  # -log σ(0.51)
        '0.4703'
    """
    check.alike("bradley_terry", chosen=chosen, rejected=rejected)
    if isinstance(margin, Tensor):
        check.alike("bradley_terry", chosen=chosen, rejected=rejected, margin=margin)
    else:
        number = constant(check.option("bradley_terry", "margin", margin, FINITE))
        margin = torch.full_like(chosen, number, dtype=wide(chosen.dtype), requires_grad=False)
    plan = reduce.plan(
        "bradley_terry", chosen.shape, chosen, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    return defined.reduced(_BRADLEY_TERRY, plan, chosen=chosen, rejected=rejected, margin=margin)


def dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    label_smoothing: float = 0.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -(1 - ε) log σ(h) - ε log σ(-h), h = beta · (log-ratio of chosen - log-ratio of rejected), reduced.

    A log-ratio is the policy's log-probability of an answer minus the reference's; ε is `label_smoothing`.

    Args:
        policy_chosen: `[...]`, log-probability of the chosen answer under the policy, summed over its tokens.
        policy_rejected: `[...]`, likewise of the rejected one.
        reference_chosen: `[...]`, log-probability of the chosen answer under the frozen reference; a constant.
        reference_rejected: `[...]`, likewise of the rejected one; a constant.
        beta: How dearly the policy pays for leaving the reference; above 0.
        label_smoothing: The share of pairs ε taken to be labelled the wrong way round, in [0, 0.5).
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `beta`, `label_smoothing`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet: -∞ on both sides has no difference.

    Notes:
        The gradient by `policy_chosen` is beta (ε - σ(-h)), by `policy_rejected` its negative. No gradient goes to
        the reference. With ε = 0 it never vanishes; with ε > 0 it does at h = log((1 - ε) / ε).
        Each log-ratio is taken first, since policy and reference nearly agree on an answer, so that their difference
        is exact, whereas log-probabilities of two different answers differ by hundreds and would round. What rounding
        takes all the same is kept and added back, so that large common log-probabilities cost no digits.
        Source: Rafailov et al. 2023, equation 7; with ε Mitchell 2023, conservative DPO.

    Examples:
        >>> pair = torch.tensor([-12.0]), torch.tensor([-15.0]), torch.tensor([-13.0]), torch.tensor([-14.0])
        >>> f"{dpo(*pair, beta=0.5).item():.4f}"  # log-ratios +1 and -1: -log σ(0.5 · 2)
        '0.3133'
    """
    beta = check.option("dpo", "beta", beta, FINITE_POSITIVE)
    label_smoothing = check.option("dpo", "label_smoothing", label_smoothing, _SMOOTHING)
    sums = _policy_and_reference("dpo", policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    plan = reduce.plan(
        "dpo",
        policy_chosen.shape,
        policy_chosen,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    return defined.reduced(_DPO, plan, float(beta), float(label_smoothing), **sums)


def ipo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    *,
    beta: float = 0.1,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return (log-ratio of chosen - log-ratio of rejected - 1 / (2 beta))² of each pair, reduced.

    A log-ratio is the policy's log-probability of an answer minus the reference's.

    Args:
        policy_chosen: `[...]`, log-probability of the chosen answer under the policy.
        policy_rejected: `[...]`, likewise of the rejected one.
        reference_chosen: `[...]`, log-probability of the chosen answer under the frozen reference; a constant.
        reference_rejected: `[...]`, likewise of the rejected one; a constant.
        beta: How dearly the policy pays for leaving the reference (the paper's τ); above 0.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats squared, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `beta`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet: -∞ on both sides has no difference.

    Notes:
        The gradient by `policy_chosen` is 2 (margin - 1 / (2 beta)): unlike `dpo` it pushes back once the margin is
        reached. No gradient goes to the reference. Log-probabilities are taken as they are given: pass sums over the
        tokens for the paper's loss, means over the tokens for TRL's; the same beta does not mean the same in both.
        Source: Azar et al. 2023, equation 17.

    Examples:
        >>> pair = torch.tensor([-12.0]), torch.tensor([-15.0]), torch.tensor([-13.0]), torch.tensor([-14.0])
        >>> ipo(*pair, beta=0.1).item()  # margin 2, goal 5
        9.0
    """
    beta = check.option("ipo", "beta", beta, FINITE_POSITIVE)
    sums = _policy_and_reference("ipo", policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    plan = reduce.plan(
        "ipo",
        policy_chosen.shape,
        policy_chosen,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    return defined.reduced(_IPO, plan, 0.5 / beta, **sums)


class BradleyTerry(Module, of=bradley_terry):
    """Module of `bradley_terry`."""

    margin: Tensor | float = 0.0
    reduction: Reduction = "mean"


class DPO(Module, of=dpo):
    """Module of `dpo`."""

    beta: float = 0.1
    label_smoothing: float = 0.0
    reduction: Reduction = "mean"


class IPO(Module, of=ipo):
    """Module of `ipo`."""

    beta: float = 0.1
    reduction: Reduction = "mean"


_SMOOTHING: Final = Domain(0.0, 0.5, high_open=True)


def _policy_and_reference(
    function: str, policy_chosen: Tensor, policy_rejected: Tensor, reference_chosen: Tensor, reference_rejected: Tensor
) -> dict[str, Tensor]:
    """Check the four sums and return them by name, those of the reference without a gradient."""
    given = {
        "policy_chosen": policy_chosen,
        "policy_rejected": policy_rejected,
        "reference_chosen": reference_chosen,
        "reference_rejected": reference_rejected,
    }
    check.alike(function, **given)
    suspicion.not_above_zero(function, **given)
    return given | {n: t.detach() for n, t in given.items() if n.startswith("reference")}


def _bradley_terry(c: Tensor, r: Tensor, m: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    z, low = minus(difference(c, r), (m, torch.zeros_like(m)))
    _, wrong, e = numerics.logistic(z, low)
    return numerics.softplus(-z, e), (-wrong, wrong, wrong)


def _dpo(
    pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, beta: float, smoothing: float
) -> tuple[Tensor, tuple[Tensor, ...]]:
    margin = minus(difference(pc, rc), difference(pr, rr))
    z, low = times(margin, beta)
    right, wrong, e = numerics.logistic(z, low)
    # Where z overflows, its share ε z may be finite: the factors meet before the margin does.
    loss = ((1 - smoothing) * beta) * (-margin[0]).clamp(min=0) + torch.log1p(e)
    slope = -wrong
    if smoothing > 0:
        loss = loss + (smoothing * beta) * margin[0].clamp(min=0)
        # ε - σ(-h) about its root, where it would cancel.
        root, rest = numerics.Constant(math.log1p(-smoothing) - math.log(smoothing)).pair(z.dtype)
        d = ((root - z) + rest) - low
        n = torch.expm1(-numerics.magnitude(d))
        slope = torch.where(d < 0, -smoothing * n * right, (1 - smoothing) * n * wrong)
    slope = beta * slope
    return loss, (slope, -slope, -slope, slope)


def _ipo(pc: Tensor, pr: Tensor, rc: Tensor, rr: Tensor, goal: float) -> tuple[Tensor, tuple[Tensor, ...]]:
    margin, low = minus(difference(pc, rc), difference(pr, rr))
    high, rest = numerics.Constant(goal).pair(margin.dtype)
    u = (margin - high) + (low - rest)
    slope = 2 * u
    return u * u, (slope, -slope, -slope, slope)


_BRADLEY_TERRY: Final = Pointwise.sharing("BradleyTerry", _bradley_terry, tensors=3)
_DPO: Final = Pointwise.sharing("DPO", _dpo, tensors=4)
_IPO: Final = Pointwise.sharing("IPO", _ipo, tensors=4)
_FOUR_SUMS: Final = (
    Input("policy_chosen", ("...",), "log_probability"),
    Input("policy_rejected", ("...",), "log_probability"),
    Input("reference_chosen", ("...",), "log_probability"),
    Input("reference_rejected", ("...",), "log_probability"),
)
_RATIOS: Final = r"\rho_\pm = \log\frac{\pi(y_\pm \mid x)}{\pi_\mathrm{ref}(y_\pm \mid x)}"

SPECS: Final = (
    Spec(
        title="Bradley-Terry",
        family="preference",
        function=bradley_terry,
        module=BradleyTerry,
        summary="A reward model learnt from which of two answers people preferred.",
        formula=r"\ell = -\log\sigma(r_+ - r_- - m)",
        slope=r"\frac{\partial \ell}{\partial r_+} = -\sigma(r_- + m - r_+)",
        inputs=(Input("chosen", ("...",)), Input("rejected", ("...",))),
        range=NON_NEGATIVE,
        parameters=(Parameter("margin", "how far chosen should lead", FINITE, "m", slider=(0.0, 3.0, 0.1)),),
        aliases=("reward model loss", "preference loss"),
        equivalents=(
            Equivalent("torch", "-torch.nn.functional.logsigmoid(chosen - rejected - margin).mean()"),
            Equivalent("TRL", "RewardTrainer's loss", "its margin comes with the data, one per pair"),
        ),
        sources=(
            Source("Bradley, Terry 1952, Rank Analysis of Incomplete Block Designs"),
            Source("Ouyang et al. 2022, Training language models to follow instructions", "equation 1"),
            Source("Touvron et al. 2023, Llama 2", "equation 2, the margin"),
        ),
        elementwise=True,
    ),
    Spec(
        title="Direct preference optimisation",
        family="preference",
        function=dpo,
        module=DPO,
        summary="A language model aligned to preferences, without a reward model.",
        formula=r"\ell = -(1 - \varepsilon)\log\sigma(h) - \varepsilon\log\sigma(-h),\quad "
        rf"h = \beta(\rho_+ - \rho_-),\quad {_RATIOS}",
        slope=r"\frac{\partial \ell}{\partial \log\pi(y_+)} = \beta(\varepsilon - \sigma(-h))",
        inputs=_FOUR_SUMS,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("beta", "price of leaving the reference", FINITE_POSITIVE, r"\beta", slider=(0.01, 1.0, 0.01)),
            Parameter(
                "label_smoothing",
                "share of pairs labelled the wrong way round",
                _SMOOTHING,
                r"\varepsilon",
                slider=(0.0, 0.45, 0.05),
            ),
        ),
        aliases=("direct preference optimization", "cdpo", "conservative dpo"),
        equivalents=(
            Equivalent(
                "TRL",
                'DPOConfig(loss_type="sigmoid", beta=beta)',
                'takes the models; recent versions smooth labels in "aot" only',
            ),
        ),
        convention="Label smoothing is conservative DPO's; TRL's robust DPO divides by 1 - 2ε instead.",
        sources=(
            Source("Rafailov et al. 2023, Direct Preference Optimization", "equation 7"),
            Source("Mitchell 2023, A note on DPO with noisy preferences", "conservative DPO"),
        ),
        elementwise=True,
    ),
    Spec(
        title="Identity preference optimisation",
        family="preference",
        function=ipo,
        module=IPO,
        summary="DPO that stops at a margin, where preferences are all one way.",
        formula=rf"\ell = \left(\rho_+ - \rho_- - \tfrac{{1}}{{2\beta}}\right)^2,\quad {_RATIOS}",
        slope=r"\frac{\partial \ell}{\partial \log\pi(y_+)} = 2\left(\rho_+ - \rho_- - \tfrac{1}{2\beta}\right)",
        inputs=_FOUR_SUMS,
        range=NON_NEGATIVE,
        parameters=(
            Parameter("beta", "price of leaving the reference", FINITE_POSITIVE, r"\beta", slider=(0.01, 1.0, 0.01)),
        ),
        aliases=("identity preference optimization", "psi-po"),
        equivalents=(
            Equivalent("TRL", 'DPOConfig(loss_type="ipo", beta=beta)', "averages each log-ratio over its tokens"),
        ),
        convention="Log-probabilities as given: sums over tokens are the paper's loss, means are TRL's.",
        sources=(Source("Azar et al. 2023, A General Theoretical Paradigm to Understand Learning", "equation 17"),),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
