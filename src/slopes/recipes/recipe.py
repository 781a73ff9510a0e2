"""What a recipe is: for one task, the head, the loss, the prediction, the metrics, the calibration, and the reasons.

A recipe is a frozen dataclass whose fields are numbers found from the targets (`pos_weight`, `delta`, the standard
deviation) or on validation data (`temperature`, `thresholds`). Each piece stands alone, so that it fits any loop:

    recipe = Binary.from_targets(train_targets)
    model = nn.Sequential(body, recipe.head(64))
    loss = recipe.loss(model(x), y)                               # raw outputs, never probabilities
    recipe = recipe.calibrated(model(x_validation), y_validation)     # a new recipe
    recipe.predict(model(x_new)).probability
    recipe.score(model(x_test), y_test)                           # {"auroc": ..., ...}

Only numbers are scored: predictions that are NaN are a `ValuesError` that counts them, in `observe` and `score` of
every recipe and wherever something is found on them, whatever `slopes.checks` says. An argmax or a comparison would
take them for an answer, and now and then for the right one.

In Lightning, `training_step` returns `recipe.loss(...)`, and `validation_step` calls
`recipe.observe(self.metrics, ...)` and `self.log_dict(self.metrics)`. Hugging Face's Trainer takes the loss as

    def loss(outputs, labels, num_items_in_batch=None):
        return recipe.loss(outputs["logits"], labels, denominator=num_items_in_batch)

    Trainer(..., compute_loss_func=loss)

where the denominator makes accumulated micro-batches add up to the whole batch.

Output activation and loss are a matched pair: sigmoid with binary cross-entropy, softmax with cross-entropy, none with
the MSE. The slope of the activation cancels against that of the loss, and the gradient by the raw output is
prediction - target: as large as the error, never flattened where the activation is. That is why `loss` takes raw
outputs and `predict` applies the activation.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Protocol, Self, runtime_checkable

from torch import Tensor, nn

from slopes._core.errors import MissingDependencyError, ValuesError
from slopes._core.reduce import Reduction

if TYPE_CHECKING:
    from torchmetrics import MetricCollection

INSTALL: Final = "pip install 'slopes[recipes]'"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a recipe is as it is.

    Attributes:
        choice: What was chosen, in few words: "pos_weight 9.0".
        because: The evidence, a sentence with the numbers that were seen.
    """

    choice: str
    because: str


@runtime_checkable
class Recipe(Protocol):
    """What belongs together for one task. `Prediction` is a NamedTuple that each recipe has of its own."""

    @property
    def name(self) -> str:
        """The task, as people call it: "binary classification"."""
        ...

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """Why it is as it is, the most important first."""
        ...

    def head(self, features: int) -> nn.Module:
        """Return the last layer, from `[..., features]` to raw outputs, initialised for these targets."""
        ...

    def loss(
        self,
        raw: Tensor,
        targets: Tensor,
        *,
        mask: Tensor | None = None,
        weight: Tensor | None = None,
        reduction: Reduction = "mean",
        denominator: Tensor | float | None = None,
    ) -> Tensor:
        """Return the training loss of raw outputs and targets as they are in the data."""
        ...

    def predict(self, raw: Tensor) -> tuple[Tensor, ...]:
        """Return what people want of raw outputs (probabilities, a decision, an interval), as a NamedTuple."""
        ...

    def metrics(self) -> MetricCollection:
        """Return torchmetrics to be updated with `observe(raw, targets)`: the ones that matter for this task."""
        ...

    def observe(self, metrics: MetricCollection, raw: Tensor, targets: Tensor) -> None:
        """Update the metrics with a batch; over batches the result is that of all the data.

        Raises:
            ValuesError: A prediction is NaN.
        """
        ...

    def score(self, raw: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of all the data at once."""
        ...

    def calibrated(self, raw: Tensor, targets: Tensor) -> Self:
        """Return this recipe with what is to be found on validation data; the same one where there is nothing."""
        ...


def refuse_nan(function: str, missing: Tensor, count: int | None = None) -> None:
    """Raise `ValuesError` where a prediction that is to be scored is NaN; it reads them on every device.

    Args:
        function: Name for the message.
        missing: Boolean, True where a prediction that counts is NaN.
        count: How many count; all where None.

    Raises:
        ValuesError: A prediction is NaN.
    """
    found = int(missing.sum())
    if found:
        total = missing.numel() if count is None else count
        message = (
            f"{function}: {found} of {total} predictions {'is' if found == 1 else 'are'} NaN, expected numbers; find "
            f"out where the model makes the first NaN, or leave those rows out and say so beside the score."
        )
        raise ValuesError(message)


def needs(what: str, *packages: str) -> None:
    """Raise `MissingDependencyError` where a package of the `recipes` extra is not installed.

    Args:
        what: What needs it, for the message: "Binary.metrics".
        packages: Names under which they are imported.

    Raises:
        MissingDependencyError: One of them is not installed.
    """
    missing = [package for package in packages if find_spec(package) is None]
    if missing:
        message = f"{what}: needs {', '.join(missing)}, not installed; the `recipes` extra has it: {INSTALL}."
        raise MissingDependencyError(message)
