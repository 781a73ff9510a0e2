"""The page of the activations figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="activations",
    short="Activations",
    claim="The value goes forward, the slope comes back",
    lead="What a unit learns is multiplied by the slope of its activation. Move the crosshair and see where "
    "each one lets the gradient through, shrinks it, or stops it.",
    plates=(
        ("value", "<i>f</i>(<i>x</i>), the value", "Value of each function over x"),
        ("slope", "<i>f</i>′(<i>x</i>), the slope", "Slope of each function over x"),
    ),
)
