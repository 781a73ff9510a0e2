"""Formulas are converted once and their numbers exchanged; what comes out must be what conversion alone gives."""

from __future__ import annotations

import html
import re

from latex2mathml.converter import convert
from tests.each import each

from slopes.catalog import CATALOG
from slopes.explorer.figures import mathml as conversion
from slopes.explorer.figures.mathml import mathml

CATALOGUED = [latex for spec in CATALOG for latex in (spec.formula, spec.slope) if latex]
HAZARDS = [
    r"\tfrac12 x^2 + 3 x_1^{12} - 2 \cdot 10^{-5}",
    r"\frac12 + \frac1{12} + \frac{3}{4}",
    r"a_{12} + 0.5\,b - 0.5\,c",
    r"\begin{cases} 2x & x > 0 \\[2pt] 0.1 & x < 3 \end{cases}",
    r"x^2 3 + x_1 4",
    r"\sqrt[3]{2} + \sqrt2",
    r"12.5.3",
    r"90210 + 902101 - 9021",
    r"\text{of } 12 \text{ points, 90 of 100}",
    r"\hat y = -0.0985\,x + 4.31,\quad \tfrac{1}{12} \sum_i 1.5",
]


@each("latex", [*CATALOGUED, *HAZARDS])
def test_exchanged_numbers_look_like_converted_ones(latex: str) -> None:
    other = conversion._NUMBER.sub("7.25", latex)
    mathml(other)  # the shape is known before the numbers come
    raised = conversion._RAISED_PRIME.sub(r'\1<mo lspace="0" rspace="0">&#x02032;</mo>', convert(latex))
    assert mathml(latex) == conversion._breakable(raised)


@each("latex", [*CATALOGUED, *HAZARDS])
def test_a_formula_that_may_break_says_the_same(latex: str) -> None:
    whole = re.compile(r"</mrow></math><math\b[^>]*><mrow>")
    assert whole.sub("", mathml(latex)).replace('<mo form="infix">', "<mo>") == conversion._converted(latex)


@each(
    ("latex", "starts"),
    [
        (r"\ell = -\log(1 - 0.03) = 3.5", ["ℓ", "=", "="]),
        (r"0.7 \log 2 + 0.2 - 0.1 > 0,\quad x < 4", ["0.7", "+", "−", ">", "x", "<"]),
        (r"(1 - p)^2 (2 - p) \cdot 3", ["(", "(", "·"]),
        (r"\max(0, m - d)^2", ["max"]),
        (r"\left(\frac{a = b}{c + d}\right)^2 + x", ["(", "+"]),
        (r"-x = -(-2)", ["−", "="]),
    ],
)
def test_lines_end_before_what_joins_two_terms(latex: str, starts: list[str]) -> None:
    pieces = mathml(latex).split("</math>")[:-1]
    assert [html.unescape(re.findall(r">([^<>]+)<", piece)[0]) for piece in pieces] == starts


def test_other_numbers_need_no_other_conversion() -> None:
    mathml(r"\ell(1.25) = 1.25^2 = 1.5625")
    before = conversion._converted.cache_info().misses
    assert "<mn>10.24</mn>" in mathml(r"\ell(3.2) = 3.2^2 = 10.24")
    assert conversion._converted.cache_info().misses == before
