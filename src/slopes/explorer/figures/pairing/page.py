"""The page of the pairing figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="pairing",
    short="Pairing",
    claim="A matched pair leaves ŷ\u00a0−\u00a0y; a mismatch lets the gradient die or mislead",
    lead="Pick a task, then another output or another loss than its own. Bold is the chosen pair, thin the matched "
    "one: see what is handed back to the logit, and where training ends.",
    plates=(
        ("value", "Loss over the logit", "Loss of the chosen and of the matched pair over the logit, for two targets"),
        ("slope", "Its gradient at the logit", "Gradient of both pairs by the logit, for two targets"),
        ("output", "What the model answers, ŷ", "Answer of the model over the logit, under both pairs"),
        (
            "training",
            "The answer over 60 steps of gradient descent",
            "Answer over the steps, from a confidently wrong start for each target, under both pairs",
        ),
    ),
)
