"""A figure in its present state as a file: PNG, SVG, CSV, or one HTML page that opens offline."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any, Final

from slopes._core.errors import OptionError
from slopes.explorer import palette
from slopes.explorer.schema import Page, Result, StateError, Table

if TYPE_CHECKING:
    import altair as alt

KINDS: Final = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
_WIDTH: Final = 460
_HEIGHT: Final = 300


def export(page: Page, result: Result, state: Sequence[tuple[str, str]], kind: str, theme: str) -> bytes:
    """Return the figure as a file of this kind.

    Args:
        page: The demonstration's page.
        result: What it shows.
        state: The pairs that say the state in a URL.
        kind: One of `KINDS`.
        theme: `"light"` or `"dark"`.
    """
    if kind == "csv":
        return _csv(result).encode()
    if kind == "html":
        return _html(page, result, state, theme).encode()
    import vl_convert  # noqa: PLC0415  the first page should not wait for it

    figure = specification(page, result, theme)
    if kind == "png":
        drawn: bytes = vl_convert.vegalite_to_png(figure, scale=2)
        return drawn
    return str(vl_convert.vegalite_to_svg(figure)).encode()


def drawn(name: str, state: Mapping[str, float | str | Sequence[str]], theme: str) -> alt.TopLevelMixin:
    """Return a figure in a state as an Altair chart.

    Raises:
        OptionError: There is no such figure or theme, or the state is none of its states.
    """
    import altair as alt  # noqa: PLC0415  the first page should not wait for it

    from slopes.explorer.demos import BY_ID  # noqa: PLC0415  PAGES imports schema, as this module does
    from slopes.explorer.loading import demonstration  # noqa: PLC0415  needs torch

    page = BY_ID.get(name)
    if page is None:
        near = difflib.get_close_matches(name, BY_ID, n=1)
        hint = f"did you mean {near[0]}?" if near else "choose one of these."
        text = f"figure: `name` is {name!r}, expected one of {', '.join(BY_ID)}; {hint}"
        raise OptionError(text)
    if theme not in palette.PAPER:
        text = f"figure: `theme` is {theme!r}, expected 'light' or 'dark'; choose one of these."
        raise OptionError(text)
    demo = demonstration(page)
    pairs = [(key, value if isinstance(value, str) else _said(value)) for key, value in state.items()]
    try:
        result = demo.compute(demo.parse(pairs))
    except StateError as error:
        text = f"figure: {name}: {error}"
        raise OptionError(text) from None
    chart: alt.TopLevelMixin = alt.Chart.from_dict(specification(page, result, theme))
    return chart


def _said(value: float | Sequence[str]) -> str:
    return repr(float(value)) if isinstance(value, int | float) else ",".join(value)


def specification(page: Page, result: Result, theme: str, *, only: str = "") -> dict[str, Any]:
    """Return all plates of a figure, or one, as one Vega-Lite chart with its data inside."""
    declared = page.charts(theme)
    captions = {name: label for name, _, label in page.plates}
    names = [name for name, _, _ in page.plates if not only or name == only]
    wide = page.wide or len(page.plates) == 1
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
        "datasets": {name: _rows(columns) for name, columns in result.datasets.items()},
        "concat": views,
        "columns": 1 if wide else 2,
        "spacing": 90,
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


def _rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    lists = {name: _plain(column) for name, column in columns.items()}
    names = list(lists)
    return [dict(zip(names, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _plain(column: Any) -> list[Any]:  # noqa: ANN401  a list, or a NumPy vector
    values = column.tolist() if hasattr(column, "tolist") else list(column)
    return [None if isinstance(v, float) and v - v != 0 else v for v in values]


def _csv(result: Result) -> str:
    """Return all datasets as one table, whose first column says which."""
    heads = list(dict.fromkeys(name for columns in result.datasets.values() for name in columns))
    out = io.StringIO()
    writer = csv.DictWriter(out, ["dataset", *heads], restval="", lineterminator="\n")
    writer.writeheader()
    for dataset, columns in result.datasets.items():
        for row in _rows(columns):
            writer.writerow({"dataset": dataset, **row})
    return out.getvalue()


def _html(page: Page, result: Result, state: Sequence[tuple[str, str]], theme: str) -> str:
    import vl_convert  # noqa: PLC0415  likewise

    from slopes.explorer.pages import asset  # noqa: PLC0415  pages lists the demonstrations, which this module serves

    figures = "".join(
        f"<figure>{vl_convert.vegalite_to_svg(specification(page, result, theme, only=name))}"
        f"<figcaption>{escape(label)}</figcaption></figure>"
        for name, _, label in page.plates
    )
    formulas = "".join(
        f'<div class="formula"><h2>{escape(f.label)}</h2><div>{f.mathml}</div></div>' for f in result.formulas
    )
    tables = "".join(f"<h2>{escape(t.title)}</h2>{_table(t)}" for t in (result.readings, *result.tables))
    said = "".join(f"<li>{escape(c.stated)} {escape(c.holds)}</li>" for c in result.corrections)
    corrections = f"<h2>Told otherwise elsewhere</h2><ul>{said}</ul>" if said else ""
    settings = ", ".join(f"{name} = {value}" for name, value in state)
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.claim)} · slopes</title><style>{_offline(asset('style.css').decode())}</style></head>"
        f'<body><main><h1>{escape(page.claim)}</h1><p class="lead">{escape(page.lead)}</p>'
        f'<div class="exported">{figures}</div><p class="reading">{escape(result.reading)}</p>'
        f'<section class="formulas">{formulas}</section>{tables}{corrections}'
        f"<h2>The same numbers in Python</h2><pre>{escape(result.snippet)}</pre>"
        f'<p class="colophon">Made by slopes; {escape(settings)}.</p></main></body></html>'
    )


def _apart(drawing: str, name: str) -> str:
    """Return a drawing whose names do not meet those of another on the same page."""
    return drawing.replace('id="', f'id="{name}-').replace("url(#", f"url(#{name}-")


def _offline(style: str) -> str:
    """Return a style sheet without what it would fetch."""
    return "\n".join(line for line in style.splitlines() if not line.startswith("@font-face"))


def _table(table: Table) -> str:
    made = table.as_json()
    head = "".join(f'<th scope="col">{escape(c)}</th>' if c else "<td></td>" for c in made["columns"])
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in made["rows"]
    )
    return f'<div class="table-wrap"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
