"""Guards. Each message names the function and the argument, what came, what was expected, and the fix.

Checks of shape, dtype, device and option always run: they read no values and cost no synchronisation. Those
that read values ask `settings.reads_values` first.
"""

from __future__ import annotations

from slopes._core.check.agreement import alike, learned_dtype, same_device, same_dtype, same_precision, same_shape
from slopes._core.check.chance import generator
from slopes._core.check.indices import boolean, in_range, integers
from slopes._core.check.options import brief, choice, count, flag, index, option
from slopes._core.check.shapes import dimensions, filled, has_shape, shape_of
from slopes._core.check.tensors import constant, floating, logits, no_list, not_traced, tensor
from slopes._core.check.values import distribution, hard_labels, log_distribution, moderate, rounding, signs, within

__all__ = [
    "alike",
    "boolean",
    "brief",
    "choice",
    "constant",
    "count",
    "dimensions",
    "distribution",
    "filled",
    "flag",
    "floating",
    "generator",
    "hard_labels",
    "has_shape",
    "in_range",
    "index",
    "integers",
    "learned_dtype",
    "log_distribution",
    "logits",
    "moderate",
    "no_list",
    "not_traced",
    "option",
    "rounding",
    "same_device",
    "same_dtype",
    "same_precision",
    "same_shape",
    "shape_of",
    "signs",
    "tensor",
    "within",
]
