"""The page of the preference figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="preference",
    short="Preferences",
    claim="DPO never stops pushing, the hinge stops, IPO pulls back",
    lead="All over one margin Δ: the chosen answer's log-ratio of policy to reference, less the rejected answer's. "
    "Each loss is shifted and scaled to value 0 and slope −1 at Δ = 0, unless it is drawn as the library returns it.",
    plates=(
        (
            "value",
            "Loss over the margin Δ; the upright line is the zero margin",
            "Loss of each method over the margin of the log-ratios",
        ),
        (
            "slope",
            "Its slope: below 0 the loss widens the margin, above 0 it pulls back",
            "Slope of each loss over the margin of the log-ratios",
        ),
    ),
)
