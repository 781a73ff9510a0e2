"""What a critic needs: the clipped loss of its values, and the advantages that they give.

Dimension names: `...` is any shape; T is time.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.fx
from torch import Tensor

from slopes._core import check, reduce
from slopes._core.module import Module
from slopes._core.reduce import Reduction
from slopes._core.spec import (
    FINITE_NON_NEGATIVE,
    NON_NEGATIVE,
    UNIT,
    Equivalent,
    Input,
    Parameter,
    Source,
    Spec,
)
from slopes._core.tensors import wide
from slopes.kernels.pointwise import defined
from slopes.kernels.pointwise.executor import Pointwise


def value_clip(
    values: Tensor,
    old_values: Tensor,
    returns: Tensor,
    *,
    clip: float = 0.2,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    denominator: Tensor | float | None = None,
) -> Tensor:
    """Return ½ max((v - R)², (old + clamp(v - old, -clip, clip) - R)²) of each state, reduced.

    Args:
        values: `[...]`, the critic's value v of each state; any floating dtype.
        old_values: `[...]`, its value when the sample was taken; a constant.
        returns: `[...]`, the return R to be predicted; a constant.
        clip: How far a value may move from the old one before its gradient stops, at least 0, in the values' unit.
        mask: `[...]` boolean, True where a state counts.
        weight: `[...]`, weight of each state, at least 0.
        reduction: `"mean"` (sum of weight · loss over sum of weight), `"sum"` or `"none"`.
        denominator: Replaces the divisor of the mean.

    Returns:
        A number, or `[...]` for `"none"`; float32 for 16-bit input; the returns' unit squared, at least 0.

    Raises:
        ShapeError: Shapes differ; nothing broadcasts.
        DtypeError: An argument is not floating, or float64 meets another dtype.
        OptionError: `clip`, `reduction` or `denominator` is outside its domain.
        ValuesError: `weight` is negative or not finite, or infinities meet.

    Notes:
        The gradient by `values` is v - R, or 0 where the value has moved by more than `clip` and the clipped error is
        the larger one. No gradient goes to the other two. Unlike the ratio of `ppo`, `clip` here has a unit: it wants
        returns that are scaled to about 1.
        Source: the implementation of Schulman et al. 2017 (OpenAI baselines); the paper does not mention it.

    Examples:
        >>> old, returns = torch.zeros(3), torch.ones(3)
        >>> value_clip(torch.tensor([0.1, 0.5, -0.5]), old, returns, clip=0.2, reduction="none")
        tensor([0.4050, 0.3200, 1.1250])
    """
    clip = check.option("value_clip", "clip", clip, FINITE_NON_NEGATIVE)
    check.alike("value_clip", values=values, old_values=old_values, returns=returns)
    plan = reduce.plan(
        "value_clip", values.shape, values, mask=mask, weight=weight, reduction=reduction, denominator=denominator
    )
    constants = {"old_values": old_values.detach(), "returns": returns.detach()}
    return defined.reduced(_VALUE_CLIP, plan, float(clip), values=values, **constants)


def generalized_advantages(
    rewards: Tensor,
    values: Tensor,
    *,
    gamma: float = 0.99,
    lam: float = 0.95,
    done: Tensor | None = None,
) -> Tensor:
    """Return A_t = δ_t + gamma · lam · A_(t+1), δ_t = rewards_t + gamma · values_(t+1) - values_t, of each step.

    Args:
        rewards: `[..., T]`, reward of each step; any floating dtype.
        values: `[..., T + 1]`, value of each state, the one after the last step included.
        gamma: Discount of each step, in [0, 1].
        lam: From 0 (one step: little variance, the critic's bias) to 1 (the whole return: no bias, much variance).
        done: `[..., T]` boolean, True where a step ended its episode: nothing after it counts.

    Returns:
        `[..., T]`; float32 for 16-bit input; the rewards' unit; without a graph. Returns for the critic are
        these plus `values[..., :-1]`.

    Raises:
        ShapeError: `values` is not one longer than `rewards`, or `done` has another shape.
        DtypeError: An argument is not floating, `done` is not boolean, or float64 meets another dtype.
        OptionError: `gamma` or `lam` is outside its domain.

    Notes:
        An episode that was cut off by a limit of time, rather than ended, is not done: its last value stands for what
        would have followed. Advantages are not normalised here.
        Source: Schulman et al. 2016, equation 16.

    Examples:
        >>> generalized_advantages(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5, 2.0]]), gamma=0.5, lam=0.5)
        tensor([[0.1250, 1.5000]])
        >>> done = torch.tensor([[False, True]])
        >>> generalized_advantages(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.5, 0.5, 2.0]]), gamma=0.5, done=done)
        tensor([[-0.0125,  0.5000]])
    """
    name = "generalized_advantages"
    gamma = check.option(name, "gamma", gamma, UNIT)
    lam = check.option(name, "lam", lam, UNIT)
    check.floating(name, rewards=rewards, values=values)
    check.dimensions(name, "rewards", rewards, "[..., T]", 1)
    longer = [*rewards.shape[:-1], rewards.shape[-1] + 1]
    check.has_shape(
        name, "values", values, longer, "the shape of `rewards` and one more: the state after the last step"
    )
    check.same_device(name, rewards=rewards, values=values)
    check.same_precision(name, rewards=rewards, values=values)
    if done is not None:
        check.boolean(name, "done", done, rewards.shape, "the shape of `rewards`; True where a step ended its episode")
        check.same_device(name, rewards=rewards, done=done)
    to = wide(rewards.dtype)
    return _advantages(rewards.detach().to(to), values.detach().to(to), float(gamma), float(lam), done)


class ValueClip(Module, of=value_clip):
    """Module of `value_clip`."""

    clip: float = 0.2
    reduction: Reduction = "mean"


def _value_clip(v: Tensor, old: Tensor, target: Tensor, clip: float) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    moved = v - old
    error = v - target
    held = (old - target) + moved.clamp(-clip, clip)
    stops = (moved.abs() > clip) & (held.abs() > error.abs())
    larger = torch.where(stops, held, error)
    by_value = torch.where(stops, 0.0, error)
    return 0.5 * (larger * larger), (by_value, larger - by_value, -larger)


def _advantages(rewards: Tensor, values: Tensor, gamma: float, lam: float, done: Tensor | None) -> Tensor:
    after = values[..., 1:]
    if done is not None:
        after = torch.where(done, 0.0, after)  # also where what follows is inf or NaN
    surprises = (rewards + gamma * after - values[..., :-1]).unbind(-1)
    ends = done.unbind(-1) if done is not None else None
    following = torch.zeros_like(rewards[..., :1]).squeeze(-1) if surprises else rewards
    advantages: list[Tensor] = []
    for t in reversed(range(len(surprises))):
        carried = following if ends is None else torch.where(ends[t], 0.0, following)
        following = surprises[t] + (gamma * lam) * carried
        advantages.append(following)
    return torch.stack(advantages[::-1], -1) if advantages else rewards.clone()


_VALUE_CLIP: Final = Pointwise.sharing("ValueClip", _value_clip, tensors=3)

SPECS: Final = (
    Spec(
        title="Clipped value loss",
        family="policy",
        function=value_clip,
        module=ValueClip,
        summary="A critic that does not run away from the values its advantages came from.",
        formula=r"\ell = \tfrac12\max\left((v - R)^2,\ (v_\mathrm{old}"
        r" + \mathrm{clamp}(v - v_\mathrm{old}, -c, c) - R)^2\right)",
        slope=r"\frac{\partial \ell}{\partial v} = v - R,\ \text{or } 0 \text{ where the clipped error is larger}",
        inputs=(Input("values", ("...",)), Input("old_values", ("...",)), Input("returns", ("...",))),
        range=NON_NEGATIVE,
        parameters=(
            Parameter(
                "clip", "how far a value may move", FINITE_NON_NEGATIVE, "c", slider=(0.05, 1.0, 0.05), unit="value"
            ),
        ),
        aliases=("value function loss", "critic loss", "clipped value function"),
        equivalents=(
            Equivalent("TRL", "PPOConfig(cliprange_value=clip)", "the same, times vf_coef"),
            Equivalent("OpenAI baselines", "ppo2's vf_loss"),
        ),
        convention="With the factor ½, as in baselines.",
        sources=(Source("Schulman et al. 2017, the implementation in OpenAI baselines"),),
        elementwise=True,
        smooth="no",
    ),
    Spec(
        title="Generalised advantage estimation",
        tool=True,
        family="policy",
        function=generalized_advantages,
        summary="How much better each action was than expected, between one step and the whole return.",
        formula=r"A_t = \delta_t + \gamma\lambda A_{t+1},\quad \delta_t = r_t + \gamma V_{t+1} - V_t",
        inputs=(
            Input("rewards", ("...", "T")),
            Input("values", ("...", "T+1")),
            Input("done", ("...", "T"), "boolean", optional=True),
        ),
        parameters=(
            Parameter("gamma", "discount of each step", UNIT, r"\gamma", slider=(0.8, 1.0, 0.01)),
            Parameter("lam", "from one step to the whole return", UNIT, r"\lambda", slider=(0.0, 1.0, 0.05)),
        ),
        aliases=("gae", "generalized advantage estimation", "td lambda"),
        equivalents=(
            Equivalent("torchrl", "torchrl.objectives.value.GAE", "works on dictionaries of tensors"),
            Equivalent(
                "rlax",
                "rlax.truncated_generalized_advantage_estimation(rewards, discounts, lam, values)",
                "one sequence; takes discounts, 0 where done",
            ),
        ),
        sources=(
            Source(
                "Schulman et al. 2016, High-Dimensional Continuous Control Using Generalized Advantage Estimation",
                "equation 16",
            ),
        ),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
