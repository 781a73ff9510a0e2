"""The page of the KL figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="kl",
    short="KL divergence",
    claim="Forward KL covers everything; reverse KL settles for a part",
    lead="KL(p‖q) charges q for what p holds possible and q does not; KL(q‖p) for what q does and p does not. Fitted "
    "to two bumps, the first spreads over both and the second takes one.",
    plates=(
        ("outcomes", "Two distributions over three outcomes", "Bars of the probabilities of p and q"),
        (
            "pulls",
            "Gradient by q's logits; below 0, descent raises the outcome",
            "Bars of the gradient of each direction by the logits of q",
        ),
        (
            "fits",
            "A target of two bumps, and the Gaussian that each direction fits to it",
            "Density of the target and of the two fits",
        ),
        (
            "means",
            "Divergence in nats as that Gaussian is moved, and its slope, dashed",
            "Both divergences over the mean of the Gaussian, with their slopes",
        ),
    ),
)
