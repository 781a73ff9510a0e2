"""Write ordinal.json: what coral-pytorch and spacecutter answer for ordered classes, in float64.

Install, in an environment of its own, `torch==2.13.0 coral-pytorch==1.4.0 spacecutter==0.2.1`, then run

    python tests/oracles/golden/make_ordinal.py
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import torch
from coral_pytorch.dataset import corn_label_from_logits, levels_from_labelbatch, proba_to_label
from coral_pytorch.losses import coral_loss, corn_loss
from record import torch_case, write
from spacecutter.losses import CumulativeLinkLoss
from spacecutter.models import LogisticCumulativeLink
from torch import Tensor

CLASSES = 5
RANDOM = torch.Generator().manual_seed(20250304)
LOGITS = 3 * torch.randn(12, CLASSES - 1, generator=RANDOM, dtype=torch.float64)
TARGETS = torch.randint(CLASSES, (12,), generator=RANDOM)
GIVEN = {"logits": LOGITS, "targets": TARGETS}


def link(scores: Tensor, thresholds: Tensor, targets: Tensor) -> Tensor:
    """Return spacecutter's loss at given thresholds."""
    model = LogisticCumulativeLink(CLASSES).double()
    del model.cutpoints
    model.cutpoints = thresholds
    return CumulativeLinkLoss(reduction="none")(model(scores.unsqueeze(-1)), targets.unsqueeze(-1)).squeeze(-1)


def tool(name: str, call: str, value: Tensor) -> dict[str, Any]:
    return {"function": name, "name": "random logits", "call": call, "precision": "float64", "options": {},
            "inputs": {"logits": LOGITS}, "value": value, "gradients": {}}  # fmt: skip


CASES = [
    torch_case(
        "coral_loss",
        "random logits",
        "coral_pytorch.losses.coral_loss(logits, levels_from_labelbatch(targets, 5), reduction=None)",
        lambda logits, targets: coral_loss(logits, levels_from_labelbatch(targets, CLASSES).double(), reduction=None),
        GIVEN,
        by=["logits"],
    ),
    torch_case(
        "corn_loss",
        "random logits",
        "coral_pytorch.losses.corn_loss(logits, targets, 5)",
        lambda logits, targets: corn_loss(logits, targets, CLASSES),
        GIVEN,
        by=["logits"],
    ),
    tool(
        "corn_label_from_logits", "coral_pytorch.dataset.corn_label_from_logits(logits)", corn_label_from_logits(LOGITS)
    ),
    tool("proba_to_label", "coral_pytorch.dataset.proba_to_label(logits.sigmoid())", proba_to_label(LOGITS.sigmoid())),
    torch_case(
        "CumulativeLinkLoss",
        "near scores",
        "spacecutter.losses.CumulativeLinkLoss(reduction='none')(LogisticCumulativeLink(5)(scores), targets)",
        link,
        {
            "scores": 3 * torch.randn(12, generator=RANDOM, dtype=torch.float64),
            "thresholds": torch.tensor([-2.0, -0.25, 0.5, 3.0], dtype=torch.float64),
            "targets": TARGETS,
        },
        by=["scores", "thresholds"],
    ),
    torch_case(
        "CumulativeLinkLoss",
        "far away",
        "the same, where its clamp at 1e-15 is reached",
        link,
        {
            "scores": torch.tensor([40.0, -40.0], dtype=torch.float64),
            "thresholds": torch.tensor([-2.0, -0.25, 0.5, 3.0], dtype=torch.float64),
            "targets": torch.tensor([2, 2]),
        },
        by=["scores"],
    ),
]
write("ordinal", {name: version(name) for name in ("coral-pytorch", "spacecutter", "torch")}, CASES)
