from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import altair as alt
import pytest
from tests.each import each

from slopes import OptionError
from slopes.catalog import find
from slopes.explorer.figures import drawing
from slopes.shown import charts, layout, palette, style


@each("theme", ["light", "dark"])
@each("quantity", ["value", "slope"])
def test_plates_are_valid_vega_lite(quantity: str, theme: str) -> None:
    assert "layer" in drawing.plate(quantity, theme).to_dict(validate=True)


def test_a_figure_has_value_solid_and_slope_dashed() -> None:
    chart = charts.function_chart(find("swish"), beta=2.0)
    assert isinstance(chart, alt.LayerChart)
    spec = chart.to_dict(validate=True)
    (lines,) = (layer for layer in spec["layer"] if layer["mark"]["type"] == "line")
    assert lines["encoding"]["strokeDash"]["scale"] == {"domain": ["value", "slope"], "range": [[1, 0], style.DASH]}


@each(("ending", "start"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_a_figure_is_written_offline(tmp_path: Path, ending: str, start: bytes) -> None:
    path = charts.save(charts.function_chart(find("gelu"), theme="dark"), tmp_path / f"gelu.{ending}")
    assert path.read_bytes().startswith(start)


def test_what_cannot_be_drawn_says_why(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="softmax does not map one number to one number"):
        charts.function_chart(find("softmax"))
    with pytest.raises(OptionError, match="swish has no option 'alpha'; it has beta: choose one"):
        charts.function_chart(find("swish"), alpha=1.0)
    with pytest.raises(OptionError, match="expected low below high; exchange them"):
        charts.function_chart(find("relu"), low=1.0, high=1.0)
    with pytest.raises(OptionError, match=r"gelu\.jpg ends in \.jpg, expected \.svg or \.png; call it gelu\.svg"):
        charts.save(charts.function_chart(find("gelu")), tmp_path / "gelu.jpg")


def test_labels_never_cover_each_other() -> None:
    heights = layout.spread([1.0, 1.0, 1.0, 0.99, 5.0], 0.0, 5.0)
    ordered = sorted(heights)
    assert all(b - a > 0.25 for a, b in pairwise(ordered))
    assert layout.spread([3.0, 1.0], 0.0, 5.0) == [3.0, 1.0]


def contrast(one: str, other: str) -> float:
    """The contrast of WCAG 2, from its definition."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@each("theme", ["light", "dark"])
def test_lines_and_labels_stand_out(theme: str) -> None:
    paper = palette.PAPER[theme]
    assert all(contrast(ink, paper) >= 3 for ink in palette.LINES[theme])
    assert all(contrast(ink, paper) >= 4.5 for ink in palette.LABELS[theme])
    assert all(
        contrast(ink, paper) >= 4.5 for ink in (palette.TEXT[theme], palette.MUTED[theme], palette.WARNING[theme])
    )
