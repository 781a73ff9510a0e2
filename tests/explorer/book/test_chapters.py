"""Laws over all chapters: what is asked, derived and said is what the library computes, and leads somewhere."""

from __future__ import annotations

import contextlib
import io
import math
import re
from collections.abc import Iterator
from itertools import pairwise
from urllib.parse import parse_qsl, unquote

import pytest
import torch
from markdown_it.token import Token
from tests.each import each
from tests.explorer.book.latex import evaluated

from slopes import activations, losses
from slopes.catalog import find
from slopes.explorer.book import text as book_text
from slopes.explorer.book.chapter import body, computed, derivations, exercises
from slopes.explorer.book.contents import CHAPTERS, Chapter
from slopes.explorer.book.exercise import AnswerError, parsed
from slopes.explorer.book.glossary import glossary
from slopes.explorer.book.reads import reads
from slopes.explorer.figures.build import library_figure
from slopes.explorer.figures.contents import BY_ID

CHAPTER_IDS = [chapter.id for chapter in CHAPTERS]
SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")


def _tokens(chapter: Chapter) -> Iterator[Token]:
    for token in book_text._markdown().parse(chapter.text):
        yield token
        yield from token.children or ()


def _links(chapter: Chapter, scheme: str) -> Iterator[tuple[str, str]]:
    """What stands in the brackets of this scheme's links, and after its colon."""
    for token in _tokens(chapter):
        children = token.children or []
        for opening, inside in pairwise(children):
            href = str(opening.attrGet("href") or "") if opening.type == "link_open" else ""
            if href.startswith(f"{scheme}:"):
                yield inside.content, unquote(href.partition(":")[2])


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_an_answer_is_judged_by_the_library_and_a_slip_is_told_what_it_is(chapter: Chapter) -> None:
    for exercise in exercises(chapter).values():
        tries = exercise.tries()
        assert any(right for _, right, _ in tries), exercise.id
        assert exercise.solution()
        for answer, right, said in tries:
            verdict = exercise.judge(answer)
            assert verdict.right == right, (exercise.id, answer, verdict)
            assert said in verdict.said, (exercise.id, answer)
            assert right or verdict.said, (exercise.id, answer)
        wrong = [said for _, right, said in tries if not right and said]
        assert len(set(wrong)) == len(wrong), "each slip has a sentence of its own"


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_what_is_no_answer_is_never_right(chapter: Chapter) -> None:
    for exercise in exercises(chapter).values():
        for nonsense in ("much", "", "1,2,3,4,5,6,7,8,9", "nan", "9" * 500):
            with contextlib.suppress(AnswerError):
                assert not exercise.judge(nonsense).right


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_both_sides_of_every_step_are_equal(chapter: Chapter) -> None:
    for derivation in derivations(chapter).values():
        assert len(derivation.steps) > 1
        for step in derivation.steps:
            value = step.value(derivation.numbers)
            assert math.isfinite(value)
            assert math.isclose(derivation.left(step), value, rel_tol=1e-9, abs_tol=1e-12), (derivation.id, step.tex)
            assert step.because


SYMBOLS = {"he", "lever", "pull-mean", "moments", "bell"}  # lines that keep an integral, a mean, dots or 2π


def test_the_line_with_numbers_comes_to_what_it_says() -> None:
    """Within a per cent and a half, since its numbers are rounded to be read."""
    unread, read = set(), 0
    for chapter in CHAPTERS:
        for derivation in derivations(chapter).values():
            for step in derivation.steps:
                if not step.shown:
                    continue
                value = evaluated(step.shown)
                if value is None or derivation.id in SYMBOLS:
                    unread.add(derivation.id)
                    continue
                read += 1
                said = step.value(derivation.numbers)
                assert math.isclose(value, said, rel_tol=0.015, abs_tol=1e-6), (derivation.id, step.shown, value, said)
    assert read > 90
    assert unread <= SYMBOLS, unread - SYMBOLS


def _names(chapter: Chapter) -> dict[str, object]:
    """What expressions in a chapter may use."""
    library = {"L": losses, "A": activations, "torch": torch, "math": math, "reads": reads}
    return {**vars(computed(chapter)), **library}


def _said(text: str) -> tuple[float, float]:
    """The number that a text says, and how far a number may be from it that is rounded to it."""
    plain = text.strip().replace("−", "-").replace(",", "").removesuffix(" %").removesuffix("%")
    mantissa, _, power = plain.partition(" × 10")
    if not power and re.fullmatch(r"-?10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", plain):
        mantissa, power = "1", plain.removeprefix("-").removeprefix("10")
    scale = 10.0 ** int(power.translate(SUPERSCRIPT)) if power else 1.0
    decimals = len(mantissa.partition(".")[2])
    return float(mantissa) * scale, 0.5 * 10.0**-decimals * scale * (1 + 1e-9)


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_numbers_in_prose_are_what_the_library_says(chapter: Chapter) -> None:
    names = _names(chapter)
    found = list(_links(chapter, "number"))
    assert found
    for text, expression in found:
        said, room = _said(text)
        assert abs(float(eval(expression, names)) - said) <= room, (text, expression)  # noqa: S307  our own text


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_no_number_in_prose_is_typed_in(chapter: Chapter) -> None:
    given = getattr(computed(chapter), "GIVEN", ())  # what the reader is told, and not what follows from it
    inside = 0
    for token in _tokens(chapter):
        if token.type in {"link_open", "link_close"}:
            inside += 1 if token.type == "link_open" else -1
        elif token.type == "text" and not inside:
            loose = [n for n in re.findall(r"\d+\.\d+", token.content) if n not in given]
            assert not loose, token.content


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_phrases_set_states_that_the_plate_beside_them_has(chapter: Chapter) -> None:
    plate = None
    for token in _tokens(chapter):
        if token.type == "container_figure_open":
            plate = book_text.plate(token.info)
            figure, page = library_figure(BY_ID[plate.figure]), BY_ID[plate.figure]
            state = figure.parse(parse_qsl(plate.state))
            assert set(plate.charts) <= {name for name, _, _ in page.plates}
            assert {p.name for p in figure.parameters} >= set(plate.controls)
            assert set(dict(parse_qsl(plate.state))) <= set(state)
        elif token.type == "container_figure_close":
            plate = None
        for child in token.children or ():
            href = str(child.attrGet("href") or "")
            if href.startswith("set:"):
                assert plate is not None, href
                pairs = parse_qsl(unquote(href.removeprefix("set:")))
                names = {parameter.name for parameter in figure.parameters}
                assert pairs
                assert {name for name, _ in pairs} <= names, href
                figure.parse(pairs)


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_what_is_written_for_a_chapter_stands_in_it_once(chapter: Chapter) -> None:
    for kind, made in (("predict", exercises(chapter)), ("derive", derivations(chapter))):
        named = re.findall(rf"^:::+ {kind} (\S+)$", chapter.text, re.MULTILINE)
        assert sorted(named) == sorted(made)
    figures = dict.fromkeys(re.findall(r"^:::+ figure ([a-z-]+)", chapter.text, re.MULTILINE))
    assert tuple(figures) == chapter.figures
    for name in chapter.functions:
        assert find(name).name == name
    assert "::: recap" in chapter.text
    assert "::: misconception" in chapter.text
    assert len(exercises(chapter)) >= 4


def test_every_word_of_the_glossary_is_used_and_explained_where_it_first_stands() -> None:
    used = [word for chapter in CHAPTERS for _, word in _links(chapter, "term")]
    assert set(used) <= set(glossary())
    assert set(used) == set(glossary()), "a word that no chapter explains"


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_code_from_scratch_prints_what_the_library_says(chapter: Chapter) -> None:
    names = _names(chapter)
    for token in _tokens(chapter):
        if token.type != "fence" or not token.info.startswith("python scratch"):
            continue
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(token.content, "scratch", "exec"), {})  # noqa: S102  our own text
        printed = said.getvalue().split("\n")[:-1]
        calls = book_text.scratch_calls(token.info)
        assert len(printed) == len(calls)
        for line, call in zip(printed, calls, strict=True):
            wanted = torch.as_tensor(eval(call, names), dtype=torch.float64)  # noqa: S307  likewise
            got = torch.as_tensor(eval(line), dtype=torch.float64)  # noqa: S307  likewise
            assert torch.allclose(got, wanted, rtol=1e-6, atol=1e-9), (line, call)


@each("chapter", CHAPTERS, ids=CHAPTER_IDS)
def test_a_page_has_all_of_it_and_nothing_raw(chapter: Chapter) -> None:
    page = body(chapter)
    prose = re.sub(
        r"<(pre|code|math|noscript)\b.*?</\1>|data-asked=\"[^\"]*\"|title=\"[^\"]*\"", "", page, flags=re.DOTALL
    )
    assert ":::" not in prose
    assert "](" not in prose
    assert "$" not in prose
    assert page.count("<section") == page.count("</section>")
    assert page.count("<article") == page.count("</article>")


def test_the_book_takes_its_time() -> None:
    assert all(4 <= chapter.minutes <= 20 for chapter in CHAPTERS)


@pytest.mark.parametrize("text", ["", "12 apples", "1e999", "--3"])
def test_no_number_is_no_answer(text: str) -> None:
    with pytest.raises(AnswerError, match="give one, such as"):
        parsed(text)


@each(
    ["text", "value"], [("0,5", 0.5), ("1,000,000", 1e6), ("−3", -3.0), ("40 %", 40.0), ("1e-9", 1e-9), ("1 000", 1e3)]
)
def test_numbers_are_understood_as_people_type_them(text: str, value: float) -> None:
    assert parsed(text) == value
