"""The page of the two-players figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="two-players",
    short="Two players",
    claim="The saturating GAN loss is flat where the generator is worst",
    lead="All over one number z, the discriminator's logit on a fake: low where it sees through the fake, high where "
    "it is fooled. The generator wants to move z to the right, and the slope of its loss is how hard it is told to.",
    plates=(
        ("generator", "What the fake costs its generator", "Loss of the generator over the discriminator's logit"),
        (
            "pull",
            "Its slope: below 0 it asks for a better fake",
            "Slope of the generator's losses over the discriminator's logit",
        ),
        (
            "discriminator",
            "What the same fake costs the discriminator",
            "Loss of the discriminator on a fake over its logit",
        ),
        (
            "push",
            "Its slope: above 0 it pushes the logit down",
            "Slope of the discriminator's losses over its logit on a fake",
        ),
    ),
)
