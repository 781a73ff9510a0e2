"""The short version draws each function beside its name, and nothing else of the book is changed."""

from __future__ import annotations

import re

from slopes.catalog import CATALOG
from slopes.explorer.atlas.sparklines import with_sketches
from slopes.explorer.book.chapter import article
from slopes.explorer.book.contents import BY_ID


def test_every_function_with_a_drawing_is_drawn_in_its_row() -> None:
    body = with_sketches(article(BY_ID["short-version"]))
    rows = re.findall(r'<td class="drawn">(<svg.*?</svg>)?<a href="/functions/(\w+)">', body)
    assert {name for _, name in rows} == {spec.name for spec in CATALOG}
    assert {name for drawn, name in rows if not drawn} == {spec.name for spec in CATALOG if spec.kind == "tool"}
    assert len({drawn for drawn, _ in rows if drawn}) > 0.9 * sum(spec.kind != "tool" for spec in CATALOG)


def test_links_elsewhere_in_a_text_are_left_alone() -> None:
    body = '<p><a href="/functions/mse">mse</a></p><table><tr><td>of <a href="/functions/mse">mse</a></td></tr></table>'
    assert with_sketches(body) == body
