"""The inks are the atlas' own."""

from __future__ import annotations

from tests.each import each

from slopes.recipes.compare import inks
from slopes.shown import palette, style


@each("name", ["LINES", "LABELS", "PAPER", "TEXT", "MUTED", "GRID", "ZERO", "WASH"])
def test_the_report_and_the_explorer_share_their_inks(name: str) -> None:
    assert getattr(inks, name) == getattr(palette, name)


def test_the_report_and_the_explorer_share_their_type() -> None:
    assert inks.SANS == style.SANS
    assert inks.SERIF == style.SERIF
