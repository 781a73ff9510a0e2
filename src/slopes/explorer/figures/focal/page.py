"""The page of the focal figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="focal",
    short="Focal",
    claim="Focal loss hushes the easy majority, their gradient less than their loss",
    lead="Each example's cross-entropy is multiplied by 1 − p to the power γ, p being what the model gives to the "
    "truth. Where the answer is right already, next to nothing is left; what is rare and hard is heard again.",
    plates=(
        ("loss", "Loss, nats", "Focal loss and cross-entropy over the probability of the truth"),
        ("gradient", "Size of the gradient by the logit", "Size of both gradients over the probability of the truth"),
        ("lighter", "Times lighter than cross-entropy", "Cross-entropy over focal loss, and the same of the gradients"),
        ("share", "Share of the easy negatives in the total", "Bars of the easy negatives' share in loss and gradient"),
    ),
)
