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
_TAG: Final = re.compile(r"<(/?)[a-z]+[^>]*?(/?)>")
_ROW: Final = re.compile(r"(<math\b[^>]*>)<mrow>(.*)</mrow></math>", re.DOTALL)
_SIGN: Final = re.compile(r"<mo>(&#x[0-9A-F]{5};|.)</mo>")
_WIDE: Final = ('<mspace width="1em"', '<mspace width="2em"')  # no thin space, which holds a factor to the next
_OPENS: Final = re.compile(r'<mo stretchy="false">(?:&#x00028;|\[)</mo>')
_CLOSES: Final = re.compile(r'(?:<msu[bp]>|<msubsup>)?<mo stretchy="false">(?:&#x00029;|\])</mo>')
# A line may end before =, <, > and their kin, and before +, − and the dot of a product between two terms,
# and between two factors in parentheses.
_RELATIONS: Final = frozenset(f"&#x{code:05X};" for code in (0x3C, 0x3D, 0x3E, 0x2248, 0x2264, 0x2265, 0x226A, 0x226B))
_BETWEEN: Final = frozenset(f"&#x{code:05X};" for code in (0x2B, 0x2212, 0xB7))
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
    """Return LaTeX as MathML: one element, or several in a row where a line may end between them.

    A browser does not break a formula; what is wider than a phone would be cut. A formula is converted once; with
    other numbers in the same places only these are exchanged, which at every drag of a control is most of what there
    is to do.
    """
    numbers = _NUMBER.findall(latex)
    places = iter(range(len(numbers)))
    shape = _breakable(_converted(_NUMBER.sub(lambda _: f"{_STANDS_FOR}{next(places)}", latex)))
    if _PLACE.findall(shape) != [str(place) for place in range(len(numbers))]:
        return _breakable(_converted(latex))  # a number stands in a text, or somewhere else where it is none
    return _PLACE.sub(lambda found: f"<mn>{numbers[int(found[1])]}</mn>", shape)


@lru_cache(maxsize=1024)
def _converted(latex: str) -> str:
    return _RAISED_PRIME.sub(r'\1<mo lspace="0" rspace="0">&#x02032;</mo>', convert(latex))


@lru_cache(maxsize=1024)
def _breakable(shape: str) -> str:
    whole = _ROW.fullmatch(shape)
    if whole is None:
        return shape
    pieces: list[list[str]] = [[]]
    inside = 0
    for part in _parts(whole[2]):
        if inside == 0 and pieces[-1] and _may_start_a_line(part, pieces[-1]):
            pieces.append([])
        pieces[-1].append(part)
        inside += (_OPENS.fullmatch(part) is not None) - (_CLOSES.match(part) is not None)
    return "".join(f"{whole[1]}<mrow>{_signed(piece)}</mrow></math>" for piece in pieces)


def _parts(row: str) -> list[str]:
    """Return the elements side by side in a row."""
    parts, depth, start = [], 0, 0
    for tag in _TAG.finditer(row):
        depth += 0 if tag[2] else -1 if tag[1] else 1
        if depth == 0:
            parts.append(row[start : tag.end()])
            start = tag.end()
    return parts


def _may_start_a_line(part: str, before: list[str]) -> bool:
    if before[-1].startswith(_WIDE) and not part.startswith("<mspace"):
        return True
    if _OPENS.fullmatch(part) and _CLOSES.match(before[-1]):
        return True
    sign = _SIGN.fullmatch(part)
    if sign is None:
        return False
    return sign[1] in _RELATIONS or (sign[1] in _BETWEEN and _SIGN.fullmatch(before[-1]) is None)


def _signed(piece: list[str]) -> str:
    """Return a piece whose first sign keeps the space of one that stands between two terms."""
    sign = _SIGN.fullmatch(piece[0])
    if sign is not None and sign[1] in _RELATIONS | _BETWEEN:
        piece = [piece[0].replace("<mo>", '<mo form="infix">'), *piece[1:]]
    return "".join(piece)


def _in_place(number: str) -> str:
    return f"({number})" if number.startswith("-") or "times" in number else number
