"""The page of the depth figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="depth",
    short="Depth",
    claim="Each layer multiplies; after fifty of them little is left, or far too much",
    lead="A network before its first training step: random inputs of size 1 go forward, a random gradient of size 1 "
    "comes back. Activation and initialisation decide together whether either survives.",
    plates=(
        ("signal", "Size of the signal, so many layers forward", "Root mean square of the outputs over the layers"),
        ("gradient", "Size of the gradient, so many layers back", "Root mean square of the gradient over the layers"),
        ("centre", "Mean of the outputs, over their size", "Mean over root mean square of the outputs by layer"),
        ("dead", "Units at slope 0 for every input", "Share of dead units in each layer"),
    ),
)
