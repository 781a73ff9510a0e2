"""What the Triton kernel of a row step is launched with, in groups; nothing here needs triton."""

from __future__ import annotations

from typing import Any, NamedTuple


class Rows(NamedTuple):
    """Arguments of the kernel: where the logits, their row stride and the targets are, and how many classes."""

    logits: Any
    stride: Any
    targets: Any
    classes: Any


class Given(NamedTuple):
    """What bends a raw product, and what classes weigh; each may be None."""

    bias: Any
    cap: Any
    class_weight: Any


class Scaling(NamedTuple):
    """1 / T for the temperature T, log2(e) / T, and T · ln 2 in two parts, the first of 16 bits."""

    inverse: Any
    rate: Any
    step: Any
    step_low: Any


class Goal(NamedTuple):
    """How much of a target is smoothed away, and the factor of the squared log-sum-exp."""

    smoothing: Any
    z_loss: Any


class Factors(NamedTuple):
    """What the gradients of a row's loss and entropy are multiplied by; each may be None."""

    losses: Any
    entropies: Any


class Results(NamedTuple):
    """Where what comes of the rows goes; `entropies` may be None."""

    losses: Any
    sums: Any
    entropies: Any
    leaders: Any
