"""A chapter with what it computes, and the pages of the book as HTML."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from html import escape
from importlib import import_module
from typing import Any

from slopes.explorer.book.contents import CHAPTERS, Chapter
from slopes.explorer.book.derivation import Derivation
from slopes.explorer.book.exercise import Exercise
from slopes.explorer.book.glossary import glossary
from slopes.explorer.book.text import Made, Plate, inline, rendered


@cache
def computed(chapter: Chapter) -> Any:  # noqa: ANN401  a module
    """Return the module of what a chapter computes."""
    return import_module(f"{chapter.package}.computed")


@cache
def exercises(chapter: Chapter) -> dict[str, Exercise]:
    """Return a chapter's questions by id."""
    made: Callable[[], tuple[Exercise, ...]] = computed(chapter).exercises
    return {exercise.id: exercise for exercise in made()}


@cache
def derivations(chapter: Chapter) -> dict[str, Derivation]:
    """Return a chapter's derivations by id."""
    made: Callable[[], tuple[Derivation, ...]] | None = getattr(computed(chapter), "derivations", None)
    return {derivation.id: derivation for derivation in made()} if made else {}


@cache
def body(chapter: Chapter) -> str:
    """Return a chapter's page."""
    return article(chapter) + _onward(chapter)


def article(chapter: Chapter, still: Callable[[Plate], str] | None = None) -> str:
    """Return a chapter; where no server stands behind it, with what `still` makes of each plate."""
    made = Made(chapter.id, exercises(chapter), derivations(chapter), still)
    return (
        f'<article class="chapter" id="{chapter.id}"><header><p class="crumb"><a href="/book">The book</a> / '
        f"{escape(chapter.number)}</p><h1>{escape(chapter.title)}</h1>"
        f'<p class="lead">{escape(chapter.question)}</p>'
        f'<p class="minutes">{chapter.minutes} minutes<span data-part="score"></span></p></header>'
        f"{rendered(chapter.text, made)}{_answers(chapter)}</article>"
    )


def _answers(chapter: Chapter) -> str:
    items = "".join(
        f"<li><p>{inline(e.question)}</p><p>{inline(e.solution())}. {inline(e.told)}</p></li>"
        for e in exercises(chapter).values()
    )
    return f'<section class="answers"><h2>Answers</h2><ol>{items}</ol></section>' if items else ""


def _onward(chapter: Chapter) -> str:
    place = CHAPTERS.index(chapter)
    before = CHAPTERS[place - 1] if place else None
    after = CHAPTERS[place + 1] if place + 1 < len(CHAPTERS) else None
    back = f'<a rel="prev" href="{before.address}">← {escape(before.title)}</a>' if before else ""
    on = f'<a rel="next" href="{after.address}">{escape(after.title)} →</a>' if after else ""
    return f'<nav class="turning" aria-label="Chapters">{back}<a href="/book">Contents</a>{on}</nav>'


@cache
def contents() -> str:
    """Return the contents page."""
    items = "".join(
        f'<li data-chapter="{c.id}" data-exercises="{c.text.count("::: predict ")}">'
        f'<span class="ordinal">{c.number}</span>'
        f'<div><a class="name" href="{c.address}">{escape(c.title)}</a>'
        f'<span class="use">{escape(c.question)}</span></div>'
        f'<span class="minutes">{c.minutes} min<span data-part="progress"></span></span></li>'
        for c in CHAPTERS
    )
    whole = sum(chapter.minutes for chapter in CHAPTERS)
    hours = f"{whole // 60} hours and {whole % 60} minutes" if whole >= 120 else f"{whole} minutes"  # noqa: PLR2004
    return (
        '<div class="contents-page"><h1>The book</h1><p class="lead">Why losses and activations are what they are: '
        "text beside live figures, questions that the library answers. Read it through or where you need it; "
        f"the whole takes {hours}.</p>"
        '<p class="resume" data-part="resume"></p>'
        f'<ol class="chapters">{items}</ol>'
        '<p class="keeping"><a href="/book/glossary">Glossary</a> <button type="button" class="quiet" '
        'data-part="keep">Save progress</button> <button type="button" class="quiet" data-part="erase">Erase progress'
        '</button><span data-part="kept" role="status"></span></p>'
        '<p class="use">Progress stays in this browser.</p></div>'
    )


@cache
def glossary_page() -> str:
    """Return the page of all terms."""
    items = "".join(
        f'<div data-words="{escape(" ".join([term.name, *term.also]).lower())}"><dt id="{term.id}">{escape(term.name)}'
        f"{_also(term.also)}</dt><dd>{escape(term.meaning)}</dd></div>"
        for term in glossary().values()
    )
    return (
        '<p class="crumb"><a href="/book">The book</a></p><h1>Glossary</h1>'
        '<label class="search"><span>Find a word</span><input type="search" id="words" autocomplete="off" '
        'spellcheck="false"></label><p class="found" id="worded" role="status"></p>'
        f'<dl class="glossary">{items}</dl>'
    )


def _also(names: tuple[str, ...]) -> str:
    return f' <span class="also">also {escape(", ".join(names))}</span>' if names else ""
