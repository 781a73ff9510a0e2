"""What repairs the errors of losses of sequences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import torch
from tests.laws.fixes.law import Fix

CALL: Final = "L.ctc(logits, targets, input_lengths, target_lengths)"
GIVEN: Final[Mapping[str, Any]] = {
    "logits": torch.zeros(1, 4, 3),
    "targets": torch.tensor([[1, 2]]),
    "input_lengths": torch.tensor([4]),
    "target_lengths": torch.tensor([2]),
}


def names() -> Mapping[str, Any]:
    return {}


ELSEWHERE: Final[Mapping[str, str]] = {}
TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "losses/sequence/aligned.py check_logits": [
        Fix(CALL, {**GIVEN, "logits": torch.zeros(4, 3)}, {"logits": "logits.unsqueeze(0)"}),
        Fix(CALL, {**GIVEN, "logits": torch.zeros(1, 0, 3)}, words={"logits": "torch.zeros(1, 4, 3)"}),
    ],
    "losses/sequence/aligned.py check_targets": [
        Fix(
            CALL,
            {**GIVEN, "targets": torch.tensor([1, 2])},
            {
                "targets": "torch.nn.utils.rnn.pad_sequence(targets.split(target_lengths.tolist()), batch_first=True)",
            },
        ),
    ],
    "losses/sequence/aligned.py blank_of": [
        Fix("L.ctc(logits, targets, blank=blank)",
            {"logits": GIVEN["logits"], "targets": torch.tensor([[0, 1]]), "blank": -1}, words={"blank": "2"}),
    ],
    "losses/sequence/aligned.py check_length": [
        Fix(
            CALL,
            {**GIVEN, "input_lengths": torch.tensor([5])},
            {"input_lengths": "input_lengths.clamp(0, 4)"},
        ),
    ],
    "losses/sequence/aligned.py check_labels": [
        Fix(CALL, {**GIVEN, "targets": torch.tensor([[1, 0]])}, words={"target_lengths": "torch.tensor([1])"}),
    ],
    "losses/sequence/aligned.py check_feasible": [
        Fix(
            "L.ctc(logits, targets, infeasible=infeasible)",
            {"logits": torch.zeros(1, 2, 3), "targets": torch.tensor([[1, 1]]), "infeasible": "raise"},
            {"infeasible": "'leave_out'"},
        ),
    ],
    "losses/sequence/aligned.py refuse_endless": [
        Fix(
            "L.ctc(logits, targets, mask=mask)",
            {"logits": torch.full((1, 4, 3), -torch.inf), "targets": GIVEN["targets"], "mask": None},
            words={"mask": "torch.tensor([False])"},
        ),
    ],
}  # fmt: skip
