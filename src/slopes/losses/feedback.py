"""Preferences without pairs, or without a reference: KTO and ORPO.

Dimension names: `...` is any shape, usually [N], one entry for each answer (KTO) or pair of answers (ORPO).
"""

from __future__ import annotations

import math
from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, numerics, reduce, suspicion
from slopes._core.differences import difference, minus, times
from slopes._core.errors import ValuesError
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.settings import constant, reads_values
from slopes._core.spec import (
    FINITE_NON_NEGATIVE,
    FINITE_POSITIVE,
    NON_NEGATIVE,
    Domain,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def kto(
    policy: Tensor,
    reference: Tensor,
    desirable: Tensor,
    kl: Tensor | float,
    *,
    beta: float = 0.1,
    desirable_weight: float = 1.0,
    undesirable_weight: float = 1.0,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return w (1 - σ(±beta · (policy - reference - kl))) of each answer, plus for a desirable one, reduced.

    w is `desirable_weight` or `undesirable_weight`.

    Args:
        policy: `[...]`, log-probability of each answer under the policy, summed over its tokens.
        reference: `[...]`, likewise under the frozen reference; a constant.
        desirable: `[...]` boolean, True for an answer to have more of.
        kl: How far the policy is from the reference by now, in nats: one number at least 0, or a 0-d tensor; a
            constant.
        beta: How dearly the policy pays for leaving the reference; above 0.
        desirable_weight: Factor of the loss of desirable answers, at least 0.
        undesirable_weight: Factor of the loss of the others, at least 0.
        mask: `[...]` boolean, True where an answer counts.
        weight: `[...]`, weight of each answer, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; no unit, between 0 and the larger factor.

    Raises:
        ShapeError: Shapes differ, or `kl` is not one number; nothing broadcasts.
        DtypeError: An argument is not floating, `desirable` is not boolean, or float64 meets another dtype.
        OptionError: `kl`, `beta`, a factor, `reduction` or `denominator` is outside its domain.
        ValuesError: `kl` is a negative tensor, `weight` is negative or not finite, or infinities meet: -∞ on both
            sides has no difference.

    Notes:
        The gradient by `policy` is -w beta σ(z) σ(-z) for a desirable answer and +w beta σ(z) σ(-z) for the others,
        z = beta (policy - reference - kl); none goes to `reference` or `kl`.
        `desirable_weight` and `undesirable_weight` multiply the loss alone, as in the paper and in TRL: the mean
        still divides by the number of answers. `weight` enters the divisor too.
        TRL estimates `kl` from mismatched pairs, each prompt with the answer of the next one in the batch: the mean of
        their policy - reference over all ranks, raised to 0 where it is negative, without gradient.
        Source: Ethayarajh et al. 2024, section 4.

    Examples:
        >>> log_probs = torch.tensor([-10.0, -10.0]), torch.tensor([-12.0, -12.0])
        >>> loss = kto(*log_probs, torch.tensor([True, False]), 0.0, beta=0.5, reduction="none")
        >>> [f"{entry:.4f}" for entry in loss.tolist()]  # σ(-1) and σ(1)
        ['0.2689', '0.7311']
    """
    beta = check.option("kto", "beta", beta, FINITE_POSITIVE)
    desirable_weight = check.option("kto", "desirable_weight", desirable_weight, FINITE_NON_NEGATIVE)
    undesirable_weight = check.option("kto", "undesirable_weight", undesirable_weight, FINITE_NON_NEGATIVE)
    check.alike("kto", policy=policy, reference=reference)
    suspicion.not_above_zero("kto", policy=policy, reference=reference)
    check.boolean(
        "kto", "desirable", desirable, policy.shape, "the shape of `policy`; True for an answer to have more of"
    )
    check.same_device("kto", policy=policy, desirable=desirable)
    kl = _constant("kto", kl, policy)
    plan = reduce.plan(
        "kto", policy.shape, policy, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    side = 2 * desirable.to(kl.dtype) - 1
    factors = float(desirable_weight), float(undesirable_weight)
    tensors = {"policy": policy, "reference": reference.detach(), "kl": kl, "desirable": side}
    return defined.reduced(_KTO, plan, float(beta), *factors, **tensors)


def orpo(
    chosen_log_probs: Tensor,
    rejected_log_probs: Tensor,
    nll: Tensor,
    *,
    lam: float = 0.1,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return nll - lam · log σ(log odds of chosen - log odds of rejected) of each pair, reduced.

    The odds of an answer are p / (1 - p), with p the geometric mean of its tokens' probabilities.

    Args:
        chosen_log_probs: `[...]`, MEAN log-probability of the chosen answer's tokens, at most 0.
        rejected_log_probs: `[...]`, likewise of the rejected answer.
        nll: `[...]`, negative log-likelihood of the chosen answer, or one number for all pairs as a 0-d tensor.
        lam: Weight of the odds ratio against the likelihood, at least 0.
        mask: `[...]` boolean, True where a pair counts.
        weight: `[...]`, weight of each pair, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats, at least `nll`.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts but a 0-d `nll`.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `lam`, `reduction` or `denominator` is outside its domain.
        ValuesError: A log-probability is above 0 or NaN, `weight` is negative or not finite, or infinities meet: two
            answers of probability 0 have no odds ratio.

    Notes:
        An answer without tokens has no mean: `sequence_log_prob(..., average=True)` gives NaN for it, which is an error
        here unless `mask` leaves the pair out.
        The gradient by `chosen_log_probs` is -lam odds_r / (p_c + odds_r (1 - p_c)), finite up to certainty, and by
        `rejected_log_probs` it is lam σ(-log odds ratio) / (1 - p_r), which grows without bound as the rejected answer
        becomes certain. A log-probability of exactly 0, whose log odds are infinite, has those of the number just
        below it (103 in float32, 744 in float64), and a gradient that would be infinite stays just below the largest
        number; no other number is moved. A 0-d `nll` is every pair's, so `"sum"` counts it once for each.
        Source: Hong et al. 2024, equations 6 and 7.

    Examples:
        >>> loss = orpo(torch.tensor([0.5]).log(), torch.tensor([0.25]).log(), torch.tensor(1.0), lam=1.0)
        >>> f"{loss.item():.4f}"  # odds 1 and 1/3: 1 + log(1 + 1/3)
        '1.2877'
    """
    lam = check.option("orpo", "lam", lam, FINITE_NON_NEGATIVE)
    tensors = {"chosen_log_probs": chosen_log_probs, "rejected_log_probs": rejected_log_probs}
    check.floating("orpo", **tensors, nll=nll)
    if nll.dim() == 0:
        nll = nll.expand(chosen_log_probs.shape).contiguous()
    check.alike("orpo", **tensors, nll=nll)
    plan = reduce.plan(
        "orpo",
        nll.shape,
        chosen_log_probs,
        mask=mask,
        weight=weight,
        reduction=reduction,
        denominator=denominator,
    )
    for name, value in tensors.items():
        _no_empty_answer(name, value, plan.keep)
        check.within("orpo", name, value, _NOT_ABOVE_0, "pass the mean log-probability of each answer", plan.keep)
    return defined.reduced(_ORPO, plan, float(lam), **tensors, nll=nll)


class KTO(Module, of=kto):
    """Module of `kto`."""

    beta: float = 0.1
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    reduction: Reduction = "mean"


class ORPO(Module, of=orpo):
    """Module of `orpo`."""

    lam: float = 0.1
    reduction: Reduction = "mean"


_NOT_ABOVE_0: Final = Domain(high=0.0)
# log(1 - e^x) at the largest negative number, -2^-149 and -2^-1074.
_LOG_LEAST: Final = {torch.float32: -149 * math.log(2), torch.float64: -1074 * math.log(2)}


def _no_empty_answer(name: str, log_probs: Tensor, keep: Tensor | None) -> None:
    """Raise `ValuesError` where a pair that counts has NaN, as an answer without tokens has."""
    if not reads_values(log_probs, keep):
        return
    missing = log_probs.detach().isnan()
    if keep is not None:
        missing &= keep
    if bool(missing.any()):
        at = missing.nonzero()[0].tolist()
        message = (
            f"orpo: `{name}` is nan at {at}, as the mean over an answer without tokens is, expected numbers of at most "
            f"0; leave that pair out with `mask`, or drop it from the batch."
        )
        raise ValuesError(message)


def _constant(function: str, kl: Tensor | float, like: Tensor) -> Tensor:
    """Return the divergence as a tensor of the shape of `like`, without gradient."""
    if isinstance(kl, Tensor):
        check.floating(function, kl=kl)
        check.has_shape(function, "kl", kl, (), "one number for the whole batch")
        check.same_device(function, policy=like, kl=kl)
        check.same_precision(function, policy=like, kl=kl)
        check.within(
            function, "kl", kl, NON_NEGATIVE, "a divergence is at least 0, so raise an estimate: kl.clamp(min=0)"
        )
        return kl.detach().to(wide(like.dtype)).expand(like.shape).contiguous()
    number = constant(check.option(function, "kl", kl, FINITE_NON_NEGATIVE))
    return torch.full_like(like, number, dtype=wide(like.dtype), requires_grad=False)


def _kto(
    p: Tensor, r: Tensor, kl: Tensor, side: Tensor, beta: float, desirable: float, undesirable: float
) -> tuple[Tensor, tuple[Tensor, ...]]:
    z, low = times(minus(difference(p, r), (kl, torch.zeros_like(kl))), beta)
    right, wrong, _ = numerics.logistic(side * z, side * low)
    factor = torch.where(side > 0, torch.full_like(side, desirable), undesirable)
    slope = (-side * beta) * (factor * (right * wrong))
    return factor * wrong, (slope, -slope, -slope, torch.zeros_like(slope))


def _orpo(c: Tensor, r: Tensor, nll: Tensor, lam: float) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    largest, least = torch.finfo(c.dtype).max, _LOG_LEAST[c.dtype]
    d, low = difference(c, r)
    # p_c : p_r = first : second, the larger one being 1; each times the other's 1 - p gives the odds.
    e = torch.exp(-numerics.magnitude(d))
    e = e - e * torch.where(d < 0, -low, low)
    first, second = torch.where(d < 0, e, 1.0), torch.where(d < 0, 1.0, e)
    rest_c, rest_r = (torch.expm1(x).neg().clamp(min=2 / largest) for x in (c, r))
    for_c, for_r = first * rest_r, second * rest_c
    z = (d - numerics.log1mexp(c)) + numerics.log1mexp(r).clamp(min=least)
    loss = lam * (z.neg().clamp(min=0) + torch.log1p(torch.minimum(for_c, for_r) / torch.maximum(for_c, for_r)))
    total = for_c + for_r
    by_c = (lam * (second / total)).clamp(max=largest)
    by_r = (lam * ((for_r / total) / rest_r)).clamp(max=largest)
    return nll + loss, (-by_c, by_r, torch.ones_like(nll))


_KTO: Final = Pointwise.sharing("KTO", _kto, tensors=4)
_ORPO: Final = Pointwise.sharing("ORPO", _orpo, tensors=3)

SPECS: Final = (
    Spec(
        title="Kahneman-Tversky optimisation",
        family="preference",
        function=kto,
        module=KTO,
        summary="Alignment from thumbs up and thumbs down, no pairs needed.",
        formula=r"\ell = w_\pm\left(1 - \sigma(\pm\beta(\rho - k))\right),\quad"
        r"\rho = \log\frac{\pi(y \mid x)}{\pi_\mathrm{ref}(y \mid x)}",
        slope=r"\frac{\partial \ell}{\partial \log\pi(y)} = \mp w_\pm\,\beta\,\sigma(z)\,\sigma(-z),\quad "
        r"z = \beta(\rho - k)",
        inputs=(
            Input("policy", ("...",), "log_probability"),
            Input("reference", ("...",), "log_probability"),
            Input("desirable", ("...",), "boolean"),
            Input("kl", (), "positive"),
        ),
        range=NON_NEGATIVE,
        parameters=(
            Parameter("beta", "price of leaving the reference", FINITE_POSITIVE, r"\beta", slider=(0.01, 1.0, 0.01)),
            Parameter(
                "desirable_weight", "factor of desirable answers", FINITE_NON_NEGATIVE, "w_+", slider=(0.0, 4.0, 0.1)
            ),
            Parameter("undesirable_weight", "factor of the others", FINITE_NON_NEGATIVE, "w_-", slider=(0.0, 4.0, 0.1)),
        ),
        aliases=("kahneman tversky optimization", "unpaired preference"),
        equivalents=(
            Equivalent(
                "TRL", 'KTOConfig(loss_type="kto", beta=beta)', "estimates kl from mismatched pairs of the batch"
            ),
        ),
        convention="The two factors multiply the loss and do not enter the mean's divisor, as in TRL.",
        sources=(
            Source("Ethayarajh et al. 2024, KTO: Model Alignment as Prospect Theoretic Optimization", "section 4"),
        ),
        elementwise=True,
    ),
    Spec(
        title="Odds ratio preference optimisation",
        family="preference",
        function=orpo,
        module=ORPO,
        summary="Fine-tuning and alignment in one stage, without a reference model.",
        formula=r"\ell = \mathrm{nll} - \lambda\log\sigma(o_+ - o_-),\quad o = \log\frac{p}{1 - p}",
        slope=r"\frac{\partial \ell}{\partial \log p_+} = -\lambda\,\frac{p_-}{p_+(1 - p_-) + p_-(1 - p_+)}",
        inputs=(
            Input("chosen_log_probs", ("...",), "log_probability"),
            Input("rejected_log_probs", ("...",), "log_probability"),
            Input("nll", ("...",)),
        ),
        parameters=(
            Parameter("lam", "weight of the odds ratio", FINITE_NON_NEGATIVE, r"\lambda", slider=(0.0, 1.0, 0.05)),
        ),
        aliases=("odds ratio preference optimization", "monolithic preference"),
        equivalents=(Equivalent("TRL", "ORPOConfig(beta=lam)", "calls λ beta; its likelihood covers the prompt too"),),
        convention="Log-probabilities are means over tokens, of the answer alone.",
        sources=(
            Source("Hong et al. 2024, ORPO: Monolithic Preference Optimization without Reference Model", "equation 6"),
        ),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
