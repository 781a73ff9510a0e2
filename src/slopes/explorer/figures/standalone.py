"""A figure in its present state as one Vega-Lite chart that stands alone, its data and its numbers inside."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from slopes.explorer.figures.page import Page
from slopes.explorer.figures.result import Result
from slopes.shown import palette

_WIDTH: Final = 460
_HEIGHT: Final = 300
PICTURE: Final = (400, 240)  # width and height of a small picture


def specification(page: Page, result: Result, theme: str, *, only: str = "") -> dict[str, Any]:
    """Return all plates of a figure, or one, as one Vega-Lite chart with its data inside."""
    declared = page.charts(theme)
    captions = {name: label for name, _, label in page.plates}
    names = [name for name, _, _ in page.plates if not only or name == only]
    wide = len(page.plates) == 1
    views, config = [], {}
    for name in names:
        chart = dict(declared[name])
        config = chart.pop("config", {})
        aspect = chart.pop("usermeta", {}).get("aspect")
        for outer in ("padding", "autosize", "$schema", "params", "background", "datasets"):
            chart.pop(outer, None)
        width = aspect * _HEIGHT if aspect else 2 * _WIDTH if wide else _WIDTH
        size = {"width": width, "height": _HEIGHT}
        views.append({**_with_numbers(chart, _signals(declared[name], result)), **size, "title": captions[name]})
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v6.json",
        "background": palette.PAPER[theme],
        "padding": 16,
        "config": config,
        "datasets": {name: rows(columns) for name, columns in result.datasets.items()},
        "concat": views,
        "columns": 1 if wide else 2,
        "spacing": 90,
    }


def picture(page: Page, result: Result, theme: str) -> dict[str, Any]:
    """Return a figure's first plate, small and without words around it, with the data that it draws inside."""
    name, *_ = page.plates[0]
    chart = dict(page.charts(theme)[name])
    aspect = chart.pop("usermeta", {}).get("aspect")
    padding = chart["padding"]
    width = PICTURE[0] - padding["left"] - padding["right"]
    height = PICTURE[1] - padding["top"] - padding["bottom"]
    if aspect:
        width, height = min(width, height * aspect), min(height, width / aspect)
        padding = {**padding, "right": PICTURE[0] - padding["left"] - width}
    drawn = set(re.findall(r'"data": \{"name": "(\w+)"\}', json.dumps(chart)))
    return {
        **chart,
        "width": width,
        "height": height,
        "padding": padding,
        "params": [{**p, "value": result.signals.get(p["name"], p["value"])} for p in chart.get("params", [])],
        "datasets": {name: rows(columns) for name, columns in result.datasets.items() if name in drawn},
    }


def _signals(chart: dict[str, Any], result: Result) -> dict[str, Any]:
    declared = {param["name"]: param.get("value") for param in chart.get("params", [])}
    return {**declared, **result.signals}


def _with_numbers(part: Any, numbers: dict[str, Any]) -> Any:  # noqa: ANN401  JSON of any shape
    """Return a chart in which each named number stands in place of its name; views side by side share one scope."""
    if isinstance(part, dict):
        if set(part) == {"expr"} and part["expr"] in numbers:
            return numbers[part["expr"]]
        return {key: _with_numbers(value, numbers) for key, value in part.items()}
    if isinstance(part, list):
        return [_with_numbers(value, numbers) for value in part]
    return part


def rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Return columns as rows, for a chart or a table that takes them one by one."""
    lists = {name: _plain(column) for name, column in columns.items()}
    names = list(lists)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _plain(column: Any) -> list[Any]:  # noqa: ANN401  a list, or a NumPy vector
    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return [None if isinstance(v, float) and v - v != 0 else v for v in values]
