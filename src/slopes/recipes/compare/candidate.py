"""A candidate: a recipe, perhaps under another loss, that a model is trained with."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from torch import Tensor

from slopes.recipes.recipe import Recipe


@dataclass(frozen=True)
class Made:
    """How a recipe is made: by `of` from training targets, and in `code` the Python that does the same.

    Attributes:
        kind: The recipe's class, whose `from_targets` makes it.
        options: Of `from_targets`, by name.

    Examples:
        >>> from slopes.recipes import Binary
        >>> Made(Binary, {"criterion": "focal", "gamma": 2.0}).code
        'Binary.from_targets(targets, criterion="focal", gamma=2.0)'
    """

    kind: type[Any]
    options: Mapping[str, str | float] = field(default_factory=dict, hash=False)

    def of(self, targets: Tensor) -> Recipe:
        """Return the recipe for training targets."""
        made: Recipe = self.kind.from_targets(targets, **self.options)
        return made

    @property
    def code(self) -> str:
        """How it is made, in Python, of `targets`."""
        given = (f"{name}={_literal(value)}" for name, value in self.options.items())
        return f"{self.kind.__name__}.from_targets({', '.join(['targets', *given])})"


def _literal(value: str | float) -> str:
    return json.dumps(value) if isinstance(value, str) else repr(value)


def trained(recipe: Recipe, raw: Tensor, targets: Tensor) -> Tensor:
    """Return the recipe's own loss."""
    return recipe.loss(raw, targets)


def unchanged(_: Recipe, raw: Tensor) -> Tensor:
    """Return raw outputs as the recipe reads them: as they are."""
    return raw


@dataclass(frozen=True)
class Candidate:
    """What is compared. Its functions are named ones, so that another process can be told of them.

    Attributes:
        name: What JSON calls it.
        label: What pictures call it, in few words.
        said: What a sentence calls it.
        hue: Its hue among the palette.
        made: How its recipe is made.
        loss: From recipe, raw outputs and targets to the training loss.
        raw: From recipe and the model's outputs to raw outputs as the recipe reads them.
        optional: Whether it is tried only where the rules choose it, or somebody names it.
        wrong: For a pair that does not belong together, why; empty for others.
    """

    name: str
    label: str
    said: str
    hue: int
    made: Made
    _: KW_ONLY
    loss: Callable[[Recipe, Tensor, Tensor], Tensor] = trained
    raw: Callable[[Recipe, Tensor], Tensor] = unchanged
    optional: bool = False
    wrong: str = ""

    def recipe(self, targets: Tensor) -> Recipe:
        """Return its recipe for training targets."""
        return self.made.of(targets)

    @property
    def code(self) -> str:
        """How its recipe is made, in Python, of `targets`."""
        return self.made.code
