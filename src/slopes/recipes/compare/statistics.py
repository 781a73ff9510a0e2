"""Means over repetitions that share rows, and differences between candidates: intervals that know of the sharing.

Every repetition draws its training rows from the same data, so that repetitions resemble each other and the ordinary
t interval is too narrow. Nadeau and Bengio's correction replaces the variance of the mean, s² / n, by
s² (1 / n + test / train), with the numbers of rows a repetition tests and trains on.
Source: Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52 (2003).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

CONFIDENCE: Final = 0.95


class Interval(NamedTuple):
    """A mean over repetitions and what it may be; the ends are None where one repetition tells nothing of them."""

    mean: float
    low: float | None
    high: float | None

    @property
    def beyond_zero(self) -> bool:
        """Whether 0 is outside of the interval."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def interval(values: Sequence[float], test_to_train: float, *, confidence: float = CONFIDENCE) -> Interval:
    """Return the mean of repetitions and its corrected t interval.

    Args:
        values: One number for each repetition, at least one.
        test_to_train: Rows that a repetition tests on, over those that it trains on; 0 gives the ordinary interval.
        confidence: How often such an interval covers the mean, in (0, 1).

    Notes:
        The correction is an approximation, and conservative for a learner that is stable under a change of some rows.

    Examples:
        >>> interval([0.9, 0.8, 1.0], 0.0).low
        0.6515...
    """
    from scipy.stats import t  # noqa: PLC0415  it comes with scikit-learn, where it is used

    n = len(values)
    mean = math.fsum(values) / n
    if n == 1:
        return Interval(mean, None, None)
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * math.sqrt(variance * (1 / n + test_to_train))
    return Interval(mean, mean - half, mean + half)


def within(came: Interval, least: float, most: float) -> Interval:
    """Return an interval without the part of it that the mean cannot be in.

    The mean of numbers in [least, most] lies there too. So the part that is cut off never holds it, and the interval
    covers it exactly as often as before. With two repetitions it may be all of [least, most], which says that nothing
    is known yet. A scale such as the logit has no place for a repetition that is 0 or 1.

    Args:
        came: Of a mean of numbers in [least, most].
        least: -inf where there is no lower end.
        most: inf where there is no upper one.

    Examples:
        >>> within(Interval(0.98, 0.9, 1.06), 0.0, 1.0)
        Interval(mean=0.98, low=0.9, high=1.0)
    """
    if came.low is None or came.high is None:
        return came
    return Interval(came.mean, max(came.low, least), min(came.high, most))


def difference(
    values: Sequence[float], reference: Sequence[float], test_to_train: float, *, comparisons: int = 1
) -> Interval:
    """Return the mean paired difference, `values` minus `reference`, with an interval for several comparisons at once.

    Args:
        values: One number for each repetition.
        reference: The other candidate's, on the same splits and in the same order.
        test_to_train: As in `interval`.
        comparisons: How many intervals are read together; each is widened after Bonferroni, so that all of them hold
            with the confidence of one.
    """
    paired = [a - b for a, b in zip(values, reference, strict=True)]
    return interval(paired, test_to_train, confidence=1 - (1 - CONFIDENCE) / max(1, comparisons))
