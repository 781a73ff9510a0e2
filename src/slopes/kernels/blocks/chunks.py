"""How many rows of logits are made at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, cast

from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError
from slopes._core.settings import Blocks

LEAST_ROWS: Final = 64  # a product of fewer rows reads the whole weight for too little


class _State:
    rows: int | None = None
    budget: int | None = None


_STATE = _State()
_CHUNKS = Blocks(outside=(None, None))


class chunks:  # noqa: N801  a setting reads as a verb: `with slopes.chunks(rows=512):`
    """Say how many rows of logits that are not made (`LinearLogits`) exist at a time.

    Called alone it sets the process; used in a `with` block it holds until the block ends. A loss that is not reduced
    makes its logits again in the backward pass, under the setting of that time.

    Args:
        rows: So many rows.
        budget: As many rows as so many bytes hold, in the dtype of the hidden states (float32 for float16 ones, whose
            products may be beyond 65,504). Chunks are made alike, so that none has a few rows only.

    Raises:
        OptionError: Both are given, or one is no integer of at least 1.

    Notes:
        Without either the budget is 64 MiB. `python -m bench linear.budget linear.budget16` measures why: smaller
        chunks read and write the weight and its gradient more often, larger ones only cost memory.

    Examples:
        >>> import torch, slopes
        >>> logits = slopes.LinearLogits(torch.ones(6, 2), torch.ones(3, 2))
        >>> with slopes.chunks(rows=4):
        ...     loss = slopes.losses.cross_entropy(logits, torch.zeros(6, dtype=torch.int64))
        >>> slopes.explain().runs[-1].chunks
        2
    """

    def __init__(self, *, rows: int | None = None, budget: int | None = None) -> None:
        if rows is not None and budget is not None:
            message = (
                f"chunks: both `rows` ({rows!r}) and `budget` ({budget!r}) are given, expected one; leave one out."
            )
            raise OptionError(message)
        for name, value in (("rows", rows), ("budget", budget)):
            if value is not None:
                check.count("chunks", name, value)
        self._set, self._outside = (rows, budget), _CHUNKS.outside
        _STATE.rows, _STATE.budget = self._set
        _CHUNKS.outside = self._set

    def __enter__(self) -> Self:
        _CHUNKS.outside = self._outside
        _CHUNKS.open.append((self, self._set))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _STATE.rows, _STATE.budget = cast("tuple[int | None, int | None]", _CHUNKS.end(self))


@dataclass(frozen=True)
class Chunks:
    """The rows that count, some at a time; iterating gives a slice, or indices where rows are left out.

    Attributes:
        rows: How many there are.
        counted: The indices of those that count; None for all.
        size: How many make a chunk, the last one aside.
        budget: The bytes that a chunk's logits may take; None where the rows were set.
    """

    rows: int
    counted: Tensor | None
    size: int
    budget: int | None

    @property
    def count(self) -> int:
        """How many rows count."""
        return self.rows if self.counted is None else self.counted.numel()

    def __len__(self) -> int:
        return (self.count + self.size - 1) // self.size

    def __iter__(self) -> Iterator[slice | Tensor]:
        for start in range(0, self.count, self.size):
            if self.counted is None:
                yield slice(start, min(start + self.size, self.count))
            else:
                yield self.counted[start : start + self.size]


def chunks_of(rows: int, keep: Tensor | None, row_bytes: int, budget: int) -> Chunks:
    """Return the chunks of so many rows: those that `slopes.chunks` sets, or as many as the budget holds.

    Args:
        rows: How many there are.
        keep: Which count; None for all.
        row_bytes: Of a row of logits.
        budget: Bytes of a chunk where none are set.
    """
    counted = None if keep is None else keep.reshape(-1).nonzero().squeeze(-1)
    count = rows if counted is None else counted.numel()
    if _STATE.rows is not None:
        return Chunks(rows, counted, max(min(_STATE.rows, count), 1), None)
    budget = _STATE.budget or budget
    most = max(budget // max(row_bytes, 1), 1 if _STATE.budget else LEAST_ROWS)
    number = max((count + most - 1) // most, 1)
    return Chunks(rows, counted, max((count + number - 1) // number, 1), budget)  # all alike: none of few rows
