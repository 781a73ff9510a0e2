"""The page of the line-fit figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="line-fit",
    short="Line fit",
    claim="One bad point turns the squared line; the others hardly notice",
    lead="Twelve points and the best line through them under each loss. Drag the outlier: what a loss hands back for "
    "one point decides how far that point can turn the line.",
    plates=(
        ("fit", "The best line under each loss", "Twelve points, and the line that each loss fits through them"),
        (
            "heights",
            "The same over every height of the outlier",
            "Slope of each fitted line, or the outlier's gradient, over the height of the outlier",
        ),
    ),
)
