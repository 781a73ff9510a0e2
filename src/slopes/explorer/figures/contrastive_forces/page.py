"""The page of the contrastive-forces figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="contrastive-forces",
    short="Forces",
    claim="Likes attract; the others repel, up to the margin",
    lead="Six embeddings, two of each kind, and on each the force of the loss: minus its gradient. Drag them, or let "
    "them go.",
    plates=(
        ("plane", "The embeddings, and the force on each", "Six points with arrows of force, and the anchor's margin"),
        (
            "profile",
            "The anchor's loss over the distance, and its slope",
            "Loss and slope over the distance, for a pair of one kind and for a pair of two kinds",
        ),
    ),
    abreast=True,
)
