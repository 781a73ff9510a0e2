"""The maths font is cut to what formulas have, and to nothing less."""

from __future__ import annotations

import html
import io
import re
import subprocess
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont
from latex2mathml.converter import convert

from slopes.catalog import CATALOG
from slopes.explorer.book.chapter import article
from slopes.explorer.book.contents import CHAPTERS
from slopes.explorer.site import maths_font
from slopes.explorer.site.maths_font import CHARACTERS, MathsFont

MOST = 70_000  # bytes


def characters(page: str) -> set[str]:
    """Return what stands in the formulas of a page, without tags."""
    formulas = re.findall(r"<math.*?</math>", page, re.DOTALL)
    return set(html.unescape(re.sub(r"<[^>]*>", "", "".join(formulas)))) - {"\n"}


def test_every_character_of_a_formula_is_in_it() -> None:
    of_cards = (convert(text) for spec in CATALOG for text in (spec.formula, spec.slope) if text)
    of_chapters = (article(chapter) for chapter in CHAPTERS)
    found = characters("".join([*of_cards, *of_chapters]))
    assert len(found) > 80
    assert {c for c in found if ord(c) not in CHARACTERS} == set()


def test_it_is_small_sets_formulas_and_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = MathsFont(tmp_path).woff2()
    assert len(made) < MOST
    font = TTFont(io.BytesIO(made))
    assert font["MATH"].table.MathVariants.VertGlyphCount > 10  # brackets and sums that grow
    assert set(font.getBestCmap()) >= CHARACTERS
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("cut again"))
    assert MathsFont(tmp_path).woff2() == made
    assert [kept.name for kept in tmp_path.iterdir()] == [maths_font.name()]


def test_where_nothing_can_be_kept_it_is_made_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    done = subprocess.CompletedProcess([], 0, b"font", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    assert MathsFont(tmp_path / "file").woff2() == b"font"
