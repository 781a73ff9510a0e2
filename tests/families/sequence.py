"""Losses of sequences whose alignment is not known."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Final

import torch
from mpmath import mp, mpf
from tests.oracles.case import Case, with_options
from tests.oracles.precision import careful

from slopes import losses as L  # noqa: N812  the name that the documentation uses

SIZES: Final = {"S": 3}


def _rows(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return labels that are no blanks, and lengths for which there is room; in the padding is no class."""
    (rows, frames, classes), labels = inputs["logits"].shape, inputs["targets"].shape[1]
    row = torch.arange(rows)
    states = (labels - 1 - row % 2).clamp(min=0) if classes > 1 else 0 * row
    targets = 1 + inputs["targets"] % max(classes - 1, 1)
    targets = torch.where(torch.arange(labels) < states.unsqueeze(-1), targets, -7)
    return inputs | {
        "targets": targets,
        "input_lengths": (frames - row % 2).clamp(min=1),
        "target_lengths": states,
    }


def _whole(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return rows without lengths, whose labels never repeat."""
    (rows, _, classes), labels = inputs["logits"].shape, inputs["targets"].shape[1]
    place = torch.arange(rows).unsqueeze(-1) + torch.arange(labels)
    if classes == 1:  # the blank alone, which spells nothing
        return {"logits": inputs["logits"], "targets": place[:, :0]}
    return {"logits": inputs["logits"], "targets": 1 + place % max(classes - 1, 1)}


def _last(inputs: dict[str, Any]) -> dict[str, Any]:
    """Return labels of which the third class is the blank."""
    targets = inputs["targets"]
    return inputs | {"targets": torch.where(targets > 0, (targets - 1) % 2, targets)}


SAMPLES: Final = {"ctc": _rows}
IDLE: Final = {"ctc-leave_out": "every row has an alignment here; `tests/losses/test_sequence.py` turns it"}
VARIANTS: Final = {"ctc": [("whole", {}, _whole), ("blank-2", {"blank": 2}, _last)]}


def _matrix(frames: Sequence[Sequence[float]]) -> list[list[float]]:
    return [list(frame) for frame in frames]


@careful
def ctc(logits: Sequence[Sequence[mpf]], targets: Sequence[int], frames: int, labels: int, blank: int = 0) -> mpf:
    """Return minus the logarithm of the share of all classes of all frames that spell the labels."""
    total = mpf(0)
    shares = []
    for row in logits[: int(frames)]:
        powers = [mp.exp(z) for z in row]
        shares.append([power / mp.fsum(powers) for power in powers])
    wanted = [int(label) for label in targets[: int(labels)]]
    for path in itertools.product(range(len(logits[0])), repeat=int(frames)):
        spelt = [label for label, _ in itertools.groupby(path) if label != blank]
        if spelt == wanted:
            total += mp.fprod(share[label] for share, label in zip(shares, path, strict=True))
    return -mp.log(total)


_FRAMES: Final = ([0.5, -0.25, 1.0], [1.5, -0.5, 0.25], [0.25, 2.0, -3.0])
_FAR: Final = (
    ([30.0, 0.0, -12.0], [0.5, 40.0, 1.0], [1.0, -2.0, 24.0]),
    ([0.0, 60.0, -60.0], [60.0, -60.0, 0.0], [-200.0, 0.0, 200.0]),
)
_LABELS: Final = (([1, 2], 3, 2), ([1, 1], 3, 2), ([2, 0], 3, 1), ([2, 1], 2, 2), ([9, 9], 3, 0), ([2, 9], 1, 1))
# With one frame it is a cross-entropy, of which nothing cancels however far a class leads.
_ALONE: Final = [
    ([[x, y, -y], [5.0, 0.0, 1.0], [0.0, 0.0, 0.0]], [2 - bool(x), 9], 1, count)
    for x, y in ((0.0, -40.0), (40.0, 3.0), (-200.0, 100.0), (-0.5, 2.0))
    for count in (0, 1)
]

CASES: Final = (
    Case("ctc", L.ctc, ctc, [*((_matrix(_FRAMES), *labels) for labels in _LABELS), *_ALONE]),
    Case(
        "ctc blank 2",
        with_options(L.ctc, blank=2),
        with_options(ctc, blank=2),
        [(_matrix(_FRAMES), [0, 1], 3, 2), (_matrix(_FRAMES), [1, 1], 3, 2)],
        terms=1.0,  # a softmax less a posterior, both near a half
    ),
    # A posterior and the softmax are alike where a frame alone decides: their difference is of terms up to 1, and a
    # value of 400 has a last place of its own.
    Case("ctc far", L.ctc, ctc, [(_matrix(far), *labels) for far in _FAR for labels in _LABELS], terms=32.0),
)
