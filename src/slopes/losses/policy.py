"""Losses of policies trained on their own samples: the clipped objective of PPO and the penalty for drifting.

Dimension names: `...` is any shape, one entry for each action (for language models, each token). Log-probabilities
are those of the action that was taken.
"""

from __future__ import annotations

import math
from typing import Final, Literal

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.differences import along, difference, excess
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import FINITE_NON_NEGATIVE, Equivalent, Input, Parameter, Source, Spec
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise

Estimator = Literal["k1", "k2", "k3"]


def ppo(
    log_probs: Tensor,
    old_log_probs: Tensor,
    advantages: Tensor,
    *,
    clip: float = 0.2,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return -min(ratio · advantage, clamp(ratio, 1 - clip, 1 + clip) · advantage) of each action, reduced.

    ratio = exp(log_probs - old_log_probs).

    Args:
        log_probs: `[...]`, log-probability of each action under the policy; any floating dtype.
        old_log_probs: `[...]`, likewise under the policy that sampled it; a constant.
        advantages: `[...]`, by how much each action was better than expected; a constant.
        clip: How far the ratio may leave 1 before the gradient stops, at least 0.
        mask: `[...]` boolean, True where an action counts.
        weight: `[...]`, weight of each action, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the advantages' unit.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `clip`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet: -∞ on both sides has no difference.

    Notes:
        The gradient by `log_probs` is -ratio · advantage while the ratio has not left the clip range on the side that
        the advantage pulls towards, and 0 beyond, however large the difference; on the edge it still pulls. No
        gradient goes to the other two, so that `ppo(log_probs, log_probs, advantages)` is the plain policy gradient.
        The mean is over all actions that count; libraries that average each sequence first want `weight`.
        Source: Schulman et al. 2017, equation 7.

    Examples:
        >>> log_probs = torch.tensor([0.5, 1.5, 0.5]).log()
        >>> ppo(log_probs, torch.zeros(3), torch.tensor([1.0, 1.0, -1.0]), reduction="none")
        tensor([-0.5000, -1.2000,  0.8000])
    """
    clip = check.option("ppo", "clip", clip, FINITE_NON_NEGATIVE)
    check.alike("ppo", log_probs=log_probs, old_log_probs=old_log_probs, advantages=advantages)
    plan = reduce.plan(
        "ppo", log_probs.shape, log_probs, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    constants = {"old_log_probs": old_log_probs.detach(), "advantages": advantages.detach()}
    return defined.reduced(_PPO, plan, float(clip), log_probs=log_probs, **constants)


def kl_penalty(
    log_probs: Tensor,
    reference_log_probs: Tensor,
    *,
    estimator: Estimator = "k1",
    as_loss: bool = False,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return an estimate of KL(policy‖reference) from actions that the policy sampled, reduced.

    With d = log_probs - reference_log_probs, `"k1"` is d, `"k2"` is ½d² and `"k3"` is e^-d - 1 + d.

    Args:
        log_probs: `[...]`, log-probability of each action under the policy; any floating dtype.
        reference_log_probs: `[...]`, likewise under the frozen reference; a constant.
        estimator: `"k1"` has no bias and much variance, `"k2"` little variance and some bias, `"k3"` no bias and
            little variance while the two are near; k2 and k3 are never negative.
        as_loss: Give it the gradient of KL(policy‖reference), whichever the estimator.
        mask: `[...]` boolean, True where an action counts.
        weight: `[...]`, weight of each action, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; nats.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `estimator`, `as_loss`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet: -∞ on both sides has no difference.

    Notes:
        An estimator with the right mean need not have a gradient with the right mean: the samples depend on the
        policy too, and differentiating the estimate alone forgets it. In expectation the plain gradient is 0 for k1
        (it is E[∇ log π]), that of KL(reference‖policy) for k3, and right for k2 only: KL(π‖ref) has the gradient
        E[d ∇ log π], and d is the derivative of ½d². With `as_loss=True` each estimator keeps its value and
        `log_probs` gets the gradient d. Leave it off where the number goes into the reward or onto a screen.
        The samples have to be the present policy's; and the gradient is that of each decision's divergence, so that
        over the tokens of a sequence it leaves out how one token changes the states of the next ones. No gradient goes
        to the reference.
        Source: Schulman 2020, Approximating KL Divergence; for the gradients Tang, Munos 2025, On a few pitfalls in
        KL divergence gradient estimation for RL.

    Examples:
        >>> policy, reference = torch.tensor([0.5, 0.25]).log(), torch.tensor([0.25, 0.5]).log()
        >>> for estimator in ("k1", "k2", "k3"):
        ...     print(kl_penalty(policy, reference, estimator=estimator, reduction="none"))
        tensor([ 0.6931, -0.6931])
        tensor([0.2402, 0.2402])
        tensor([0.1931, 0.3069])
    """
    check.choice("kl_penalty", "estimator", estimator, ESTIMATORS)
    check.flag("kl_penalty", "as_loss", as_loss)
    check.alike("kl_penalty", log_probs=log_probs, reference_log_probs=reference_log_probs)
    plan = reduce.plan(
        "kl_penalty", log_probs.shape, log_probs, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    estimate = (_AS_LOSS if as_loss else _AS_VALUE)[estimator]
    reference = reference_log_probs.detach()
    return defined.reduced(estimate, plan, log_probs=log_probs, reference_log_probs=reference)


class PPO(Module, of=ppo):
    """Module of `ppo`."""

    clip: float = 0.2
    reduction: Reduction = "mean"


class KLPenalty(Module, of=kl_penalty):
    """Module of `kl_penalty`."""

    estimator: Estimator = "k1"
    as_loss: bool = False
    reduction: Reduction = "mean"


ESTIMATORS: Final = ("k1", "k2", "k3")


def _ppo(new: Tensor, old: Tensor, a: Tensor, clip: float) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    d, low = difference(new, old)
    over = (a > 0) & (d > math.log1p(clip))
    under = (a < 0) & (d < (math.log1p(-clip) if clip < 1 else -math.inf))
    pulls = ~(over | under | (a == 0))
    # Where nothing pulls the exponential never sees the difference: an overflow there would be 0 · inf in backward.
    e = torch.exp(torch.where(pulls, d, 0.0))
    ratio = e * along(torch.where(pulls, low, 0.0))
    bounded = torch.where(over, 1 + clip, torch.where(under, max(1 - clip, 0.0), ratio))
    slope = torch.where(pulls, -a * ratio, 0.0)
    return -a * bounded, (slope, -slope, -bounded)


def _k1(new: Tensor, reference: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    d = new - reference
    one = torch.ones_like(d)
    return d, (one, -one)


def _k2(new: Tensor, reference: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    d = new - reference
    return 0.5 * (d * d), (d, -d)


def _k3(new: Tensor, reference: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    u, low = difference(reference, new)
    slope = torch.expm1(u) * along(low) + low
    return excess(u, low), (-slope, slope)


_AS_VALUE: Final = {
    "k1": Pointwise.sharing("K1", _k1, tensors=2),
    "k2": Pointwise.sharing("K2", _k2, tensors=2),
    "k3": Pointwise.sharing("K3", _k3, tensors=2),
}
_AS_LOSS: Final = {
    "k1": Pointwise("K1AsLoss", lambda new, reference: _k1(new, reference)[0], lambda *a: _k2(*a)[1], tensors=2),
    "k2": _AS_VALUE["k2"],
    "k3": Pointwise("K3AsLoss", lambda new, reference: _k3(new, reference)[0], lambda *a: _k2(*a)[1], tensors=2),
}
_PPO: Final = Pointwise.sharing("PPO", _ppo, tensors=3)

SPECS: Final = (
    Spec(
        title="Proximal policy optimisation",
        family="policy",
        function=ppo,
        module=PPO,
        summary="Several steps on one batch of samples, none of them too far.",
        formula=r"\ell = -\min\left(\rho A,\ \mathrm{clamp}(\rho, 1 - c, 1 + c)\,A\right),\quad"
        r"\rho = \frac{\pi(a \mid s)}{\pi_\mathrm{old}(a \mid s)}",
        slope=r"\frac{\partial \ell}{\partial \log\pi} = -\rho A \text{ inside},\ 0 \text{ beyond}",
        inputs=(
            Input("log_probs", ("...",), "log_probability"),
            Input("old_log_probs", ("...",), "log_probability"),
            Input("advantages", ("...",)),
        ),
        parameters=(
            Parameter("clip", "how far the ratio may leave 1", FINITE_NON_NEGATIVE, "c", slider=(0.05, 0.5, 0.05)),
        ),
        aliases=("clipped surrogate", "proximal policy optimization", "grpo", "policy gradient"),
        equivalents=(
            Equivalent("TRL", 'GRPOConfig(loss_type="bnpo", epsilon=clip)', "grpo averages each sequence first"),
            Equivalent("rlax", "rlax.clipped_surrogate_pg_loss(ratios, advantages, clip)", "takes the ratio itself"),
        ),
        convention="The loss, to be minimised: minus the objective. The mean is over actions, not sequences.",
        sources=(Source("Schulman et al. 2017, Proximal Policy Optimization Algorithms", "equation 7"),),
        elementwise=True,
        smooth="no",
    ),
    Spec(
        title="KL penalty from samples",
        family="policy",
        function=kl_penalty,
        module=KLPenalty,
        summary="What keeps a policy near its reference, estimated from its own samples.",
        formula=r"k_1 = d,\quad k_2 = \tfrac12 d^2,\quad k_3 = e^{-d} - 1 + d,\quad d = \log\pi - \log\pi_\mathrm{ref}",
        slope=r"k_1' = 1,\quad k_2' = d,\quad k_3' = 1 - e^{-d};\quad d \text{ for each as a loss}",
        inputs=(
            Input("log_probs", ("...",), "log_probability"),
            Input("reference_log_probs", ("...",), "log_probability"),
        ),
        parameters=(Parameter("estimator", "which estimate", latex="k", choices=ESTIMATORS),),
        aliases=("k1", "k2", "k3", "approximate kl", "kl estimator"),
        equivalents=(Equivalent("TRL", "GRPOConfig(beta=...)", "k3, with its plain gradient"),),
        convention="as_loss=True gives each the gradient of KL(policy‖reference); libraries leave the plain one.",
        sources=(
            Source("Schulman 2020, Approximating KL Divergence"),
            Source("Tang, Munos 2025, On a few pitfalls in KL divergence gradient estimation for RL"),
        ),
        elementwise=True,
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
