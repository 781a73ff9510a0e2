"""The row kernel against float64, on a CUDA device: every dtype, width and option, and rows beyond 2^31 numbers."""

from __future__ import annotations

from typing import Any, Final

import torch
from torch import Tensor

from slopes.kernels.unmade import triton_step

# Largest errors of a form on hidden states: of the loss, relative; of a gradient, as a share of its largest entry.
ALLOWED: Final = {torch.float32: (1e-5, 1e-4), torch.bfloat16: (1e-4, 2e-2), torch.float16: (1e-4, 2e-3)}
FLOAT32: Final = 1e-5  # of the row kernel on given logits, whose gradient is then rounded once
OPTIONS: Final[tuple[dict[str, Any], ...]] = (
    {},
    {"temperature": 0.7},
    {"soft_cap": 5.0},
    {"z_loss": 1e-3},
    {"label_smoothing": 0.1},
    {"label_smoothing": 0.1, "smooth_over": "others"},
)


def checked(device: torch.device) -> bool:
    """Print whether the row kernel is right, by dtype, width and option; return whether it always is."""
    right = True
    for dtype in triton_step.DTYPES:
        for classes in (1, 37, 2048, 50257):
            for options in OPTIONS:
                loss_off, gradient_off = _rows_off(dtype, classes, device, **options)
                good = loss_off <= FLOAT32 and gradient_off <= FLOAT32 + torch.finfo(dtype).eps / 2
                right = right and good
                if not good:
                    words = f"{dtype}, {classes} classes, {options}"
                    print(f"WRONG  row kernel, {words}: loss by {loss_off:.1e}, gradient by {gradient_off:.1e}")
    far = _far_rows_agree(device)
    if not far:
        print("WRONG  row kernel, rows beyond 2^31 numbers")
    if right and far:
        print("right  row kernel, every dtype, width and option")
    return right and far


def _far_rows_agree(device: torch.device) -> bool:
    """Return whether the last of so many rows that their numbers are beyond 2^31 is what it is alone."""
    classes = 131072
    rows = 2**31 // classes + 8
    if torch.cuda.mem_get_info(device)[0] < 3 * rows * classes:
        print("not checked: rows beyond 2^31 numbers, for want of 7 GB of free memory")
        return True
    logits = torch.zeros(rows, classes, dtype=torch.bfloat16, device=device)
    logits[-1] = torch.randn(classes, generator=torch.Generator(device).manual_seed(0), device=device)
    alone = logits[-1:].clone()
    targets = torch.zeros(rows, dtype=torch.int64, device=device)
    losses = [
        triton_step.rows(z, targets[-len(z) :], factor=torch.ones(len(z), device=device)).loss[-1]
        for z in (logits, alone)
    ]
    return bool(losses[0] == losses[1]) and torch.equal(logits[-1:], alone)


def _rows_off(dtype: torch.dtype, classes: int, device: torch.device, **options: Any) -> tuple[float, float]:  # noqa: ANN401
    generator = torch.Generator(device).manual_seed(classes)
    logits = (3 * torch.randn(64, classes, generator=generator, device=device)).to(dtype)
    targets = torch.randint(classes, (64,), generator=generator, device=device)
    targets[::5] = -100
    reference = logits.double().requires_grad_()
    wanted = defined(reference, targets, **options)
    (slopes_,) = torch.autograd.grad(wanted.sum(), reference)
    found = triton_step.rows(logits, targets, factor=torch.ones(64, device=device), **options)
    return share_off(found.loss, wanted), share_off(logits, slopes_)


def defined(
    z: Tensor,
    targets: Tensor,
    *,
    temperature: float = 1.0,
    soft_cap: float | None = None,
    z_loss: float = 0.0,
    label_smoothing: float = 0.0,
    smooth_over: str = "all",
) -> Tensor:
    """Return the loss of each row as it is defined, in the dtype of z; 0 where the target is -100."""
    x = (z if soft_cap is None else soft_cap * torch.tanh(z / soft_cap)) / temperature
    log_p = torch.log_softmax(x, -1)
    own = log_p.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    spread, among = log_p.sum(-1), x.shape[-1]
    if smooth_over == "others":
        spread, among = spread - own, max(among - 1, 1)
    loss = -(1 - label_smoothing) * own - label_smoothing * spread / among + z_loss * x.logsumexp(-1) ** 2
    return torch.where(targets == -100, 0.0, loss)


def share_off(came: Tensor, right: Tensor) -> float:
    """Return the largest error as a share of the largest entry; infinite where the error is no number."""
    size = right.detach().abs().max().clamp(min=1e-30)
    error = float((came.detach().double() - right.detach()).abs().max() / size)
    return error if error == error else float("inf")  # noqa: PLR0124  NaN
