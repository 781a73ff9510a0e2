"""Outputs and losses that can be put together, and the code that says the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses
from slopes import losses as L  # noqa: N812  likewise
from slopes.explorer.figures.pairing.tasks import LINEAR, Task
from slopes.explorer.yours.guarded import Guarded, GuardedLoss
from slopes.recipes import NextToken

YOURS: Final = "yours"
OWN: Final = "own"  # the loss that belongs to the task


@dataclass(frozen=True, kw_only=True)
class Activation:
    """What stands between the logits and the loss; `because` is how it harms a gradient."""

    name: str
    label: str
    said: str
    function: Callable[[Tensor], Tensor]
    code: str
    latex: str
    because: str = ""


@dataclass(frozen=True, kw_only=True)
class Loss:
    """A loss of `[N, K]` outputs and targets, one number for each row.

    Attributes:
        name: Its name in URLs.
        label: What the control calls it.
        said: What a sentence calls it.
        function: From outputs and targets to the loss of each row.
        answer: From outputs to what the model then answers for the logit that moves.
        code: The call in Python, of the outputs `o` and the targets `y`.
        latex: Its formula, of one output.
        slope: Its gradient by that output, where a line says it.
        unit: Whether it is defined on outputs and targets in [0, 1] only.
    """

    name: str
    label: str
    said: str
    function: Callable[[Tensor, Tensor, Task], Tensor]
    answer: Callable[[Tensor, Task], Tensor]
    code: Callable[[Task], str]
    latex: str
    slope: str = ""
    unit: bool = False


@dataclass(frozen=True)
class Pair:
    """An output and a loss, on a task."""

    task: Task
    activation: Activation
    loss: Loss

    @property
    def own(self) -> bool:
        """Whether this is the task's own pair."""
        return self.activation.name == LINEAR and self.loss.name == matched(self.task).name


ACTIVATIONS: Final = (
    Activation(
        name=LINEAR,
        label="none (linear)",
        said="A linear output",
        function=lambda z: z * 1.0,
        code="z",
        latex="o = z",
    ),
    Activation(
        name="sigmoid",
        label="sigmoid",
        said="A sigmoid",
        function=A.sigmoid,
        code="A.sigmoid(z)",
        latex=r"o = \sigma(z)",
        because="the sigmoid's own slope, σ(1 − σ), multiplies the error",
    ),
    Activation(
        name="tanh",
        label="tanh",
        said="A tanh",
        function=A.tanh,
        code="A.tanh(z)",
        latex=r"o = \tanh(z)",
        because="the slope of tanh, 1 − tanh², multiplies the error",
    ),
    Activation(
        name="relu",
        label="ReLU",
        said="A ReLU",
        function=A.relu,
        code="A.relu(z)",
        latex=r"o = \max(0, z)",
        because="a ReLU hands nothing back below 0",
    ),
    Activation(
        name="softplus",
        label="softplus",
        said="A softplus",
        function=A.softplus,
        code="A.softplus(z)",
        latex=r"o = \ln(1 + e^z)",
        because="the slope of a softplus, σ(z), multiplies the error",
    ),
    Activation(
        name="softmax",
        label="softmax",
        said="A softmax",
        function=A.softmax,
        code="A.softmax(z, dim=-1)",
        latex=r"o_1 = \frac{e^{z}}{\sum_k e^{z_k}}",
        because="the softmax's own slopes multiply the error",
    ),
)


def _bce(o: Tensor, y: Tensor, _: Task) -> Tensor:
    return L.binary_cross_entropy(o, y, reduction="none").sum(-1)


def _cross_entropy(o: Tensor, y: Tensor, task: Task) -> Tensor:
    if task.name != "tokens":
        return L.cross_entropy(o, y, reduction="none")
    return L.next_token(*_after_one(o, y), reduction="none").squeeze(-1)


def _after_one(o: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return logits `[N, 2, K]` and tokens `[N, 2]`, of which the second is to be predicted."""
    before = torch.zeros(len(o), dtype=torch.int64)
    return o.unsqueeze(1).expand(-1, 2, -1), torch.stack([before, y.argmax(-1)], dim=-1)


def _squares(o: Tensor, y: Tensor, _: Task) -> Tensor:
    return L.mse(o, y, reduction="none").sum(-1)


def _log_squares(o: Tensor, y: Tensor, _: Task) -> Tensor:
    return L.mse(o, y.log(), reduction="none").sum(-1)


def _on_probabilities(o: Tensor, y: Tensor, _: Task) -> Tensor:
    return functional.binary_cross_entropy(o, y, reduction="none").sum(-1)


def _hinge(o: Tensor, y: Tensor, task: Task) -> Tensor:
    if task.exclusive:
        return L.multiclass_hinge(o, y.argmax(-1), reduction="none")
    return L.hinge(o, 2 * y - 1 if task.hard else y, reduction="none").sum(-1)


def _hinge_as_it_is(o: Tensor, y: Tensor, _: Task) -> Tensor:
    return L.hinge(o, y, reduction="none").sum(-1)


def _side(o: Tensor, task: Task) -> Tensor:
    """A margin tells a side and no probability."""
    if task.exclusive:
        return (o[:, 0] >= o[:, 1:].max(-1).values).to(o.dtype)
    return (o[:, 0] > 0).to(o.dtype) if task.hard else o[:, 0]


def _hinge_code(task: Task) -> str:
    if task.exclusive:
        return 'L.multiclass_hinge(o, y.argmax(-1), reduction="sum")'
    return f'L.hinge(o, {"2 * y - 1" if task.hard else "y"}, reduction="sum")'


def _ce_code(task: Task) -> str:
    if task.name != "tokens":
        return 'L.cross_entropy(o, y, reduction="sum")'
    return 'L.next_token(o.expand(1, 2, -1), torch.tensor([[0, int(y.argmax())]]), reduction="sum")'


LOSSES: Final = (
    Loss(
        name="bce",
        label="BCE, of logits",
        said="BCE of logits",
        function=_bce,
        answer=lambda o, _: A.sigmoid(o)[:, 0],
        code=lambda _: 'L.binary_cross_entropy(o, y, reduction="sum")',
        latex=r"L = -y \ln\sigma(o) - (1 - y)\ln(1 - \sigma(o))",
        slope=r"\sigma(o) - y",
    ),
    Loss(
        name="ce",
        label="cross-entropy, of logits",
        said="cross-entropy of logits",
        function=_cross_entropy,
        answer=lambda o, _: A.softmax(o, dim=-1)[:, 0],
        code=_ce_code,
        latex=r"L = -\textstyle\sum_k y_k \ln\operatorname{softmax}(o)_k",
        slope=r"\operatorname{softmax}(o)_1 \textstyle\sum_k y_k - y_1",
    ),
    Loss(
        name="mse",
        label="MSE",
        said="MSE",
        function=_squares,
        answer=lambda o, _: o[:, 0],
        code=lambda _: 'L.mse(o, y, reduction="sum")',
        latex=r"L = (o - y)^2",
        slope="2(o - y)",
    ),
    Loss(
        name="log",
        label="MSE of the logarithm",
        said="MSE of the logarithm",
        function=_log_squares,
        answer=lambda o, _: o[:, 0].exp(),
        code=lambda _: 'L.mse(o, y.log(), reduction="sum")',
        latex=r"L = (o - \ln y)^2",
        slope=r"2(o - \ln y)",
    ),
    Loss(
        name="probabilities",
        label="BCE, of probabilities (torch's)",
        said="BCE of probabilities",
        function=_on_probabilities,
        answer=lambda o, _: o[:, 0],
        code=lambda _: 'torch.nn.functional.binary_cross_entropy(o, y, reduction="sum")',
        latex=r"L = -y \ln o - (1 - y)\ln(1 - o)",
        slope=r"\frac{o - y}{o(1 - o)}",
        unit=True,
    ),
    Loss(
        name="hinge",
        label="hinge",
        said="the hinge loss",
        function=_hinge,
        answer=_side,
        code=_hinge_code,
        latex=r"L = \max(0,\, 1 - (2y - 1)\,o)",
    ),
    Loss(
        name="hinge01",
        label="hinge, labels left at 0 and 1",
        said="the hinge loss on labels 0 and 1",
        function=_hinge_as_it_is,
        answer=_side,
        code=lambda _: 'L.hinge(o, y, reduction="sum")',
        latex=r"L = \max(0,\, 1 - y\,o)",
    ),
)
ACTIVATION_BY_NAME: Final = {activation.name: activation for activation in ACTIVATIONS}
LOSS_BY_NAME: Final = {loss.name: loss for loss in LOSSES}


def own_pair(task: Task) -> Pair:
    """Return the pair that belongs to a task."""
    return Pair(task, ACTIVATION_BY_NAME[LINEAR], matched(task))


@cache
def matched(task: Task) -> Loss:
    """Return the loss and the answer of a task's recipe, in the words of the one of `LOSSES` that it equals."""
    z = torch.tensor([-2.0, -2.0, 0.5, 0.5, 3.0, 3.0], dtype=torch.float64)
    o, y = task.logits(z), task.y.repeat(3, 1)
    with slopes.checks(values=False):
        wanted = _of_recipe(o, y, task)
        equal = next(
            loss for loss in LOSSES if not loss.unit and torch.allclose(loss.function(o, y, task), wanted, rtol=1e-9)
        )
    if isinstance(task.recipe, NextToken):  # it answers with the likeliest token, and here one is looked at
        return replace(equal, function=_of_recipe)
    return replace(equal, function=_of_recipe, answer=_answer_of_recipe)


def _of_recipe(o: Tensor, y: Tensor, task: Task) -> Tensor:
    if isinstance(task.recipe, NextToken):
        return task.recipe.loss(*_after_one(o, y), reduction="none").squeeze(-1)
    if len(task.targets[0]) == 1:
        return task.recipe.loss(o[:, 0], y[:, 0], reduction="none")
    value = task.recipe.loss(o, y, reduction="none")
    return value if value.dim() == 1 else value.sum(-1)


def _answer_of_recipe(o: Tensor, task: Task) -> Tensor:
    single = len(task.targets[0]) == 1
    return task.recipe.predict(o[:, 0])[0] if single else task.recipe.predict(o)[0][:, 0]


def your_activation(guarded: Guarded, reference: str) -> Activation:
    """Return the visitor's own activation as an output."""

    def function(z: Tensor) -> Tensor:
        return _attached(*guarded(z.detach().reshape(-1)), z)

    code = f"load({reference!r})(z)" if reference else f"{guarded.name}(z)"
    said, latex = guarded.name, rf"o = \mathrm{{{_upright(guarded.name)}}}(z)"
    because = f"the slope of {guarded.name} multiplies the error"
    return Activation(name=YOURS, label=said, said=said, function=function, code=code, latex=latex, because=because)


def your_loss(guarded: GuardedLoss, reference: str) -> Loss:
    """Return the visitor's own loss of outputs and targets, summed over the logits."""

    def function(o: Tensor, y: Tensor, _: Task) -> Tensor:
        return _attached(*guarded.at(o.detach().reshape(-1), y.reshape(-1)), o).sum(-1)

    code = f"load({reference!r})(o, y).sum()" if reference else f"{guarded.name}(o, y).sum()"
    said, latex = guarded.name, rf"L = \mathrm{{{_upright(guarded.name)}}}(o, y)"
    return Loss(
        name=YOURS,
        label=said,
        said=said,
        function=function,
        answer=lambda o, _: o[:, 0],
        code=lambda _: code,
        latex=latex,
    )


def _attached(value: Tensor, slope: Tensor, x: Tensor) -> Tensor:
    """Values at `x` that are known, with slopes that are known."""
    return value.reshape(x.shape) + slope.reshape(x.shape) * (x - x.detach())


def _upright(name: str) -> str:
    return name.replace("_", r"\_")
