"""The decision page as HTML, before torch is there."""

from __future__ import annotations

from html import escape
from typing import Final

from slopes.explorer.choose import orders, sources
from slopes.explorer.choose.listings import shown
from slopes.explorer.choose.pairs import GROUPS, Pair

_FILES: Final = ",".join(sources.SUFFIXES)
_MEBIBYTES: Final = sources.LARGEST // 2**20


def body() -> str:
    """Return the page's body."""
    contents = "".join(f'<li><a href="#{_anchor(title)}">{escape(title)}</a></li>' for title, _ in GROUPS)
    groups = "".join(
        f'<section class="choice" aria-labelledby="{_anchor(title)}"><h2 id="{_anchor(title)}">{escape(title)}</h2>'
        f"{''.join(_entry(pair) for pair in pairs)}</section>"
        for title, pairs in GROUPS
    )
    return (
        '<link rel="stylesheet" href="/page/choosing.css">'
        '<script type="module" src="/page/choosing.js"></script>'
        "<h1>What is your model to say?</h1>"
        '<p class="lead">From the task, or from a file of data, to the last layer and its loss, and why these two '
        "belong together.</p>"
        '<nav class="contents" aria-label="On this page"><ul><li><a href="#your-data">From your data</a></li>'
        f"{contents}</ul></nav>{_data()}{groups}"
    )


def _anchor(title: str) -> str:
    return title.lower().replace(" ", "-")


def _entry(pair: Pair) -> str:
    losses = ", ".join(f'<a href="/functions/{name}">{name}</a>' for name in pair.losses)
    label = escape(f"See it: {pair.task}")
    figure = f'<p><a href="/{pair.figure}" aria-label="{label}">See it</a></p>' if pair.figure else ""
    task = f'<h3>{escape(pair.task)}</h3><p class="use">{escape(pair.example)}</p>{figure}'
    return (
        f'<article class="pair" id="{_anchor(pair.task).replace(",", "").replace(":", "")}"><div>{task}</div>'
        f"<div><dl><dt>Head</dt><dd>{escape(pair.head)}</dd><dt>Loss</dt><dd>{losses}</dd>"
        f"<dt>Why</dt><dd>{escape(pair.why)}</dd><dt>Not</dt><dd>{escape(pair.instead)}</dd></dl>"
        f"{_python(pair)}</div></article>"
    )


def _python(pair: Pair) -> str:
    named = f"<code>recipes.{pair.recipe}</code>: the recipe, and its Python" if pair.recipe else "In Python"
    asked = f' data-recipe="{pair.snippet}"' if pair.recipe else ""
    region = f'tabindex="0" role="region" aria-label="{escape(f"Python: {pair.task}")}"'
    return (
        f'<details class="python"{asked}><summary>{named}</summary>'
        f'<div class="code"><pre {region}>{escape(shown()[pair.snippet])}</pre>'
        f'<button type="button" class="quiet" data-copy aria-label="Copy: {escape(pair.task)}">Copy</button></div>'
        f"</details>"
    )


def _data() -> str:
    """The part that takes data; choosing.js fills it."""
    return (
        '<section class="choice data" aria-labelledby="your-data"><h2 id="your-data">From your data</h2>'
        '<p class="lead">Pick what is to be predicted, and see which recipe the column asks for. Files stay on this '
        "machine: they go to the explorer that runs on it, into a folder that is removed with it.</p>"
        '<form class="source" data-part="source">'
        '<p><label for="set">A set that comes along</label>'
        '<select id="set"><option value="">Choose a set</option></select></p>'
        '<p><label for="file">Or a file of yours</label>'
        f'<input type="file" id="file" accept="{_FILES}" data-most="{sources.LARGEST}" aria-describedby="file-help">'
        f'<span class="help" id="file-help">CSV or TSV with a line of names, or Parquet; at most {_MEBIBYTES} MiB'
        "</span></p>"
        '<p><label for="target">To be predicted</label>'
        '<select id="target" disabled><option value="">Choose a column</option></select></p>'
        '</form><div class="problem" data-part="problem" role="alert" hidden></div>'
        '<div data-part="about"></div><div data-part="options" hidden></div>'
        '<div class="verdict" data-part="verdict" role="region" aria-label="What the target asks for" hidden></div>'
        f"{_comparison()}"
        '<p class="visually-hidden" data-part="live" role="status"></p>'
        "<noscript><p>This part needs JavaScript; the command line does the same: "
        "<code>slopes compare FILE --target COLUMN</code>.</p></noscript></section>"
    )


def _comparison() -> str:
    def number(name: str, label: str, value: int, most: int) -> str:
        field = f'<input type="number" id="{name}" min="1" max="{most}" step="1" value="{value}" required>'
        return f'<p><label for="{name}">{label}</label>{field}</p>'

    def tick(name: str, label: str) -> str:
        return f'<p><label class="tick"><input type="checkbox" id="{name}"> {label}</label></p>'

    return (
        '<section class="comparison" data-part="comparison" aria-label="Compare" hidden><h3>See it on these data</h3>'
        "<p>Train the same small model under each loss that fits, several times over, and compare.</p>"
        '<form data-part="order">'
        f"{number('seeds', 'Repetitions', orders.SEEDS, orders.MOST_SEEDS)}"
        f"{number('steps', 'Steps of training', orders.STEPS, orders.MOST_STEPS)}"
        f"{tick('harm', 'Also with wrong labels and rare classes')}"
        f"{tick('wrong', 'Also pairs that do not belong together')}"
        '<p class="act"><button type="submit" data-part="start">Compare on this machine</button>'
        '<button type="button" data-part="stop" hidden>Stop</button></p></form>'
        '<p class="problem" data-part="obstacle" hidden></p>'
        '<div class="progress" data-part="progress" hidden><progress aria-label="Trainings done"></progress>'
        "<span></span></div>"
        '<div data-part="outcome"></div>'
        '<p class="help">The same in a terminal</p>'
        '<div class="code"><pre data-part="command" tabindex="0" role="region" aria-label="Command line"></pre>'
        '<button type="button" class="quiet" data-copy aria-label="Copy the command">Copy</button></div></section>'
    )
