"""Paper, inks and type of the report: the atlas' own. Okabe and Ito's hues, fit for lines and for labels."""

from __future__ import annotations

from typing import Final

INK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = range(8)

LINES: Final = {
    "light": ("#1d1d1f", "#c58400", "#3a96cf", "#009e73", "#978900", "#0072b2", "#d55e00", "#b8608f"),
    "dark": ("#e8e6e1", "#e69f00", "#56b4e9", "#12b58a", "#e3d64a", "#4f9fe0", "#f0782e", "#d98ab4"),
}
LABELS: Final = {
    "light": ("#1d1d1f", "#8f5f00", "#1f6f9f", "#00704f", "#6e6400", "#005f96", "#a84900", "#964070"),
    "dark": LINES["dark"],
}
PAPER: Final = {"light": "#fbfaf7", "dark": "#14161a"}
TEXT: Final = {"light": "#1d1d1f", "dark": "#e8e6e1"}
MUTED: Final = {"light": "#5c5b57", "dark": "#a5a39d"}
GRID: Final = {"light": "#e8e6df", "dark": "#262a31"}
ZERO: Final = {"light": "#9a978f", "dark": "#666a72"}
WASH: Final = {"light": "#f2f0ea", "dark": "#1c1f25"}

SANS: Final = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', 'Liberation Sans', sans-serif"
SERIF: Final = "Charter, 'Bitstream Charter', 'Iowan Old Style', Georgia, 'Liberation Serif', serif"


def properties(theme: str) -> str:
    """Return the inks of a theme as custom properties of CSS."""
    named = {"paper": PAPER, "ink": TEXT, "muted": MUTED, "rule": GRID, "edge": ZERO, "wash": WASH}
    said = [f"--{name}: {inks[theme]};" for name, inks in named.items()]
    return " ".join([*said, *(f"--hue-{i}: {ink};" for i, ink in enumerate(LINES[theme]))])
