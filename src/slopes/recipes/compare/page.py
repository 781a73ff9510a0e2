"""The report: one HTML page that opens offline, its charts drawn by the Vega runtime that it carries."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from importlib.metadata import version
from typing import Any, Final

from slopes.recipes.compare import charts, conclusion, curves
from slopes.recipes.compare.comparison import Comparison
from slopes.recipes.compare.curves import Rows
from slopes.recipes.compare.digits import number
from slopes.recipes.compare.harm import described as harm
from slopes.recipes.compare.model import HIDDEN
from slopes.recipes.compare.splitting import described as splits
from slopes.recipes.compare.statistics import Interval
from slopes.recipes.compare.watched import NAMES
from slopes.shown import palette

_TASKS: Final = {
    "binary": "one label, yes or no",
    "multiclass": "one class of several",
    "multilabel": "several labels, each yes or no",
    "regression": "a number",
}
_SCRIPT: Final = """
const figures = JSON.parse(document.getElementById("figures").textContent);
const dark = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const button = document.getElementById("theme");
const theme = () => root.dataset.theme === "auto" ? (dark.matches ? "dark" : "light") : root.dataset.theme;
async function draw() {
  const now = theme();
  button.textContent = now === "dark" ? "On light paper" : "On dark paper";
  for (const place of document.querySelectorAll("[data-figure]")) {
    const options = { actions: false, renderer: "svg", tooltip: false };
    await vegaEmbed(place, figures[now][place.dataset.figure], options);
  }
  root.dataset.drawn = now;
}
button.addEventListener("click", () => { root.dataset.theme = theme() === "dark" ? "light" : "dark"; draw(); });
dark.addEventListener("change", draw);
addEventListener("beforeprint", () => { for (const d of document.querySelectorAll("details")) d.open = true; });
button.hidden = false;
draw();
"""


@dataclass(frozen=True)
class Figure:
    """A chart with its words and its numbers.

    Attributes:
        name: Its place on the page.
        title: What it shows.
        caption: How to read it.
        specifications: For each theme the chart as Vega-Lite.
        columns: Heads of the table behind it.
        rows: Cells of the table, the first of each row its head.
        small: Whether it is one of many small ones.
    """

    name: str
    title: str
    caption: str
    specifications: dict[str, dict[str, Any]]
    columns: Sequence[str]
    rows: Sequence[Sequence[str]] = field(default=())
    small: bool = False


def page(found: Comparison) -> str:
    """Return the report as one HTML page without a reference to anything outside of it."""
    figures = [_results(found), *_differences(found), _learning(found), *_corruption(found), *_rarity(found)]
    small = _calibration(found)
    drawn = {
        theme: {f.name: {**f.specifications[theme], "description": _described(f)} for f in (*figures, *small)}
        for theme in palette.PAPER
    }
    body = [
        *_head(found),
        f'<div class="figures">{"".join(map(_figure, figures))}</div>',
        _calibrations(found, small),
        _measures(found),
        _words(found),
        _method(found),
    ]
    return _document(conclusion.claim(found), "".join(body), drawn)


def _document(title: str, body: str, drawn: dict[str, Any]) -> str:
    import vl_convert  # noqa: PLC0415  it comes in with the report

    vega = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", r"<\/script")
    data = json.dumps(drawn, ensure_ascii=False, allow_nan=False).replace("<", r"\u003c")
    policy = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html><html lang="en" data-theme="auto"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)} · slopes compare</title><style>{_style()}</style></head>"
        f'<body><header class="running-head"><span class="mark">slopes</span><span>compare</span>'
        f'<button id="theme" type="button" hidden>On dark paper</button></header><main>{body}</main>'
        f'<footer class="colophon">Made by slopes {version("slopes")}. This page carries all it needs and asks for '
        f"nothing from anywhere.</footer>"
        f'<script id="figures" type="application/json">{data}</script>'
        f"<script>{vega}</script><script>{_SCRIPT}</script></body></html>\n"
    )


def _style() -> str:
    light, dark = palette.properties("light"), palette.properties("dark")
    written = resources.files("slopes.recipes.compare").joinpath("report.css").read_text("utf-8")
    auto = ':root[data-theme="auto"]'
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f':root[data-theme="dark"] {{ color-scheme: dark; {dark} }}\n'
        f"@media (prefers-color-scheme: dark) {{ {auto} {{ color-scheme: dark; {dark} }} }}\n{written}"
    )


def _head(found: Comparison) -> list[str]:
    data = found.data
    columns = len(data.number_names) + len(data.category_names)
    about = f" {escape(data.about)}" if data.about else ""
    target, task = ", ".join(data.target.names), _TASKS[data.target.task]
    lead = (
        f"<strong>{escape(data.name)}</strong>: {len(data):,} rows, {columns} feature{'s' if columns > 1 else ''}; "
        f"{escape(target)} {'are' if len(data.target.names) > 1 else 'is'} predicted, {task}.{about}"
    )
    return [
        f"<h1>{escape(conclusion.claim(found))}</h1>",
        f'<p class="lead">{lead}</p>',
        f'<p class="reading">{escape(conclusion.reading(found))}</p>',
    ]


def _results(found: Comparison) -> Figure:
    measure = found.decides
    rows, each = curves.results(found), curves.repetitions(found)
    way = "higher is better" if measure.better > 0 else "lower is better"
    return Figure(
        "results",
        f"{_capital(measure.label)} of each candidate",
        f"{_capital(measure.said)}; {way}. A tick is one repetition, the point their mean, the line its 95 % interval, "
        "cut where the measure ends.",
        {t: charts.intervals(rows, each, f"{measure.label} on test rows", t) for t in palette.PAPER},
        ("", "mean", "from", "to"),
        [_cells(row) for row in rows],
    )


def _differences(found: Comparison) -> list[Figure]:
    rows = curves.differences(found)
    if not rows:
        return []
    title = "Difference to the recommended candidate"
    caption = (
        f"On the same splits, so that what is hard for both cancels. Right of the line is better than "
        f"{found.recommended.said}; an interval that covers the line is noise. All intervals hold together with 95 %."
    )
    axis = f"{found.decides.label}, better →"
    drawn = {t: charts.intervals(rows, [], axis, t, zero=True) for t in palette.PAPER}
    return [Figure("differences", title, caption, drawn, ("", "better by", "from", "to"), [_cells(r) for r in rows])]


def _learning(found: Comparison) -> Figure:
    rows, task = curves.learning(found), found.data.target.task
    axis = {"regression": "MAE", "multilabel": "1 − macro F1"}.get(task, "error")
    squeezed = task != "regression"
    how = " The axis is a square root, so that small errors have room." if squeezed else ""
    steps = list(dict.fromkeys(row["step"] for row in rows))
    names = list(dict.fromkeys(row["candidate"] for row in rows))
    at = {(row["candidate"], row["step"]): row["error"] for row in rows}
    return Figure(
        "learning",
        "How fast each one learns",
        f"Error on validation rows along the training: {NAMES[task]}; the mean of the repetitions.{how}",
        {t: charts.learning(rows, axis, t, squeezed=squeezed) for t in palette.PAPER},
        ("step", *names),
        [(f"{step}", *(number(at.get((name, step))) for name in names)) for step in steps],
    )


def _corruption(found: Comparison) -> list[Figure]:
    rows = curves.corruption(found)
    if not found.plan.corrupted or not rows:
        return []
    caption = f"Of a corrupted row, {harm(found.data.target)}. Test rows are as they are."
    drawn = {t: charts.corruption(rows, found.decides.label, t) for t in palette.PAPER}
    shares = [f"{share:.0%}" for share in (0.0, *found.plan.corrupted)]
    return [Figure("corruption", "When labels are wrong", caption, drawn, ("", *shares), _wide(rows))]


def _rarity(found: Comparison) -> list[Figure]:
    rows = curves.rarity(found)
    if not rows:
        return []
    caption = "Rows of the rarest class are taken out of training and validation. Test rows are as they are."
    drawn = {t: charts.rarity(rows, found.decides.label, t) for t in palette.PAPER}
    ratios = dict.fromkeys(row["ratio"] for row in rows)
    return [Figure("rarity", "When one class is rare", caption, drawn, ("", *ratios), _wide(rows))]


def _calibration(found: Comparison) -> list[Figure]:
    regression = found.data.target.task == "regression"
    titles = ("predicted", "observed") if regression else ("predicted", "came true")
    made: list[Figure] = []
    for label, rows in curves.calibration(found).items():
        drawn = {t: charts.calibration(rows, t, unit=not regression, titles=titles) for t in palette.PAPER}
        cells = [(row["when"], *(number(row[k]) for k in ("predicted", "observed")), f"{row['rows']}") for row in rows]
        columns = ("calibration", *titles, "rows")
        made.append(Figure(f"calibration-{len(made)}", label, "", drawn, columns, cells, small=True))
    return made


def _calibrations(found: Comparison, figures: list[Figure]) -> str:
    regression = found.data.target.task == "regression"
    title = "Do predictions come true on average?" if regression else "Do probabilities come true?"
    caption = (
        "Test rows in ten bins of as many rows each: their mean prediction, and the mean of what came. On the "
        "diagonal both agree."
        if regression
        else "Test rows in ten bins of as many rows each. On the diagonal, of the rows that are said to be 80 % sure, "
        "80 % come true. Dashed is before calibration, solid after it."
    )
    return (
        f'<section><h2>{title}</h2><p class="caption">{caption}</p>'
        f'<div class="small-figures">{"".join(map(_figure, figures))}</div></section>'
    )


def _figure(figure: Figure) -> str:
    level = "h3" if figure.small else "h2"
    caption = f"<p>{escape(figure.caption)}</p>" if figure.caption else ""
    return (
        f"<figure><figcaption><{level}>{escape(figure.title)}</{level}>{caption}</figcaption>"
        f'<div class="plate" data-figure="{figure.name}"></div>'
        f"<details><summary>The numbers</summary>{_table(figure.title, figure.columns, figure.rows)}</details></figure>"
    )


def _described(figure: Figure) -> str:
    return f"{figure.title}. {figure.caption} The numbers stand in a table below."


def _table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(c)}</th>' if c else "<td></td>" for c in columns)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'
        for first, *cells in rows
    )
    return (
        f'<div class="table-wrap" role="region" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _measures(found: Comparison) -> str:
    rows = []
    for candidate in found.tried:
        cells = []
        for measure in found.measures:
            came = found.interval(candidate.name, measure.name)
            cells.append("–" if came is None else f"{number(came.mean)}{_between(came)}")
        rows.append((candidate.label, *cells))
    said = "".join(f"<li><strong>{escape(m.label)}</strong>: {escape(m.said)}</li>" for m in found.measures)
    columns = (
        "",
        *(f"{m.label} {'↑' if m.better > 0 else '↓' if m.better < 0 else ''}".strip() for m in found.measures),
    )
    return (
        "<section><h2>Every measure</h2><p class='caption'>Mean over the repetitions, on test rows and after "
        f"calibration, and its 95 % interval, cut where the measure ends. ↑ higher is better, ↓ lower is.</p>"
        f"{_table('Every measure', columns, rows)}"
        f"<details><summary>What the measures say</summary><ul>{said}</ul></details></section>"
    )


def _between(came: Interval) -> str:
    if came.low is None or came.high is None:
        return ""
    return f" ({number(came.low)} to {number(came.high)})"


def _words(found: Comparison) -> str:
    parts = [
        ("Why the rules choose it" if found.recommended.name == found.rules else "What the rules choose", found.why),
        ("What else was seen", conclusion.evidence(found)),
        ("What this cannot say", [*conclusion.limits(found), *found.refused]),
        ("About the data", found.data.notes),
    ]
    made = "".join(
        f"<section><h2>{title}</h2><ul>{''.join(f'<li>{_text(text)}</li>' for text in texts)}</ul></section>"
        for title, texts in parts
        if texts
    )
    return f'<div class="words">{made}</div>'


def _text(text: str) -> str:
    """Return a sentence as HTML: options and what stands in backticks as code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", re.sub(r"--[a-z-]+", r"<code>\g<0></code>", escape(text)))


def _method(found: Comparison) -> str:
    data, plan = found.data, found.plan
    own = found.recommended.code
    name = own.partition(".")[0]
    code = (
        f"from slopes.recipes import {name}\n\nrecipe = {own}\n"
        "model = nn.Sequential(body, recipe.head(width))\nloss = recipe.loss(model(x), y)        # in training\n"
        "recipe = recipe.calibrated(model(x_validation), y_validation)\nanswer = recipe.predict(model(x_new))"
    )
    return (
        f"<section><h2>The recommended recipe in Python</h2>"
        f'<pre tabindex="0"><code>{escape(code)}</code></pre></section>'
        f"<section><h2>How it was done</h2><p>{escape(splits(data))} Every candidate trains the same model, one hidden "
        f"layer of {HIDDEN} GELU units, with the same first weights and batches: {plan.steps} batches of 64 rows under "
        f"AdamW, the checkpoint kept whose own loss is least on 15 % of the training rows. Features are standardised, "
        f"and categories one-hot, by training rows alone. Temperature and thresholds come from validation rows; test "
        f"rows are looked at once. {len(found.outcomes)} trainings took {found.seconds:.0f} s.</p></section>"
    )


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return (row["candidate"], *(number(row[key]) for key in ("mean", "low", "high")))


def _wide(rows: Rows) -> list[tuple[str, ...]]:
    names = dict.fromkeys(row["candidate"] for row in rows)
    return [(name, *(number(row["mean"]) for row in rows if row["candidate"] == name)) for name in names]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
