"""A chapter's Markdown as HTML: plates beside the text, questions, derivations, terms, numbers that a test computes.

Beside CommonMark and `$formulas$` a chapter has these:

    :::: figure cross-entropy?p=0.01 charts=loss controls=p     the text up to the closing ::::, beside this plate
    ::: predict dearer                                          a question, by its id; closed by :::
    ::: derive pull                                             a derivation, by its id
    ::: misconception  /  ::: recap                             what people say and what holds; what to keep
    [logit](term:logit)                                         a word of the glossary, explained where it stands
    [at one per cent](set:p=0.01)                               sets the plate
    [4.61](number:surprise(0.01))                               a number, and the Python that a test holds it to
    ```python scratch EXPRESSION                                code that prints what the expression is
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Any, Final
from urllib.parse import unquote

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from mdit_py_plugins.container import container_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin

from slopes.explorer.book.answers import Guess, Pick, Rank
from slopes.explorer.book.by_hand import Place, Sketch
from slopes.explorer.book.derivation import Derivation
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.book.glossary import glossary
from slopes.explorer.figures.contents import BY_ID
from slopes.explorer.figures.mathml import mathml

_SCHEMES: Final = ("term", "set", "number")
_WRAPPED: Final = '<div class="table-wrap" tabindex="0" role="group" aria-label="Table">'


@dataclass(frozen=True)
class Plate:
    """A figure beside a text: in which state, which of its charts, and what can be moved."""

    figure: str
    state: str
    charts: tuple[str, ...]
    controls: tuple[str, ...]


@dataclass(frozen=True)
class Made:
    """What a chapter's text may name.

    Attributes:
        chapter: Its id.
        exercises: Its questions.
        derivations: Its derivations.
        still: What stands beside the text where no server is, for a plate; None where one is.
    """

    chapter: str
    exercises: Mapping[str, Exercise]
    derivations: Mapping[str, Derivation]
    still: Callable[[Plate], str] | None = None


def plate(info: str) -> Plate:
    """Return the plate that a directive names."""
    _, address, *rest = info.split()
    figure, _, state = address.partition("?")
    said = dict(part.split("=", 1) for part in rest)
    every = tuple(name for name, _, _ in BY_ID[figure].plates)
    charts = tuple(said["charts"].split(",")) if "charts" in said else every[:1]
    controls = tuple(said["controls"].split(",")) if "controls" in said else ()
    return Plate(figure, state, charts, controls)


def rendered(text: str, made: Made) -> str:
    """Return a chapter's body."""
    html: str = _markdown().render(text, {"made": made, "numbered": {}})
    return html


@cache
def _markdown() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False, "typographer": True}).enable(["table", "smartquotes"])
    made.use(dollarmath_plugin, allow_digits=False, allow_space=True, renderer=_formula)
    for name, opens, closes in (
        ("figure", _figure, "</div></section>"),
        ("predict", _predict, ""),
        ("derive", _derive, ""),
        ("misconception", lambda *_: '<div class="misconception" role="note">', "</div>"),
        ("recap", lambda *_: '<section class="recap" aria-label="Recap"><h2>To keep</h2>', "</section>"),
    ):
        made.use(container_plugin, name=name, render=_both(opens, closes))
    made.add_render_rule("link_open", _link_open)
    made.add_render_rule("link_close", _link_close)
    made.add_render_rule("fence", _fence)
    made.add_render_rule("table_open", lambda *_: f"{_WRAPPED}<table>")
    made.add_render_rule("table_close", lambda *_: "</table></div>")
    made.validateLink = lambda url: not url.lower().startswith(("javascript:", "data:", "vbscript:"))  # type: ignore[method-assign]
    return made


def inline(text: str) -> str:
    """Return one line of Markdown as HTML, without a paragraph around it."""
    html: str = _markdown().renderInline(text, {"made": Made("", {}, {}), "numbered": {}})
    return html


def _formula(latex: str, options: dict[str, Any]) -> str:
    made = mathml(latex)
    if not options.get("display_mode"):
        return f'<span class="inline-formula">{made}</span>'
    return f'<div class="display-formula" tabindex="0" role="group" aria-label="Formula">{made}</div>'


Opens = Callable[[str, dict[str, Any]], str]


def _both(opens: Opens, closes: str) -> Callable[..., str]:
    def render(_: RendererHTML, tokens: Sequence[Token], place: int, __: Any, env: dict[str, Any]) -> str:  # noqa: ANN401
        token = tokens[place]
        return opens(token.info.strip(), env) if token.nesting == 1 else closes

    return render


def _figure(info: str, env: dict[str, Any]) -> str:
    beside = plate(info)
    page = BY_ID[beside.figure]
    env["plates"] = env.get("plates", 0) + 1
    name = f"{page.short}, plate {env['plates']}"
    still = env["made"].still
    inside = still(beside) if still else live(beside, name)
    return (
        f'<section class="spread-page"><aside class="beside" aria-label="{escape(name)}">{inside}</aside>'
        '<div class="words">'
    )


def live(beside: Plate, name: str, caption: str = "") -> str:
    """Return a plate that moves; without a caption its charts have their own."""
    page = BY_ID[beside.figure]
    charts = "".join(
        f'<figure><figcaption>{caption or own}</figcaption><div class="plate" data-chart="{escape(chart)}" '
        f'data-label="{escape(label)}"></div></figure>'
        for chart, own, label in page.plates
        if chart in beside.charts
    )
    query = escape(f"?{beside.state}" if beside.state else "")
    described = escape(" ".join(f"{label}." for name, _, label in page.plates if name in beside.charts))
    return (
        f'<article class="figure embedded" data-figure="{page.id}" data-state="{escape(beside.state)}" '
        f'data-shown="{escape(",".join(beside.controls))}"><div class="beside-charts">{charts}</div>'
        '<div class="steps" data-part="steps" role="group" aria-label="Movement" hidden></div>'
        f'<form class="controls" data-part="controls" aria-label="Controls of {escape(name)}"></form>'
        '<p class="reading" data-part="reading"></p>'
        '<div data-part="problems" role="alert"></div>'
        f'<p class="onward"><a data-part="apart" href="/{page.id}{query}">Take it apart</a>'
        '<button type="button" class="quiet" data-part="reset" hidden>Reset</button></p>'
        '<p class="visually-hidden" data-part="live" role="status"></p>'
        f'<noscript><p><img src="/export/{page.id}.svg{query}" alt="{described}"></p></noscript>'
        "</article>"
    )


def _predict(info: str, env: dict[str, Any]) -> str:
    made: Made = env["made"]
    exercise = made.exercises[info.split()[1]]
    count = env["numbered"].setdefault(exercise.id, len(env["numbered"]) + 1)
    name = f"{made.chapter}-{exercise.id}"
    if made.still:
        return (
            f'<section class="predict" id="{name}"><h3>Predict <span class="count">{count}</span></h3>'
            f'<p class="question">{inline(exercise.question)}</p>{_choices(exercise)}'
            f"<details><summary>The answer</summary><p>{_solved(exercise)}</p></details></section>"
        )
    hint = f'<details class="hint"><summary>A hint</summary><p>{inline(exercise.hint)}</p></details>'
    asked = escape(json.dumps(exercise.asked()))
    return (
        f'<section class="predict" id="{name}" data-exercise="{made.chapter}/{exercise.id}" '
        f'data-kind="{exercise.kind}" data-asked="{asked}" aria-labelledby="{name}-question">'
        f'<h3>Predict <span class="count">{count}</span></h3>'
        f'<p class="question" id="{name}-question">{inline(exercise.question)}</p>'
        f'<form>{_inputs(exercise, name)}<button type="submit">{_VERBS.get(exercise.kind, "Check")}</button></form>'
        f'{hint if exercise.hint else ""}<div class="verdict" data-part="verdict" role="status"></div>'
        f"<noscript><details><summary>The answer</summary><p>{_solved(exercise)}</p></details></noscript></section>"
    )


_VERBS: Final = {"reach": "Check the plate", "guess": "Reveal"}


def _inputs(exercise: Exercise, name: str) -> str:
    if isinstance(exercise, Guess):
        before = "<span>10 to the power of</span>" if exercise.power else ""
        unit = f"<span>{escape(exercise.unit)}</span>" if exercise.unit else ""
        return (
            f'<label class="given">{before}<input type="text" inputmode="text" name="answer" autocomplete="off" '
            f'aria-labelledby="{name}-question" size="8">{unit}</label>'
        )
    if isinstance(exercise, Pick):
        mark = "lines" if exercise.lines else "options"
        options = "".join(
            f'<label><input type="radio" name="answer" value="{i}"><span>{inline(option.label)}</span></label>'
            for i, option in enumerate(exercise.options)
        )
        return f'<fieldset class="{mark}"><legend class="visually-hidden">Answers</legend>{options}</fieldset>'
    if isinstance(exercise, Rank):
        items = "".join(
            f'<li data-place="{i}"><span>{inline(label)}</span><span class="value"></span>'
            f'<button type="button" data-by="-1" aria-label="Move up">↑</button>'
            f'<button type="button" data-by="1" aria-label="Move down">↓</button></li>'
            for i, (label, _) in enumerate(exercise.items)
        )
        return f'<ol class="ranking" aria-label="From the greatest to the least">{items}</ol>'
    if isinstance(exercise, Sketch | Place):
        return '<div class="drawn-by-hand" data-part="drawing"></div>'
    return ""


def _choices(exercise: Exercise) -> str:
    """Return what there is to choose from, to read."""
    if isinstance(exercise, Pick):
        return "<ul>" + "".join(f"<li>{inline(option.label)}</li>" for option in exercise.options) + "</ul>"
    if isinstance(exercise, Rank):
        return "<ul>" + "".join(f"<li>{inline(label)}</li>" for label, _ in exercise.items) + "</ul>"
    return ""


def _solved(exercise: Exercise) -> str:
    return f"{inline(exercise.solution())}. {inline(exercise.told)}"


def _derive(info: str, env: dict[str, Any]) -> str:
    made: Made = env["made"]
    derivation = made.derivations[info.split()[1]]
    lines = "".join(
        f'<li><div class="symbols" tabindex="0" role="group" aria-label="In symbols">{line["symbols"]}</div>'
        f'<div class="numbers" tabindex="0" role="group" aria-label="In numbers">{line["numbers"]}</div>'
        f"<p>{inline(line['why'])}</p></li>"
        for line in derivation.lines()
    )
    return (
        f'<details class="derivation"><summary>{inline(derivation.title)}</summary><ol>{lines}</ol>'
        '<button type="button" data-part="further" hidden>Next line</button></details>'
    )


def _scheme(token: Token) -> tuple[str, str]:
    scheme, _, rest = str(token.attrGet("href") or "").partition(":")
    return (scheme, unquote(rest)) if scheme in _SCHEMES else ("", "")


def _link_open(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:  # noqa: ANN401
    scheme, rest = _scheme(tokens[place])
    if scheme == "term":
        return f'<span class="term"><a href="/book/glossary#{escape(rest)}">'
    if scheme == "set":
        return f'<a class="sets" href="#" role="button" data-set="{escape(rest)}">'
    if scheme == "number":
        return f'<span class="number" title="{escape(rest)}">'
    return renderer.renderToken(tokens, place, options, env)


def _link_close(renderer: RendererHTML, tokens: Sequence[Token], place: int, options: Any, env: Any) -> str:  # noqa: ANN401
    depth, opening = 0, place
    while opening >= 0:
        depth += {"link_close": 1, "link_open": -1}.get(tokens[opening].type, 0)
        if depth == 0:
            break
        opening -= 1
    scheme, rest = _scheme(tokens[opening])
    if scheme == "term":
        meaning = glossary()[rest].meaning
        return f'</a><span class="gloss" role="note">{escape(meaning)}</span></span>'
    if scheme == "number":
        return "</span>"
    return renderer.renderToken(tokens, place, options, env)


def _fence(_: RendererHTML, tokens: Sequence[Token], place: int, __: Any, ___: Any) -> str:  # noqa: ANN401
    token = tokens[place]
    code = f'<pre tabindex="0">{escape(token.content)}</pre>'
    if not token.info.startswith("python scratch"):
        return code
    calls = "".join(f"<li><code>{escape(call)}</code></li>" for call in scratch_calls(token.info))
    return (
        f'<details class="fold scratch"><summary>From scratch, in plain Python</summary>{code}'
        f"<p>The library says the same:</p><ul>{calls}</ul></details>"
    )


def scratch_calls(info: str) -> list[str]:
    """Return what the prints of a code block must be, in the library's words."""
    return [call.strip() for call in info.removeprefix("python scratch").split(";") if call.strip()]
