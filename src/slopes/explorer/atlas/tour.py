"""The tour: the figures in an order that tells the story, each in the state that makes its point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlencode


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """One stop: a figure in a state, and why one stops there."""

    chapter: str
    page: str
    text: str
    state: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one stands, and the addresses before and after; empty at the ends."""

    chapter: str
    page: str
    text: str
    number: int
    count: int
    previous: str
    next: str


STOPS: Final[tuple[Stop, ...]] = (
    Stop(
        chapter="Why non-linearity",
        page="activations",
        text="Without a bend, a stack of layers is one layer. Each of these bends the line; the dashed slope is "
        "what a layer passes back when it learns.",
    ),
    Stop(
        chapter="Saturation and depth",
        page="activations",
        text="Far out a sigmoid and a tanh are flat. Ten such layers multiply ten slopes near 0, and nothing is "
        "left to learn from.",
        state={"functions": "sigmoid,tanh,relu", "at": "10", "from": "-12", "to": "12"},
    ),
    Stop(
        chapter="Saturation and depth",
        page="depth",
        text="The same over a whole network: which activation, with which start, keeps signal and gradient alive "
        "through fifty layers.",
    ),
    Stop(
        chapter="Probabilities",
        page="softmax-temperature",
        text="Scores become shares that add up to 1. The temperature decides how much the largest takes, never "
        "which it is.",
    ),
    Stop(
        chapter="Distances",
        page="regression-losses",
        text="For a number the error is a distance. How fast the loss grows with it decides who is heard: the MSE "
        "listens to the loudest.",
        state={"losses": "mse,mae,huber", "r": "4", "from": "-5", "to": "5"},
    ),
    Stop(
        chapter="Distances",
        page="line-fit",
        text="What that does to a line: drag the outlier, and see which loss follows it.",
    ),
    Stop(
        chapter="Surprise",
        page="cross-entropy",
        text="For a class the error is a surprise, -log p: nothing where the model was sure and right, without "
        "bound where it was sure and wrong.",
        state={"axis": "probability", "p": "0.01", "z": "-4.595"},
    ),
    Stop(
        chapter="Surprise",
        page="confidence",
        text="Why cross-entropy and not MSE: the wrong and certain model gets a gradient of nearly 1 from the one, "
        "nearly 0 from the other.",
    ),
    Stop(
        chapter="Surprise",
        page="landscape",
        text="The same as a landscape: the MSE has plateaus where an optimiser stands still, cross-entropy slopes "
        "everywhere.",
    ),
    Stop(
        chapter="Surprise",
        page="pairing",
        text="So the last layer and its loss belong together. Mismatch them on purpose and watch the gradient die.",
        state={"activation": "sigmoid", "loss": "mse"},
    ),
    Stop(
        chapter="Surprise",
        page="kl",
        text="Surprise on average, less what was unavoidable, is the divergence of two distributions. It has a "
        "direction.",
    ),
    Stop(
        chapter="Imbalance",
        page="binary-losses",
        text="All of these ask yes or no. They differ in how they treat the easy and the hopeless.",
        state={"losses": "binary_cross_entropy,focal,asymmetric", "z": "2.2"},
    ),
    Stop(
        chapter="Imbalance",
        page="focal",
        text="A thousand easy negatives together outweigh ten hard positives, unless the easy ones are turned down.",
    ),
    Stop(
        chapter="Similarity",
        page="contrastive-forces",
        text="Without classes there are only likes and unlikes: alike attract, unlike repel up to a margin. Drag "
        "the points, then play.",
    ),
    Stop(
        chapter="Similarity",
        page="info-nce",
        text="With many negatives at once it is a line-up: pick the right one out of N. Chance level is log N.",
    ),
    Stop(
        chapter="Preference",
        page="preference",
        text="With answers instead of classes: this one rather than that. Some losses stop when they have won, "
        "some never do, one pulls back.",
    ),
    Stop(
        chapter="What is told otherwise",
        page="worked-examples",
        text="Sixty-three figures that texts work out, each computed again. Eight of them do not hold.",
    ),
)


def address(number: int) -> str:
    """Return the address of a stop, counted from 1; empty where there is none."""
    if not 1 <= number <= len(STOPS):
        return ""
    stop = STOPS[number - 1]
    return f"/{stop.page}?{urlencode({**stop.state, 'tour': str(number)}, safe=',')}"


def place(page: str, text: str) -> Place | None:
    """Return where `text`, the number of a stop, stands, if it is a stop on this page."""
    if not text.isdecimal() or not 1 <= int(text[:4]) <= len(STOPS) or STOPS[int(text[:4]) - 1].page != page:
        return None
    number = int(text[:4])
    stop = STOPS[number - 1]
    return Place(
        chapter=stop.chapter,
        page=page,
        text=stop.text,
        number=number,
        count=len(STOPS),
        previous=address(number - 1),
        next=address(number + 1),
    )
