"""The page of the one-weight figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="one-weight",
    short="One weight",
    claim="Training is a walk down a slope, and the loss decides where it ends",
    lead="One number, w, predicts y as w times x. The loss says how bad that is over six points, its slope says which "
    "way is down, and a step goes that way. The same points have another resting place under another loss.",
    plates=(
        ("loss", "Loss over the weight", "The loss over the weight, its tangent, and where the next steps land"),
        (
            "data",
            "The points, and what the weight predicts",
            "Six points, the line of the present weight, the next one, and the lines that the losses come to rest at",
        ),
    ),
)
