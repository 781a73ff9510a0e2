"""What is known of a figure before torch is: its address, its claim, its plates."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A figure's page, known before torch is.

    Attributes:
        id: Its name in URLs; its folder has underscores for the hyphens.
        short: What links call it.
        claim: Its title: what is to be seen.
        lead: One sentence under the title.
        plates: Name, caption and description of each chart; the description is for those who do not see it.
        abreast: Whether the charts stand side by side where two of them would else be stacked: a plane, a landscape.
    """

    id: str
    short: str
    claim: str
    lead: str
    plates: tuple[tuple[str, str, str], ...]
    abreast: bool = False

    @property
    def folder(self) -> str:
        """The package of the figure."""
        return f"slopes.explorer.figures.{self.id.replace('-', '_')}"

    def charts(self, theme: str) -> dict[str, dict[str, Any]]:
        """Return the charts as Vega-Lite, by plate; they are declared without torch, once, and not to be changed."""
        return _charts(self.folder, theme)


@cache
def _charts(folder: str, theme: str) -> dict[str, dict[str, Any]]:
    declared: dict[str, dict[str, Any]] = import_module(f"{folder}.charts").charts(theme)
    return declared
