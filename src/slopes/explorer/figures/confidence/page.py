"""The page of the confidence figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="confidence",
    short="Confidence",
    claim="Cross-entropy never stops shouting; MSE whispers",
    lead="Three classes, of which cat is right. Make the model more certain, for cat or against it: the worse the "
    "mistake, the closer cross-entropy's pull on cat's logit comes to 1, and that of MSE on the softmax to 0.",
    plates=(
        ("value", "Loss over the log-odds of cat", "Cross-entropy and squared error over the log-odds of cat"),
        (
            "slope",
            "Its gradient at the logit of cat",
            "Gradient of each loss by the logit of cat over its log-odds; for MSE also by the Jacobian's diagonal only",
        ),
        (
            "logits",
            "The gradient at each logit now: a bar below 0 lifts that logit, one above 0 lowers it",
            "Bars of the gradient at each of the three logits, for each loss",
        ),
    ),
)
