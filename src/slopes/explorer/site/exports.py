"""A figure in its present state as a file: PNG, SVG, CSV, or one HTML page that opens offline."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from importlib.metadata import version
from textwrap import wrap
from typing import Final

from slopes.explorer.figures import standalone
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.result import Result, Table
from slopes.explorer.figures.standalone import rows, specification
from slopes.explorer.figures.state import query
from slopes.explorer.site.frames import Along, drawn, holder, scripts
from slopes.explorer.site.pages import asset
from slopes.shown import palette

KINDS: Final = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}


def export(page: Page, moves: Along, results: Sequence[Result], kind: str, theme: str) -> bytes:
    """Return the figure as a file of this kind.

    Args:
        page: The figure's page.
        moves: The states that an HTML file moves through; the others show where it starts.
        results: What the figure shows in each of them.
        kind: One of `KINDS`.
        theme: `"light"` or `"dark"`.
    """
    result, state = results[moves.start], query(moves.states[moves.start])
    if kind == "csv":
        return _csv(result).encode()
    if kind == "html":
        return _html(page, moves, results, theme).encode()
    import vl_convert  # noqa: PLC0415  the first page should not wait for it

    figure = {**specification(page, result, theme), "title": _title(page, state, theme)}
    if kind == "png":
        drawn: bytes = vl_convert.vegalite_to_png(figure, scale=2)
        return drawn
    return str(vl_convert.vegalite_to_svg(figure)).encode()


def _title(page: Page, state: Sequence[tuple[str, str]], theme: str) -> dict[str, object]:
    """Return what a picture says of itself: the claim, the state, and where it comes from."""
    from slopes.shown.style import SERIF  # noqa: PLC0415  with Altair, which the first page should not wait for

    inks = {"color": palette.TEXT[theme], "subtitleColor": palette.MUTED[theme]}
    said = [*_lines(state), f"slopes {version('slopes')}, /{page.id}"]
    return {
        "text": page.claim,
        "subtitle": said,
        "anchor": "start",
        "font": SERIF,
        "fontSize": 18,
        "offset": 16,
        **inks,
    }


def _lines(state: Sequence[tuple[str, str]]) -> list[str]:
    return wrap(", ".join(f"{name} = {value}" for name, value in state), 120)


def picture(page: Page, result: Result, theme: str) -> bytes:
    """Return a small picture of a figure's first chart, as SVG."""
    import vl_convert  # noqa: PLC0415  likewise

    return str(vl_convert.vegalite_to_svg(standalone.picture(page, result, theme))).encode()


def _csv(result: Result) -> str:
    """Return all datasets as one table, whose first column says which."""
    heads = list(dict.fromkeys(name for columns in result.datasets.values() for name in columns))
    out = io.StringIO()
    writer = csv.DictWriter(out, ["dataset", *heads], restval="", lineterminator="\n")
    writer.writeheader()
    for dataset, columns in result.datasets.items():
        for row in rows(columns):
            writer.writerow({"dataset": dataset, **row})
    return out.getvalue()


def _html(page: Page, moves: Along, results: Sequence[Result], theme: str) -> str:
    result, state = results[moves.start], query(moves.states[moves.start])
    charts = [name for name, _, _ in page.plates]
    made = drawn(page, charts, moves, results, theme)
    figures = holder(page, charts, moves, made, 0)
    formulas = "".join(
        f'<div class="formula"><h2>{escape(f.label)}</h2><div>{f.mathml}</div></div>' for f in result.formulas
    )
    tables = "".join(f"<h2>{escape(t.title)}</h2>{_table(t)}" for t in (result.readings, *result.tables))
    said = "".join(f"<li><q>{escape(c.stated)}</q> {escape(c.holds)}</li>" for c in result.corrections)
    corrections = f"<h2>Told otherwise elsewhere</h2><ul>{said}</ul>" if said else ""
    settings = ", ".join(f"{name} = {value}" for name, value in state)
    return (
        f'<!doctype html><html lang="en" data-theme="{theme}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.claim)} · slopes</title><style>{offline_style('style.css')}</style></head>"
        f'<body><main><h1>{escape(page.claim)}</h1><p class="lead">{escape(page.lead)}</p>'
        f'<div class="exported">{figures}</div>'
        f'<section class="formulas">{formulas}</section>{tables}{corrections}'
        f"<h2>The same numbers in Python</h2><pre>{escape(result.snippet)}</pre>"
        f'<p class="colophon">Made by slopes {version("slopes")}; {escape(settings)}.</p></main>'
        f"{scripts([made])}</body></html>"
    )


def offline_style(name: str) -> str:
    """Return a style sheet without what it would fetch."""
    return "\n".join(line for line in asset(name).decode().splitlines() if not line.startswith("@font-face"))


def _table(table: Table) -> str:
    made = table.as_json()
    head = "".join(f'<th scope="col">{escape(c)}</th>' if c else "<td></td>" for c in made["columns"])
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in row[1:])}</tr>'
        for row in made["rows"]
    )
    return f'<div class="table-wrap"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
