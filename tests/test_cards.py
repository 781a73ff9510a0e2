"""The cards: every function has one, each says the same seven things, in few words, and its example runs."""

from __future__ import annotations

import doctest
import re
from importlib.resources import files
from typing import Final

from tests.each import each

from slopes.catalog import CATALOG

CARDS: Final = {
    card.name.removesuffix(".md"): card.read_text("utf-8")
    for card in (files("slopes") / "cards").iterdir()
    if card.name.endswith(".md")
}
NAMES: Final = sorted(CARDS)
SECTIONS: Final = [
    "## What it is for",
    "## Where it is used",
    "## Strengths",
    "## Weaknesses",
    "## Traps",
    "## Worked example",
    "## Relatives",
]
OPTIONS: Final = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS
BLOCK: Final = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)]+)\)")


def section(name: str, heading: str) -> str:
    """Return what stands under a heading."""
    return CARDS[name].partition(f"{heading}\n")[2].partition("\n## ")[0]


def test_every_function_has_a_card_and_no_card_is_without_one() -> None:
    assert sorted(spec.name for spec in CATALOG) == NAMES


@each("name", NAMES)
def test_card_has_the_seven_sections_in_order_and_something_in_each(name: str) -> None:
    assert re.findall(r"^#.*$", BLOCK.sub("", CARDS[name]), re.MULTILINE) == SECTIONS
    assert all(section(name, heading).strip() for heading in SECTIONS)


@each("name", NAMES)
def test_card_is_short(name: str) -> None:
    assert 120 <= len(CARDS[name].split()) <= 260


@each("name", NAMES)
def test_worked_example_runs_and_prints_what_it_says(name: str) -> None:
    blocks = BLOCK.findall(CARDS[name])
    assert [language for language, _ in blocks] == ["python"]
    example = doctest.DocTestParser().get_doctest(blocks[0][1], {}, name, f"{name}.md", 0)
    assert any(step.want for step in example.examples)
    assert re.search(rf"\b[AL]\.{name}\(", blocks[0][1])  # of its own function
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=OPTIONS).run(example, out=said.append)
    assert result.failed == 0, "".join(said)


@each("name", NAMES)
def test_relatives_are_other_functions_of_the_catalogue(name: str) -> None:
    known = {spec.name for spec in CATALOG}
    relatives = LINK.findall(section(name, "## Relatives"))
    assert relatives
    for label, address in relatives:
        assert address == f"/functions/{label}"
        assert label in known - {name}


@each("name", NAMES)
def test_what_a_card_calls_is_there(name: str) -> None:
    """Backticks that name a function of the library with a prefix, as `A.GatedFFN`, name one that exists."""
    from slopes import activations as A  # noqa: N812, PLC0415  the names that the documentation uses
    from slopes import losses as L  # noqa: N812, PLC0415

    rooms = {"A": A, "L": L}
    for room, called in re.findall(r"`([AL])\.(\w+)", CARDS[name]):
        assert hasattr(rooms[room], called), f"{room}.{called}"
