"""Which form of the row step the engine takes, and why: the one table of replacements.

The row step turns a chunk's raw products into losses and, in their place, gradients. The eager form is the definition:
a formula of `categorical` on torch's operators. On a GPU the Triton kernel does the same in one go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from slopes.kernels.unmade import triton_step

# step(products, targets, share) returns the losses; it overwrites the products where the rows' shares are given.
Step = Callable[[Tensor, Tensor, Tensor | None], Tensor]


@dataclass(frozen=True)
class Form:
    """What does the row step: a replacement of the eager form, or None; and why."""

    step: Step | None
    reason: str


def chosen(
    loss: str,
    hidden: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    bends: tuple[float, float | None],
    numbers: Sequence[Any],
) -> Form:
    """Return the form of the row step for the first input's logits.

    Args:
        loss: The engine's name.
        hidden: `[..., D]`.
        weight: `[C, D]`; None where the logits exist.
        bias: `[C]` or None.
        bends: Temperature and soft cap.
        numbers: What else the formula takes, after logits and targets.
    """
    temperature, soft_cap = bends
    reason = _unusable(loss, hidden, weight, temperature)
    if reason is not None:
        return Form(None, f"torch's operators make the row step: {reason}")
    options = _TRITON[loss](*numbers)
    bias = None if bias is None else bias.detach().float()
    options |= {"temperature": temperature, "soft_cap": soft_cap, "bias": bias}
    reason = f"one Triton kernel makes the row step of {hidden.dtype} on {hidden.device}"
    return Form(_scores(options) if loss == "scores" else _losses(options), reason)


def _unusable(loss: str, hidden: Tensor, weight: Tensor | None, temperature: float) -> str | None:
    """Return why the Triton kernel cannot be used, None where it can."""
    if weight is None:
        return "the logits exist"
    if hidden.device.type == "cpu" and not triton_step.interpreted():
        return "hidden states are on a CPU"
    if loss not in _TRITON:
        return f"there is no Triton kernel for {loss}"
    if hidden.dtype == torch.float16:
        return "a product of float16 may be beyond 65,504"
    suits = triton_step.suits(hidden.device, hidden.dtype, len(weight), temperature=temperature)
    return None if suits.usable else suits.reason


def _losses(options: dict[str, Any]) -> Step:
    return lambda z, targets, share: triton_step.rows(z, targets, factor=share, **options).loss


def _scores(options: dict[str, Any]) -> Step:
    def step(z: Tensor, targets: Tensor, share: Tensor | None) -> Tensor:
        by_log_p, by_entropy = (None, None) if share is None else (-share[:, 0], share[:, 1].contiguous())
        found = triton_step.rows(z, targets, factor=by_log_p, entropy=True, entropy_factor=by_entropy, **options)
        assert found.entropy is not None  # noqa: S101  for the type checker: it was asked for
        return torch.stack([-found.loss, found.entropy, found.argmax.float()], -1)

    return step


def _by_index(z_loss: float) -> dict[str, Any]:
    return {"z_loss": z_loss}


def _smoothed(
    class_weight: Tensor | None,
    smoothing: float,
    over_others: bool,  # noqa: FBT001  as the formula takes it
    z_loss: float,
) -> dict[str, Any]:
    return {
        "class_weight": None if class_weight is None else class_weight.detach().float(),
        "label_smoothing": smoothing,
        "smooth_over": "others" if over_others else "all",
        "z_loss": z_loss,
    }


# Options of the Triton kernel from the numbers of a loss.
_TRITON: Final[dict[str, Callable[..., dict[str, Any]]]] = {
    "cross_entropy": _by_index,
    "smoothed_cross_entropy": _smoothed,
    "scores": dict,
}
