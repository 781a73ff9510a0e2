"""The page of the worked-examples figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="worked-examples",
    short="Worked examples",
    claim="Eight of sixty-three worked figures do not hold",
    lead="Four introductions to activations and losses work out these numbers by hand. Here the library computes each "
    "again. Of the eight, three were computed on from a rounded number; the others have a reason each.",
    plates=(
        (
            "value",
            "Its own function: dots exact, crosses as stated",
            "Value of the figure’s function, with the stated and the exact figure",
        ),
        ("slope", "Its slope", "Slope of the figure’s function, with the stated and the exact figure"),
        (
            "differences",
            "How far stated is from exact, and the room that rounding leaves",
            "Relative difference of each stated figure from the exact one, and the greatest that rounding can make",
        ),
    ),
)
