"""Weights of rows, for the `weight` of a loss: recent rows count more, noisy ones less.

The weighted mean divides by the sum of the weights, so that only their ratios matter.
"""

from __future__ import annotations

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.spec import FINITE_NON_NEGATIVE, FINITE_POSITIVE
from slopes._core.tensors import wide


def recency_weight(age: Tensor, *, half_life: float) -> Tensor:
    """Return 2^(-age / half_life), the weight of a row that is so old.

    Args:
        age: `[...]`, floating, at least 0: how long before now the row was seen, in any unit of time.
        half_life: After how long a row counts for half, above 0, in the same unit.

    Returns:
        `[...]`, in (0, 1]; 0 where a row is so old that its weight underflows; float32 for 16-bit ages.

    Raises:
        DtypeError: `age` is not a floating tensor.
        OptionError: `half_life` is not above 0.
        ValuesError: An age is negative or not finite.

    Examples:
        >>> recency_weight(torch.tensor([0.0, 30.0, 60.0]), half_life=30.0)
        tensor([1.0000, 0.5000, 0.2500])
    """
    check.floating("recency_weight", age=age)
    check.option("recency_weight", "half_life", half_life, FINITE_POSITIVE)
    check.within("recency_weight", "age", age, FINITE_NON_NEGATIVE, "count it back from the newest row")
    return torch.exp2(-age.to(wide(age.dtype)) / half_life)


def noise_weight(deviation: Tensor) -> Tensor:
    """Return (smallest / deviation)², the weight 1 / σ² of a row of known noise, in units of the best row's.

    Args:
        deviation: `[...]`, floating, above 0: the standard deviation σ of each target's own noise, in its unit.

    Returns:
        `[...]`, in (0, 1], 1 for the row measured best; float32 for 16-bit deviations.

    Raises:
        DtypeError: `deviation` is not a floating tensor.
        ValuesError: A deviation is not above 0 or not finite.

    Notes:
        With it the weighted MSE is the maximum-likelihood fit under independent normal noise, and its mean the best
        linear unbiased one. Only ratios of σ need to be known.
        Source: Aitken 1936, On Least Squares and Linear Combination of Observations.

    Examples:
        >>> noise_weight(torch.tensor([0.5, 1.0, 2.0]))
        tensor([1.0000, 0.2500, 0.0625])
    """
    check.floating("noise_weight", deviation=deviation)
    check.within("noise_weight", "deviation", deviation, FINITE_POSITIVE, "a row without any noise cannot be weighed")
    wider = deviation.to(wide(deviation.dtype))
    return (wider.amin() / wider).square() if wider.numel() else wider
