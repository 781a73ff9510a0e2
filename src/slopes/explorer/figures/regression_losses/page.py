"""The page of the regression-losses figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="regression-losses",
    short="Regression losses",
    claim="Squared error pulls harder the further off; the others have a limit",
    lead="What a model learns from an error is the slope of the loss there. Move the residual, prediction minus "
    "target, and see who shouts at an outlier and who settles close to the target.",
    plates=(
        ("value", "The loss of a residual", "Value of each loss over the residual"),
        ("slope", "Its slope, which the model learns from", "Slope of each loss over the residual"),
        (
            "value-shares",
            "Three houses, C's price wrong: who makes up the loss",
            "Shares of houses A, B and C in each loss, as stacked bars",
        ),
        (
            "slope-shares",
            "The same houses: who makes up the gradient",
            "Shares of houses A, B and C in the gradient of each loss, as stacked bars",
        ),
    ),
)
