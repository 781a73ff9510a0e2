"""The pages there are, known before torch is: a name in the URL, a claim as title, and a first sentence."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from slopes.explorer import palette

FOLDER: Final = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A demonstration's page.

    Attributes:
        id: Its name in URLs.
        short: What links call it.
        claim: Its title: what is to be seen.
        lead: One sentence under the title.
        plates: Name, caption and description of each chart; the description is for those who do not see it.
    """

    id: str
    short: str
    claim: str
    lead: str
    plates: tuple[tuple[str, str, str], ...]

    def charts(self, theme: str) -> dict[str, dict[str, Any]]:
        """Return the charts as Vega-Lite; they are declared in the demonstration's `_charts` module, without torch."""
        declared: dict[str, dict[str, Any]] = import_module(f"slopes.explorer.demos.{self.id}_charts").charts(theme)
        return declared


PAGES: Final = (
    Page(
        id="activations",
        short="Activations",
        claim="The value goes forward, the slope comes back",
        lead="What a unit learns is multiplied by the slope of its activation. Move the crosshair and see where "
        "each one lets the gradient through, shrinks it, or stops it.",
        plates=(
            ("value", "<i>f</i>(<i>x</i>), the value", "Value of each function over x"),
            ("slope", "<i>f</i>′(<i>x</i>), the slope", "Slope of each function over x"),
        ),
    ),
)


@cache
def _template(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def runtime_names() -> dict[str, str]:
    """Return the URLs of what comes out of installed wheels; a new version is a new URL."""
    return {
        "vega": f"/runtime/vega-{version('vl-convert-python')}.js",
        "font": f"/runtime/stix-{version('ziamath')}.ttf",
    }


def asset(name: str) -> bytes:
    """Return a style sheet or module, the palette and the font's URL put in."""
    return _filled(name, {"palette": palette.stylesheet(), "font": runtime_names()["font"]}).encode()


def demo_page(page: Page, theme: str) -> str:
    """Return a demonstration's page, its charts and controls still empty."""
    figures = "\n".join(
        f"<figure><figcaption>{caption}</figcaption>"
        f'<div class="plate" data-chart="{escape(name)}" role="img" aria-label="{escape(label)}"></div></figure>'
        for name, caption, label in page.plates
    )
    parts = {
        "id": page.id,
        "claim": escape(page.claim),
        "lead": escape(page.lead),
        "figures": figures,
    }
    return _shell(page.claim, _filled("demo.html", parts), theme, page.id)


def landing_page(plates: str | None, theme: str) -> str:
    """Return the landing page; without plates it holds their place."""
    body = _filled("landing.html", {"plates": plates or "", "waiting": "" if plates else "data-waiting"})
    return _shell("Every activation and loss, its value and its slope", body, theme, "")


def missing_page(theme: str) -> str:
    """Return the page for an address where there is none."""
    return _shell("No such page", _template("missing.html"), theme, "")


def _shell(title: str, body: str, theme: str, here: str) -> str:
    links = [("", "Plates"), *((page.id, page.short) for page in PAGES)]
    nav = " ".join(
        f'<a href="/{id_}"{" aria-current=page" if id_ == here else ""}>{escape(label)}</a>' for id_, label in links
    )
    parts = {"title": escape(title), "body": body, "nav": nav, "theme": theme, **runtime_names()}
    return _filled("shell.html", parts)


def _filled(name: str, parts: dict[str, str]) -> str:
    text = _template(name)
    for key, value in parts.items():
        text = text.replace(f"{{{{{key}}}}}", value)
    return text
