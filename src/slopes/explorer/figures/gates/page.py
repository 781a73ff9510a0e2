"""The page of the gates figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="gates",
    short="Gates",
    claim="One half is activated and decides how much of the other passes",
    lead="A gated unit multiplies two projections of the same input: the gate, which goes through an activation, and "
    "the value, which does not. The third matrix is paid for by a narrower hidden layer.",
    plates=(
        ("units", "Output, over the gate", "Output of each gated unit over the gate, at the chosen value"),
        ("by_gate", "Slope by the gate", "Slope of each unit's output by the gate, over the gate"),
        ("by_value", "Slope by the value", "Slope of each unit's output by the value, over the gate"),
        ("sizes", "Parameters, plain block = 1", "Parameters of a plain and of two gated feed-forward blocks"),
    ),
)
