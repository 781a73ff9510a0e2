"""The page of the noise figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="noise",
    short="Noise",
    claim="What a diffusion model predicts decides at which noise an error counts",
    lead="One number x₀ is drowned in one draw of noise ε while t goes from 0 to 1. A network may predict either, or "
    "the velocity v between them: each gives the others, and yet a plain MSE of each is another loss.",
    plates=(
        ("sample", "The noisy sample, and what it is made of", "Sample, signal and noise over time"),
        ("targets", "What is to be predicted", "The targets ε, x₀ and v over time"),
        (
            "weights",
            "What a plain MSE of each charges for the same error in x₀",
            "Weight of an error in the clean value, for each target, over time, on a log axis",
        ),
        (
            "schedules",
            "Signal to noise of the three schedules",
            "Ratio of the signal's power to the noise's over time, for each schedule, on a log axis",
        ),
    ),
)
