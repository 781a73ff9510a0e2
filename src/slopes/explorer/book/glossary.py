"""The words of the field, each explained once, for the margin, for touch and for the page of all of them."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """A word and what it means, in one or two sentences of plain text."""

    id: str
    name: str
    meaning: str
    also: tuple[str, ...] = ()


@cache
def glossary() -> dict[str, Term]:
    """Return all terms by id, in alphabetical order of their names."""
    data = tomllib.loads((files(__package__) / "glossary.toml").read_text("utf-8"))
    terms = [
        Term(
            id=id_,
            name=said.get("name", id_.replace("-", " ")),
            meaning=said["meaning"],
            also=tuple(said.get("also", ())),
        )
        for id_, said in data.items()
    ]
    return {term.id: term for term in sorted(terms, key=lambda term: term.name.lower())}
