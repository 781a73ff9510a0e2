"""A figure in its present state as a file: PNG, SVG, CSV, or one HTML page that opens offline."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from html import escape
from typing import Final

from slopes.explorer.figures import standalone
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.result import Result, Table
from slopes.explorer.figures.standalone import rows, specification
from slopes.explorer.site.pages import asset

KINDS: Final = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}


def export(page: Page, result: Result, state: Sequence[tuple[str, str]], kind: str, theme: str) -> bytes:
    """Return the figure as a file of this kind.

    Args:
        page: The figure's page.
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


def _html(page: Page, result: Result, state: Sequence[tuple[str, str]], theme: str) -> str:
    import vl_convert  # noqa: PLC0415  likewise

    figures = "".join(
        f"<figure>{vl_convert.vegalite_to_svg(specification(page, result, theme, only=name))}"
        f"<figcaption>{escape(label)}</figcaption></figure>"
        for name, _, label in page.plates
    )
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
        f'<div class="exported">{figures}</div><p class="reading">{escape(result.reading)}</p>'
        f'<section class="formulas">{formulas}</section>{tables}{corrections}'
        f"<h2>The same numbers in Python</h2><pre>{escape(result.snippet)}</pre>"
        f'<p class="colophon">Made by slopes; {escape(settings)}.</p></main></body></html>'
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
