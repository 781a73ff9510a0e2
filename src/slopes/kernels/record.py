"""What the engine did last, and why: what `slopes.explain()` shows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes.kernels.blocks.chunks import Chunks

_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of the engine over the rows of a loss.

    Attributes:
        loss: Which formula.
        rows: How many rows there were.
        counted: How many of them counted; the others took no part in the products.
        classes: How many logits a row has; 0 where they were made as a whole.
        dtype: Of hidden states and weight.
        chunk_rows: How many rows of logits existed at a time.
        chunks: How many times.
        did: What ran, in words.
        why: And why.
    """

    loss: str
    rows: int
    counted: int
    classes: int
    dtype: torch.dtype
    chunk_rows: int
    chunks: int
    did: str
    why: str

    def __str__(self) -> str:
        return f"{self.loss}: {self.did}\n  {self.why}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """The last passes of the engine, the newest last."""

    runs: tuple[Run, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.runs)) or "no loss over slopes.LinearLogits has run yet"


_RUNS: Final[deque[Run]] = deque(maxlen=_KEPT)


def explain() -> Explanation:
    """Return what ran for the last losses over `LinearLogits`, and why; printed, it reads as text.

    Returns:
        The last 16 passes, the newest last. A loss that is not reduced has two: its own, and one in the backward pass.

    Examples:
        >>> import slopes, torch
        >>> logits = slopes.LinearLogits(torch.eye(2, requires_grad=True), torch.eye(2))
        >>> loss = slopes.losses.cross_entropy(logits, torch.tensor([0, 1]))
        >>> print(slopes.explain().runs[-1])
        cross_entropy: value and gradients in one pass, 2 of 2 rows, 2 classes, 1 chunk of 2 rows
          16 B of logits at a time instead of 16 B, since all rows fit into the budget of 64.0 MiB; torch's
          operators make the row step: hidden states are on a CPU
    """
    return Explanation(tuple(_RUNS))


def ran(
    loss: str, chunks: Chunks, classes: int, dtype: torch.dtype, computed: torch.dtype, form: str, *, backward: bool
) -> None:
    """Note a pass in chunks.

    Args:
        loss: Which formula.
        chunks: The rows.
        classes: How many logits a row has.
        dtype: Of hidden states and weight.
        computed: Of the logits.
        form: Which form of the row step was chosen, in words.
        backward: Whether it made gradients.
    """
    size, row = chunks.size, classes * computed.itemsize
    did = (
        f"{'value and gradients in one pass' if backward else 'values alone'}, {chunks.count} of {chunks.rows} rows, "
        f"{classes} classes, {len(chunks)} chunk{'' if len(chunks) == 1 else 's'} of {size} rows"
    )
    why = f"{_bytes(size * row)} of logits at a time instead of {_bytes(chunks.rows * row)}, {_reason(chunks, row)}"
    if not chunks.count:
        why = "no logits at all, since no row counts"
    why += f"; {form}"
    _RUNS.append(Run(loss, chunks.rows, chunks.count, classes, dtype, size, len(chunks), did, why))


def _reason(chunks: Chunks, row_bytes: int) -> str:
    """Return why a chunk has the rows that it has."""
    size = chunks.size
    if chunks.budget is None:
        return f"since slopes.chunks set {size} rows"
    if size * row_bytes > chunks.budget:
        fewer = f"fewer rows than {size}, which the budget of {_bytes(chunks.budget)} asks for, make slow products"
        return f"since {fewer}" if size > 1 else f"since one row is beyond the budget of {_bytes(chunks.budget)}"
    if len(chunks) <= 1:
        return f"since all rows fit into the budget of {_bytes(chunks.budget)}"
    return f"since the budget is {_bytes(chunks.budget)}"


def passed(function: str, like: Tensor, did: str, why: str) -> None:
    """Note a pass over elements, or rows, whose tensors exist.

    Args:
        function: Which formula.
        like: The first tensor, of the dtype and the number of elements.
        did: What ran, in words.
        why: And why.
    """
    size = like.numel()
    _RUNS.append(Run(function, size, size, 0, like.dtype, size, 1, f"{did}, {size} elements of {like.dtype}", why))


def made(loss: str, rows: int, dtype: torch.dtype) -> None:
    """Note that the logits were made as a whole."""
    if torch.compiler.is_compiling():
        return
    did = f"logits made as a whole, {rows} rows"
    why = "since torch.func, forward mode or a second derivative needs a graph through the formula"
    _RUNS.append(Run(loss, rows, rows, 0, dtype, rows, 1, did, why))


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:  # noqa: PLR2004  of each unit in the next
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"
