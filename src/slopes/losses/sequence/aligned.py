"""What losses of sequences without an alignment take, checked: logits of frames, labels, and how long each row is.

Dimension names: B rows, T frames, S labels, C classes. What stands beyond a row's length is never looked at.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError, ShapeError, ValuesError
from slopes._core.settings import reads_values

Infeasible = Literal["raise", "leave_out"]


class Rows(NamedTuple):
    """Rows of frames and labels, cut to what counts.

    Attributes:
        labels: `[B, 1 + S]` int64, the blank before the labels and in their padding.
        frames: `[B]` int64, how many frames count; 0 in a row that does not.
        states: `[B]` int64, how many labels count; likewise.
        inside: `[B, T]`, True at a frame that counts.
    """

    labels: Tensor
    frames: Tensor
    states: Tensor
    inside: Tensor


def check_logits(function: str, logits: Tensor, names: str) -> None:
    """Check logits of rows of frames, of which `names` writes the dimensions: `[B, T, C]`."""
    check.floating(function, logits=logits)
    dimensions = names.strip("[]").split(", ")
    if logits.dim() != len(dimensions):
        message = (
            f"{function}: `logits` has shape {check.shape_of(logits)}, expected {names}, rows first and classes last; "
            f"a single row is logits.unsqueeze(0), and frames first are turned by logits.transpose(0, 1)."
        )
        raise ShapeError(message)
    check.filled(function, "logits", logits, names)
    if logits.shape[1] == 0:
        message = (
            f"{function}: `logits` has shape {check.shape_of(logits)}, expected at least one frame; pad the batch to "
            f"one, and say with `input_lengths` that a row has none."
        )
        raise ShapeError(message)


def check_targets(function: str, targets: Tensor, logits: Tensor) -> None:
    """Check labels: a row for each row of the logits, padded to one length."""
    check.tensor(function, targets=targets)
    if targets.dim() != 2:  # noqa: PLR2004  rows and labels
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected [B, S], labels padded to one length; "
            f"rows that follow each other without padding are "
            f"torch.nn.utils.rnn.pad_sequence(targets.split(target_lengths.tolist()), batch_first=True)."
        )
        raise ShapeError(message)
    check.integers(function, "targets", targets, (logits.shape[0], targets.shape[1]), "[B, S], one row for each row")
    check.same_device(function, logits=logits, targets=targets)


def blank_of(function: str, blank: int, classes: int) -> int:
    """Return the index of the blank, or raise `OptionError`."""
    blank = check.index(function, "blank", blank, usual=0)
    if not 0 <= blank < classes:
        message = (
            f"{function}: `blank` is {blank}, expected the index of a class in [0, {classes}); the last one is "
            f"blank={classes - 1}."
        )
        raise OptionError(message)
    return blank


def length_of(function: str, name: str, given: Tensor | None, like: Tensor, size: int) -> Tensor:
    """Return how long each row is: the whole size where nothing is said."""
    if given is None:
        return torch.full(like.shape[:1], size, dtype=torch.int64, device=like.device)
    check.integers(function, name, given, like.shape[:1], "one length for each row")
    check.same_device(function, logits=like, **{name: given})
    return given


def check_length(function: str, name: str, given: Tensor, size: int, keep: Tensor | None) -> None:
    """Raise `ValuesError` where a row that counts is longer than there is room for, or shorter than nothing."""
    if not reads_values(given, keep):
        return
    wrong = (given < 0) | (given > size)
    if (at := _first(wrong, keep)) is not None:
        message = (
            f"{function}: `{name}` is {int(given[at])} in row {at[0]}, expected lengths in [0, {size}]; "
            f"count what the batch holds, after any striding of the network: {name}.clamp(0, {size}) if it is that."
        )
        raise ValuesError(message)


def check_labels(function: str, targets: Tensor, states: Tensor, classes: int, blank: int, keep: Tensor | None) -> None:
    """Raise `ValuesError` where a label that counts is no class, or the blank."""
    if not reads_values(targets, states, keep):
        return
    wrong = (targets < 0) | (targets >= classes) | (targets == blank)
    wrong = wrong & (torch.arange(targets.shape[1], device=targets.device) < states.unsqueeze(-1))
    if (at := _first(wrong, keep)) is not None:
        message = (
            f"{function}: `targets` holds {int(targets[at])} at entry {list(at)}, expected classes in [0, {classes}) "
            f"other than the blank, {blank}; where it is padding say so with `target_lengths`, else check the label "
            f"encoding and `blank`."
        )
        raise ValuesError(message)


def check_feasible(function: str, needed: Tensor, frames: Tensor, states: Tensor, keep: Tensor | None) -> None:
    """Raise `ValuesError` where a row that counts has fewer frames than its labels need."""
    if not reads_values(needed, frames, keep):
        return
    if (at := _first(frames < needed, keep)) is not None:
        count, repeats = int(states[at]), int(needed[at] - states[at])
        message = (
            f"{function}: row {at[0]} of `targets` has {count} labels, {repeats} of them the same as the one before, "
            f"and `input_lengths` gives it {int(frames[at])} frames, expected at least {int(needed[at])}, since no "
            f"alignment exists; check the lengths and the striding, or pass infeasible='leave_out'."
        )
        raise ValuesError(message)


def _first(wrong: Tensor, keep: Tensor | None) -> tuple[int, ...] | None:
    """Return the place of the first of what is wrong and counts; None where there is none."""
    if keep is not None:
        wrong = wrong & keep.reshape(keep.shape + (1,) * (wrong.dim() - 1))
    return tuple(wrong.nonzero()[0].tolist()) if bool(wrong.any()) else None


def rows_of(targets: Tensor, frames: Tensor, states: Tensor, blank: int, size: int, keep: Tensor | None) -> Rows:
    """Return the rows, cut to what counts."""
    if keep is not None:
        frames, states = torch.where(keep, frames, 0), torch.where(keep, states, 0)
    place = torch.arange(targets.shape[1], device=targets.device)
    labels = torch.where(place < states.unsqueeze(-1), targets, blank)
    labels = torch.cat([torch.full_like(states, blank).unsqueeze(-1), labels], -1)
    return Rows(labels, frames, states, torch.arange(size, device=targets.device) < frames.unsqueeze(-1))


def refuse_endless(function: str, losses: Tensor, logits: Tensor, inside: Tensor) -> None:
    """Raise `ValuesError` at the first row without a finite loss, unless a NaN of the caller's is in it."""
    entries = logits.detach().flatten(2)
    nan = (entries.isnan().any(-1) & inside).any(-1)
    if (at := _first(~losses.isfinite() & ~nan, None)) is None:
        return
    row = entries[at][inside[at]]
    odd = row[row.isinf()]
    came = odd[0] if odd.numel() else row[row.abs().argmax()]
    message = (
        f"{function}: `logits` holds {came.item():.6g} in row {at[0]}, where the loss is {losses[at].item():.6g}, "
        f"expected finite logits, whose differences the dtype holds; find what made it so, or leave the row out with "
        f"`mask`."
    )
    raise ValuesError(message)
