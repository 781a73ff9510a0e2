"""The tasks: which logit moves, what the targets are, and which pair belongs to each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

VOCABULARY: Final = 50
LINEAR: Final = "none"  # the activation of every matched pair: what the loss needs is inside the loss


@dataclass(frozen=True, kw_only=True)
class Task:
    """A task with one logit that moves.

    Attributes:
        name: Its name in URLs.
        label: What a person calls it.
        others: The logits beside the one that moves, which stay.
        targets: The two targets that are compared, one number for each logit.
        said: The two targets in words.
        loss: The loss that belongs to it.
        domain: Where an answer makes sense.
        window: The part of the answers that is drawn.
        gradient: LaTeX of the matched pair's gradient.
        head: What the network ends in.
        output: What turns the logit into the answer.
        decision: What is made of the answer.
        why: Why these belong together.
    """

    name: str
    label: str
    others: tuple[float, ...] = ()
    targets: tuple[tuple[float, ...], tuple[float, ...]] = ((1.0,), (0.0,))
    said: tuple[str, str] = ("y = 1", "y = 0")
    loss: str
    domain: tuple[float, float] = (0.0, 1.0)
    window: tuple[float, float] = (-0.3, 1.3)
    gradient: str = r"\hat y - y"
    head: str
    output: str
    decision: str
    why: str

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


_EXCLUSIVE: Final = (
    "The softmax couples the logits, as exclusive classes are coupled, and cancels against the logarithm."
)

TASKS: Final = (
    Task(
        name="binary",
        label="Yes or no (binary)",
        loss="bce",
        head="One logit",
        output="σ(z), inside the loss while training",
        decision="Yes where ŷ is above a threshold tuned on validation data",
        why="The sigmoid's slope ŷ(1 − ŷ) cancels against the logarithm's 1/ŷ and 1/(1 − ŷ).",
    ),
    Task(
        name="classes",
        label="One class of three (multi-class)",
        others=(0.0, 0.0),
        targets=(_one_hot(3, 0), _one_hot(3, 1)),
        loss="ce",
        head="One logit for each class",
        output="softmax(z), inside the loss while training",
        decision="The class with the largest logit",
        why=_EXCLUSIVE,
    ),
    Task(
        name="labels",
        label="Any of three labels (multi-label)",
        others=(4.0, -4.0),
        targets=((1.0, 1.0, 0.0), (0.0, 1.0, 0.0)),
        loss="bce",
        head="One logit for each label",
        output="σ(z) of each label, inside the loss while training",
        decision="Each label where its ŷ is above a threshold of its own",
        why="Labels do not compete, so each has a sigmoid and a BCE of its own.",
    ),
    Task(
        name="tokens",
        label=f"Next token, of {VOCABULARY}",
        others=(0.0,) * (VOCABULARY - 1),
        targets=(_one_hot(VOCABULARY, 0), _one_hot(VOCABULARY, 1)),
        loss="ce",
        head="One logit for each token of the vocabulary, at every position",
        output="softmax(z), inside the loss while training",
        decision="A sample from the softmax, or its largest",
        why=_EXCLUSIVE,
    ),
    Task(
        name="regression",
        label="Any number (regression)",
        targets=((3.0,), (-2.0,)),
        said=("y = 3", "y = −2"),
        loss="mse",
        domain=(-torch.inf, torch.inf),
        window=(-8.5, 8.5),
        gradient=r"2(\hat y - y)",
        head="One number, the target standardised",
        output="z itself",
        decision="The number, scaled back",
        why="Nothing stands between z and the loss, so nothing can saturate.",
    ),
    Task(
        name="fraction",
        label="A share from 0 to 1 (bounded regression)",
        targets=((0.9,), (0.2,)),
        said=("y = 0.9", "y = 0.2"),
        loss="bce",
        head="One logit",
        output="σ(z), inside the loss while training",
        decision="The share",
        why="BCE takes soft targets: its least value lies at ŷ = y, and the sigmoid's slope cancels as for labels.",
    ),
    Task(
        name="positive",
        label="A positive number",
        targets=((3.0,), (0.2,)),
        said=("y = 3", "y = 0.2"),
        loss="log",
        domain=(0.0, torch.inf),
        window=(-1.5, 6.0),
        gradient=r"2(\ln\hat y - \ln y)",
        head="One number, the logarithm of the answer",
        output="exp(z)",
        decision="The number",
        why="In the logarithm it is plain regression: ln ŷ − ln y, however small the answer is.",
    ),
)
BY_NAME: Final = {task.name: task for task in TASKS}
