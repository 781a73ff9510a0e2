"""Write masks_and_boxes.json: what torchvision and segmentation-models-pytorch answer, in float64.

Put `torchvision==0.29.1 segmentation-models-pytorch==0.6.0` into a folder with `pip install --no-deps --target`, beside
torch 2.13.0, and run

    PYTHONPATH=that/folder python tests/oracles/golden/make_masks_and_boxes.py

Only the files of the losses are imported: the packages themselves want kernels and models that a loss does without.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from importlib.metadata import distribution, version
from types import ModuleType
from typing import Any

import torch
from record import torch_case, write
from torch import Tensor

RANDOM = torch.Generator().manual_seed(20240607)
CASES: list[dict[str, Any]] = []


def bare(name: str, **members: object) -> None:
    """Let a package be a folder of files, of which nothing runs by itself."""
    package = ModuleType(name)
    first = name.split(".", maxsplit=1)[0]
    found = distribution({"segmentation_models_pytorch": "segmentation-models-pytorch"}.get(first, first))
    package.__path__ = [str(found.locate_file(name.replace(".", "/")))]
    vars(package).update(members)
    sys.modules[name] = package


def by_place(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Return a loss whose arguments have our names."""
    return lambda **given: loss(*given.values())


def boxes() -> tuple[Tensor, Tensor]:
    """Return pairs of boxes of all kinds: apart, crossing, inside each other, thin."""
    centre = torch.rand(24, 2, generator=RANDOM, dtype=torch.float64)
    size = 0.5 * torch.rand(24, 2, generator=RANDOM, dtype=torch.float64) ** 2 + 0.01
    both = torch.cat([centre - size, centre + size], -1)
    return both[:12], both[12:]


def detectors() -> None:
    """Record torchvision's losses, of boxes large enough for the 1e-7 that it adds to count for nothing."""
    bare("torchvision")
    bare("torchvision.ops")
    bare("torchvision.utils", _log_api_usage_once=lambda _: None)
    by = ["predictions", "targets"]
    predictions, targets = (1e6 * t for t in boxes())
    for name in ("generalized", "distance", "complete"):
        file = {"generalized": "giou", "distance": "diou", "complete": "ciou"}[name]
        loss = by_place(getattr(importlib.import_module(f"torchvision.ops.{file}_loss"), f"{name}_box_iou_loss"))
        call = f"torchvision.ops.{name}_box_iou_loss(predictions, targets)"
        given = {"predictions": predictions, "targets": targets}
        CASES.append(torch_case(f"{name}_box_iou_loss", "boxes", call, loss, given, by=by))
    small = {"predictions": 1e-3 * boxes()[0][:1], "targets": torch.zeros(1, 4, dtype=torch.float64)}
    small["targets"] = small["predictions"].clone()
    loss = by_place(importlib.import_module("torchvision.ops.giou_loss").generalized_box_iou_loss)
    call = "torchvision.ops.generalized_box_iou_loss(predictions, targets)"
    CASES.append(
        torch_case("generalized_box_iou_loss", "equal and small", call, by_place(loss), small, by=["predictions"])
    )


def masks() -> None:
    """Record the losses of segmentation-models-pytorch, of one batch `[N, C, P]`."""
    bare("segmentation_models_pytorch")
    losses = importlib.import_module("segmentation_models_pytorch.losses")
    logits = torch.randn(2, 3, 8, generator=RANDOM, dtype=torch.float64)
    targets = torch.randint(3, (2, 8), generator=RANDOM)
    made: dict[str, Callable[..., Tensor]] = {
        "DiceLoss": losses.DiceLoss("multiclass", smooth=1.0),
        "JaccardLoss": losses.JaccardLoss("multiclass", smooth=1.0),
        "TverskyLoss": losses.TverskyLoss("multiclass", smooth=1.0, alpha=0.3, beta=0.7),
    }
    for name, loss in made.items():
        inputs = {"logits": logits, "targets": targets}
        CASES.append(
            torch_case(name, "classes", f"{name}(...)(logits, targets)", by_place(loss), inputs, by=["logits"])
        )
    # Its labels are float32 beside float64; and without height its probabilities pass for those of a sigmoid.
    lovasz = {"logits": logits.float(), "targets": targets}
    call = 'LovaszLoss("multiclass")(logits, targets)'
    loss = losses.LovaszLoss("multiclass")
    CASES.append(
        torch_case(
            "LovaszLoss",
            "classes",
            call,
            lambda logits, targets: loss(logits.unflatten(-1, (2, 4)), targets.unflatten(-1, (2, 4))),
            lovasz,
            by=["logits"],
            precision="float32",
        )
    )
    few = {"logits": logits, "targets": targets.clamp(max=1)}
    CASES.append(
        torch_case("DiceLoss", "an absent class", "DiceLoss(...)", by_place(made["DiceLoss"]), few, by=["logits"])
    )


if __name__ == "__main__":
    detectors()
    masks()
    packages = ("torch", "torchvision", "segmentation-models-pytorch")
    write("masks_and_boxes", {name: version(name) for name in packages}, CASES)
