"""The page of the calibration figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="calibration",
    short="Softer targets",
    claim="A softer target gives the best logit somewhere to stop",
    lead="A hard label asks for an endless lead of the right class. Label smoothing asks for a finite one, the same "
    "for every row; a teacher at a temperature also says which of the wrong classes come near.",
    plates=(
        (
            "loss",
            "Loss over the lead g of the best logit; marked, where it rests",
            "Loss with hard and with smoothed labels over the lead of the best logit",
        ),
        (
            "slope",
            "Slope by that logit: below 0 it pushes on, above 0 it pulls back",
            "Slope of each loss by the best logit, over its lead",
        ),
        (
            "shares",
            "What teacher and student give each class at T, %",
            "Bars of the shares of teacher and student at the temperature",
        ),
        (
            "size",
            "Size of the student's gradient over T, with and without T²",
            "Norm of the gradient of distillation over the temperature, on log axes",
        ),
    ),
)
