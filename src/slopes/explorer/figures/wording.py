"""Numbers as a person reads them: a true minus, a true power of ten, never more digits than asked for."""

from __future__ import annotations

import math
from typing import Final

_SUPERSCRIPT: Final = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SMALLEST_POWER: Final = -4  # 0.001 is easier read than 1 × 10⁻³


def number(value: float, digits: int = 4) -> str:
    """Return `value` with at most `digits` significant digits, trailing zeros dropped.

    Args:
        value: Any float.
        digits: Significant digits, at least 1.

    Returns:
        The text; "∞", "−∞" and "not a number" for what is none.

    Examples:
        >>> number(-0.170040, 4), number(4.5397868e-05, 3), number(0.25)
        ('−0.17', '4.54 × 10⁻⁵', '0.25')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    power = int(exponent)
    if _SMALLEST_POWER < power < max(digits, 6):
        plain = f"{float(f'{value:.{digits - 1}e}'):.{max(digits - 1 - power, 0)}f}"
        return _trimmed(plain).replace("-", "−")
    return f"{_trimmed(mantissa)} × 10{str(power).translate(_SUPERSCRIPT)}".replace("-", "−")


def latex_number(value: float, digits: int = 4) -> str:
    r"""Return `value` as LaTeX, in the same digits as `number`.

    Examples:
        >>> latex_number(1.5), latex_number(4.5397868e-05, 3)
        ('1.5', '4.54 \\times 10^{-5}')
    """
    if not math.isfinite(value):
        return r"\mathrm{NaN}" if math.isnan(value) else (r"\infty" if value > 0 else r"-\infty")
    shown = number(value, digits).replace("−", "-")
    if "×" not in shown:
        return shown
    mantissa = shown.split(" × ")[0]
    power = int(f"{value:.{digits - 1}e}".split("e")[1])
    return rf"{mantissa} \times 10^{{{power}}}"


def bracketed(latex: str) -> str:
    """Return a number's LaTeX, in parentheses where it begins with a minus."""
    return f"({latex})" if latex.startswith("-") else latex


def capital(text: str) -> str:
    """Return text whose first letter is a capital one, as a sentence begins; a name of Python's stays as it is."""
    return text if "." in text.partition(" ")[0].strip(".") else text[0].upper() + text[1:]


def listed(names: list[str], word: str = "and") -> str:
    """Return names as running text: "a", "a and b", "a, b and c"."""
    if len(names) <= 1:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def _trimmed(digits: str) -> str:
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
