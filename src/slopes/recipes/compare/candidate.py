"""A candidate: a recipe, perhaps under another loss, that a model is trained with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from slopes.recipes.recipe import Recipe


def trained(recipe: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    """Return the recipe's own loss."""
    return recipe.loss(raw, targets)


def unchanged(_: Recipe, raw: Tensor) -> Tensor:
    """Return raw outputs as the recipe reads them: as they are."""
    return raw


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """What is compared. Its functions are named ones, so that another process can be told of them.

    Attributes:
        name: What JSON calls it.
        label: What pictures call it, in few words.
        said: What a sentence calls it.
        hue: Its hue among the inks.
        recipe: From training targets to the recipe.
        loss: From recipe, raw outputs and targets to the training loss.
        raw: From recipe and the model's outputs to raw outputs as the recipe reads them.
        code: How the recipe is made, in Python, of `targets`.
        optional: Whether it is tried only where the rules choose it, or somebody names it.
        wrong: For a pair that does not belong together, why; empty for others.
    """

    name: str
    label: str
    said: str
    hue: int
    recipe: Callable[[Tensor], Recipe]
    code: str
    loss: Callable[[Recipe, Tensor, Tensor], Tensor] = trained
    raw: Callable[[Recipe, Tensor], Tensor] = unchanged
    optional: bool = False
    wrong: str = ""
