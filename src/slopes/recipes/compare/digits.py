"""Numbers as a report writes them: three digits, a true minus, no digits that noise has eaten."""

from __future__ import annotations

import math


def number(value: float | None) -> str:
    """Return a number with three digits, or three decimals below 1; a dash for none.

    Examples:
        >>> number(0.98951), number(44.465), number(189.8), number(-0.0031), number(0.00002), number(None)
        ('0.990', '44.5', '190', '−0.003', '2e−05', '–')
    """
    if value is None or math.isnan(value):
        return "–"
    size = abs(value)
    if size == 0:
        return "0"
    decimals = 3 if size < 1 else max(0, 2 - math.floor(math.log10(size)))
    text = f"{value:.1g}" if size < 5e-4 or size >= 1e7 else f"{value:,.{decimals}f}"  # noqa: PLR2004  would say 0.000
    return text.replace("-", "−")
