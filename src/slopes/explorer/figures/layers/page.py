"""The page of the layers figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="layers",
    short="Layers",
    claim="Without a bend between them, two layers are one",
    lead="A hidden layer and an output layer over one number. Linear layers compose to a line whatever their weights; "
    "with an activation between them each hidden unit adds a bend, and the sum can follow what no line can.",
    plates=(
        ("units", "What each hidden unit adds", "Contribution of each hidden unit to the output, over the input"),
        ("sum", "Their sum, and what is wanted", "Output of the two layers over the input, beside the target"),
    ),
)
