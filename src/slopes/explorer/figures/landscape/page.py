"""The page of the landscape figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="landscape",
    short="Landscape",
    claim="Cross-entropy is a slope from everywhere; squared error has a plateau",
    lead="One model, two parameters, two losses: each loss makes a landscape of its own. Drag the start, and see how "
    "far the same optimiser gets on each. From band to band both losses grow by the same factor.",
    plates=(
        ("first", "Under squared error", "Squared error over weight and bias as bands, and the path over it"),
        ("second", "Under the other loss", "The other loss over weight and bias as bands, and the path over it"),
        (
            "model",
            "The twelve points, and the model",
            "The data, and the model's answers at the start and after the steps",
        ),
        ("steps", "Loss, and the size of its gradient, step by step", "Loss and gradient norm of both over the steps"),
    ),
    abreast=True,
)
