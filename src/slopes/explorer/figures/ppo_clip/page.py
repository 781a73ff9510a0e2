"""The page of the ppo-clip figure."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.page import Page

PAGE: Final = Page(
    id="ppo-clip",
    short="PPO's clip",
    claim="PPO's clip stops a sample that has gone far enough, and only that one",
    lead="The ratio r says how many times as likely an action has become since it was sampled, the advantage A whether "
    "that was wanted. PPO maximises the smaller of r A and its clipped form; shaded is where nothing pulls any more.",
    plates=(
        (
            "objective",
            "What is maximised, over the ratio r; thin, the other sign of A",
            "The clipped objective over the ratio, for both signs of the advantage",
        ),
        (
            "slope",
            "Its slope: above 0 the action is made likelier, below 0 rarer",
            "Slope of the clipped objective over the ratio",
        ),
    ),
)
