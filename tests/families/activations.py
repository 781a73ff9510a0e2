"""Activations: what they are sampled with beside their input, and the options that a law should see."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch

Inputs = dict[str, Any]


def _masked(inputs: Inputs) -> Inputs:
    mask = torch.ones_like(inputs["x"], dtype=torch.bool)
    mask[:, 0] = False
    mask[1:2] = False
    return inputs | {"mask": mask}


def _packed(inputs: Inputs) -> Inputs:
    return {"value": torch.stack([inputs["value"], inputs["gate"]], -1)}


VARIANTS: Final[Mapping[str, Any]] = {
    "hard_tanh": [("off-centre", {"low": -0.3, "high": 0.8}, None)],
    "soft_cap": [("low", {"cap": 0.7}, None)],
    "threshold": [("early", {"threshold": -0.3, "value": 0.7}, None)],
    "rrelu": [("steep", {"lower": -0.25, "upper": 0.75}, None)],
    "celu": [("deep", {"alpha": 1.5}, None)],
    "hard_shrink": [("narrow", {"threshold": 0.3}, None)],
    "soft_shrink": [("narrow", {"threshold": 0.3}, None)],
    "squareplus": [("narrow", {"b": 0.3}, None)],
    "softmin": [("cool-masked", {"temperature": 0.5}, _masked)],
    "sparsemax": [("masked", {}, _masked)],
    "entmax": [("high", {"alpha": 1.75}, None), ("low-masked", {"alpha": 1.25}, _masked)],
    "gumbel_softmax": [("cool", {"temperature": 0.5}, None), ("hard", {"hard": True}, None)],
    "reglu": [("packed", {}, _packed), ("packed-first", {"gate_half": "first"}, _packed)],
    "bilinear": [("packed", {"gate_half": "first"}, _packed)],
}
SHARED: Final = ("sink",)
NOT_THE_DERIVATIVE: Final[Mapping[str, str]] = {
    "gumbel_softmax-hard": "straight through: forward one class, backward the soft draw",
}
_OF_THE_ROWS: Final = "tests/activations/test_sparse.py"
ELSEWHERE: Final[Mapping[tuple[str, str], str]] = {
    ("rrelu", "training"): "tests/activations/test_chance.py",
    ("rrelu", "generator"): "tests/activations/test_chance.py",
    ("gumbel_softmax", "generator"): "tests/activations/test_chance.py",
    ("gumbel_softmax", "dim"): "tests/activations/test_chance.py",
    ("softmin", "dim"): "tests/activations/test_rows.py",
    ("sparsemax", "dim"): _OF_THE_ROWS,
    ("entmax", "dim"): _OF_THE_ROWS,
}
OTHER_NUMBERS: Final[Mapping[tuple[str, str], str]] = {("gumbel_softmax", "torch"): "each call draws anew"}
