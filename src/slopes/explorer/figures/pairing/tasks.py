"""The tasks: which logit moves, what the targets are, and the recipe that says what belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from slopes import recipes
from slopes.explorer.figures.wording import capital

VOCABULARY: Final = 50
LINEAR: Final = "none"  # the activation of every matched pair: what the loss needs is inside the loss


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task with one logit that moves.

    Attributes:
        name: Its name in URLs.
        recipe: Head, loss, prediction and reasons; its targets are such that it neither shifts nor scales them.
        others: The logits beside the one that moves, which stay.
        targets: The two targets that are compared, one number for each logit.
        said: The two targets in words.
        domain: Where an answer makes sense.
        window: The part of the answers that is drawn.
        gradient: LaTeX of the matched pair's gradient.
    """

    name: str
    recipe: recipes.Recipe
    others: tuple[float, ...] = ()
    targets: tuple[tuple[float, ...], tuple[float, ...]] = ((1.0,), (0.0,))
    said: tuple[str, str] = ("y = 1", "y = 0")
    domain: tuple[float, float] = (0.0, 1.0)
    window: tuple[float, float] = (-0.3, 1.3)
    gradient: str = r"\hat y - y"

    @property
    def label(self) -> str:
        """What a person calls it."""
        return capital(self.recipe.name)

    @property
    def hard(self) -> bool:
        """Whether targets are labels of 0 and 1."""
        return all(value in (0.0, 1.0) for row in self.targets for value in row)

    @property
    def exclusive(self) -> bool:
        """Whether exactly one of several classes is right."""
        return len(self.targets[0]) > 1 and all(sum(row) == 1 for row in self.targets)

    @property
    def y(self) -> Tensor:
        """The two targets, `[2, K]`."""
        return torch.tensor(self.targets, dtype=torch.float64)

    @property
    def goals(self) -> tuple[float, float]:
        """The two targets of the logit that moves."""
        return self.targets[0][0], self.targets[1][0]

    def logits(self, z: Tensor) -> Tensor:
        """Return `[N, K]` logits of which the first moves."""
        rest = torch.tensor(self.others, dtype=torch.float64).expand(len(z), -1)
        return torch.cat([z.unsqueeze(-1), rest], dim=-1)


def _one_hot(size: int, at: int) -> tuple[float, ...]:
    return tuple(float(i == at) for i in range(size))


TASKS: Final = (
    Task(
        name="binary",
        recipe=recipes.Binary(),
    ),
    Task(
        name="classes",
        recipe=recipes.MultiClass.from_targets(torch.arange(3).repeat(10)),
        others=(0.0, 0.0),
        targets=(_one_hot(3, 0), _one_hot(3, 1)),
    ),
    Task(
        name="labels",
        recipe=recipes.MultiLabel(prior=(0.5, 0.5, 0.5)),
        others=(4.0, -4.0),
        targets=((1.0, 1.0, 0.0), (0.0, 1.0, 0.0)),
    ),
    Task(
        name="tokens",
        recipe=recipes.NextToken(VOCABULARY),
        others=(0.0,) * (VOCABULARY - 1),
        targets=(_one_hot(VOCABULARY, 0), _one_hot(VOCABULARY, 1)),
    ),
    Task(
        name="regression",
        recipe=recipes.Regression.from_targets(torch.tensor([-1.0, 1.0], dtype=torch.float64)),
        targets=((3.0,), (-2.0,)),
        said=("y = 3", "y = −2"),
        domain=(-torch.inf, torch.inf),
        window=(-8.5, 8.5),
        gradient=r"2(\hat y - y)",
    ),
    Task(
        name="fraction",
        recipe=recipes.BoundedRegression.from_targets(torch.tensor([0.2, 0.9], dtype=torch.float64)),
        targets=((0.9,), (0.2,)),
        said=("y = 0.9", "y = 0.2"),
    ),
    Task(
        name="positive",
        recipe=recipes.TransformedRegression.from_targets(
            torch.tensor([-1.0, 1.0], dtype=torch.float64).exp(), kind="log"
        ),
        targets=((3.0,), (0.2,)),
        said=("y = 3", "y = 0.2"),
        domain=(0.0, torch.inf),
        window=(-1.5, 6.0),
        gradient=r"2(\ln\hat y - \ln y)",
    ),
)
BY_NAME: Final = {task.name: task for task in TASKS}
