"""Formulas of the catalogue as MathML, with the present numbers put in the place of their symbols."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from latex2mathml.converter import convert

_TOKEN: Final = re.compile(
    r"\\(?:mathrm|operatorname|text|mathbf|begin|end)\s*\*?\{[^}]*\}|\\[A-Za-z]+|\\.|.", re.DOTALL
)
# A prime is raised by its own drawing; raised again, as a superscript, it floats off.
_RAISED_PRIME: Final = re.compile(r"<msup>(<(m[io])\b[^>]*>[^<]*</\2>)<mi>&#x02032;</mi></msup>")
# A number that stands by itself: not the argument of \tfrac12 or of ^2, nor a length.
_NUMBER: Final = re.compile(r"(?<![\\A-Za-z0-9.^_])\d+(?:\.\d+)?(?![\d.]|\s*(?:pt|em|ex|mu|px|cm|mm)\b)")
_STANDS_FOR: Final = "90210"
_PLACE: Final = re.compile(rf"<mn>{_STANDS_FOR}(\d+)</mn>")
_FACTOR: Final = re.compile(r"\\(?!text|quad|cdot|end|right|,|;|!|\\)[A-Za-z]+")


def with_numbers(latex: str, numbers: Mapping[str, str]) -> str:
    r"""Return a formula in which each symbol is replaced by its number, itself LaTeX.

    Names in upright type (`\mathrm{sech}`, `\operatorname{erf}`) and commands are left alone, so that a parameter
    called `a` does not change `\max`. A number that multiplies what follows is set off by a dot.

    Examples:
        >>> print(with_numbers(r"x\,\sigma(\beta x)", {r"\beta": "1.5"}))
        x\,\sigma(1.5 \cdot x)
        >>> print(with_numbers(r"\max(0, x) + a\min(0, x)", {"a": "-0.5"}))
        \max(0, x) + (-0.5) \cdot \min(0, x)
    """
    tokens = _TOKEN.findall(latex)
    said = []
    for i, token in enumerate(tokens):
        if token not in numbers:
            said.append(token)
            continue
        following = next((t for t in tokens[i + 1 :] if not t.isspace()), "")
        multiplies = following.isalpha() or following == "(" or _FACTOR.match(following) is not None
        said.append(_in_place(numbers[token]) + (r" \cdot " if multiplies else ""))
    return "".join(said).replace(r"\cdot  ", r"\cdot ")


@lru_cache(maxsize=4096)
def mathml(latex: str) -> str:
    """Return LaTeX as a MathML element.

    A formula is converted once; with other numbers in the same places only these are exchanged, which at every drag of
    a control is most of what there is to do.
    """
    numbers = _NUMBER.findall(latex)
    places = iter(range(len(numbers)))
    shape = _converted(_NUMBER.sub(lambda _: f"{_STANDS_FOR}{next(places)}", latex))
    if _PLACE.findall(shape) != [str(place) for place in range(len(numbers))]:
        return _converted(latex)  # a number stands in a text, or somewhere else where it is none
    return _PLACE.sub(lambda found: f"<mn>{numbers[int(found[1])]}</mn>", shape)


@lru_cache(maxsize=1024)
def _converted(latex: str) -> str:
    return _RAISED_PRIME.sub(r'\1<mo lspace="0" rspace="0">&#x02032;</mo>', convert(latex))


def _in_place(number: str) -> str:
    return f"({number})" if number.startswith("-") or "times" in number else number
