"""Cards: one page per function, and the reference tables of them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from slopes._core.spec import Spec


@dataclass(frozen=True, slots=True)
class Card:
    """A function's page."""

    title: str
    body: str


def card(catalog: Sequence[Spec], name: str) -> Card | None:
    """Return the card of a function, None where there is no such function."""
    spec = next((spec for spec in catalog if spec.name == name), None)
    return None if spec is None else Card(spec.title, f"<h1>{spec.title}</h1>")


def tables(catalog: Sequence[Spec]) -> str:
    """Return the reference tables."""
    return f"<h1>Every function</h1><p>{len(catalog)}</p>"
