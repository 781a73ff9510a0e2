"""The page of the line-up figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="line-up",
    short="A batch's line-ups",
    claim="In CLIP's batch every pair is the others' wrong answer",
    lead="Five images and their five captions give twenty-five similarities. Each row is a line-up of captions for one "
    "image, each column one of images for a caption; the pair on the diagonal is to win both.",
    plates=(
        (
            "similarities",
            "Cosine of each image and caption; framed, the pairs",
            "Matrix of the cosines of five images and five captions",
        ),
        (
            "shares",
            "What the softmax makes of them at τ",
            "Matrix of the shares that the softmax over rows or columns gives",
        ),
        (
            "pushes",
            "Gradient by the cosines of the one that is looked at: below 0 pulled, above 0 pushed",
            "Bars of the gradient of the loss by each similarity in one line-up",
        ),
        (
            "temperature",
            "Its losses over the temperature, and the batch's",
            "Loss of one row and of its column over the temperature, beside the mean of the batch and chance",
        ),
    ),
)
