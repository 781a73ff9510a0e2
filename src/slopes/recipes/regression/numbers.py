"""Targets that are numbers: checked, and standardised by column.

Dimension names: N rows, D columns; `...` is any shape. `Numbers` are one float where targets are `[N]`, and a tuple of
D floats, one for each column, where they are `[N, D]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import ShapeError, ValuesError
from slopes._core.tensors import wide
from slopes.recipes.recipe import Reason

Numbers = float | tuple[float, ...]

NORMAL_MAD: Final = 1.482602218505602  # standard deviation over MAD of normal numbers, 1 / Φ⁻¹(3/4)
NORMAL_MEAN_DEVIATION: Final = 1.2533141373155003  # standard deviation over mean absolute deviation, sqrt(π / 2)
_COLUMNS: Final = 2


def read(function: str, targets: Tensor) -> Tensor:
    """Return training targets as float64, after a look at every one of them.

    Args:
        function: Name for error messages.
        targets: `[N]` or `[N, D]`, floating; at least two rows, no column constant.

    Raises:
        ShapeError: Not `[N]` or `[N, D]`, or fewer than two rows.
        DtypeError: Not a floating tensor.
        ValuesError: A target is NaN or infinite, or a column is constant.
    """
    check.floating(function, targets=targets)
    if targets.dim() not in {1, _COLUMNS}:
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected [N], or [N, D] for D numbers a row; "
            f"pass targets.flatten() for numbers per pixel or step."
        )
        raise ShapeError(message)
    if len(targets) < 2 or targets.numel() == 0:  # noqa: PLR2004
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected at least two rows; "
            f"one row says nothing of how far numbers vary, so check how the data were read."
        )
        raise ShapeError(message)
    finite(function, "targets", targets)
    values = targets.detach().double()
    _varied(function, values)
    return values


def finite(function: str, name: str, value: Tensor) -> None:
    """Raise `ValuesError` where a number is NaN or infinite; it counts them."""
    missing, infinite = int(value.isnan().sum()), int(value.isinf().sum())
    if missing or infinite:
        first = (~value.isfinite()).nonzero()[0].tolist()
        message = (
            f"{function}: `{name}` holds {missing} NaN and {infinite} infinite of {value.numel()} numbers, the first "
            f"at {first}, expected finite ones; leave those rows out, or find out what they stand for."
        )
        raise ValuesError(message)


def _varied(function: str, values: Tensor) -> None:
    constant = (values.amax(0) == values.amin(0)).reshape(-1)
    if bool(constant.any()):
        column = int(constant.nonzero()[0])
        where = "`targets`" if values.dim() == 1 else f"`targets` of column {column}"
        message = (
            f"{function}: all {len(values)} {where} are {values.reshape(len(values), -1)[0, column].item():.6g}, "
            f"expected numbers that differ; a constant teaches nothing, so check the column, or how the data were "
            f"split."
        )
        raise ValuesError(message)


def numbers(value: Tensor) -> Numbers:
    """Return a 0-d tensor as a float, and `[D]` as a tuple of floats."""
    return tuple(value.tolist()) if value.dim() else float(value)


def beside(given: Numbers, value: Tensor) -> Tensor:
    """Return numbers as a tensor that goes with `value`: 0-d, or `[D]`."""
    return torch.tensor(given, dtype=wide(value.dtype), device=value.device)


def median(values: Tensor) -> Tensor:
    """Return the median of each column, the mean of the middle two where N is even; of any N."""
    ordered = values.sort(0).values
    return (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2


def median_absolute_deviation(values: Tensor) -> Tensor:
    """Return the median of |value - median| of each column."""
    return median((values - median(values)).abs())


def listed(given: Numbers, digits: int = 4) -> str:
    """Return numbers as a sentence has them."""
    several = given if isinstance(given, tuple) else (given,)
    most = 4
    rest = f" and {len(several) - most} more" if len(several) > most else ""
    return ", ".join(f"{number:.{digits}g}" for number in several[:most]) + rest


@dataclass(frozen=True, slots=True, kw_only=True)
class Standardization:
    """How targets are standardised in training and restored in prediction: (target - center) / unit.

    Attributes:
        center: What becomes 0, by column, in the targets' unit.
        unit: What becomes 1, by column, above 0, in the targets' unit.
        low: The smallest training target, by column.
        high: The largest one, by column.

    Examples:
        >>> scale = Standardization.from_targets(torch.tensor([200.0, 350.0, 500.0]))
        >>> scale.center, round(scale.unit, 2)
        (350.0, 122.47)
        >>> scale.forward("example", torch.tensor([350.0]))
        tensor([0.])
    """

    center: Numbers
    unit: Numbers
    low: Numbers
    high: Numbers

    @classmethod
    def from_targets(cls, targets: Tensor, function: str = "Standardization") -> Self:
        """Return mean and standard deviation (divided by N) of targets `[N]` or `[N, D]`.

        Raises:
            SlopesError: As `read` does.
        """
        values = read(function, targets)
        exponent = values.abs().amax(0).frexp().exponent
        scaled = values.ldexp(-exponent)  # exact, and squares of it cannot overflow
        center = scaled.mean(0)
        unit = (scaled - center).square().mean(0).sqrt()
        return cls(
            center=numbers(center.ldexp(exponent)),
            unit=numbers(unit.ldexp(exponent)),
            low=numbers(values.amin(0)),
            high=_high(values),
        )

    @classmethod
    def robust(cls, targets: Tensor, function: str = "Standardization") -> Self:
        """Return median and 1.4826 · median absolute deviation, which few wild targets cannot move.

        Of normal numbers the second is the standard deviation. Where more than half of a column's targets are equal
        it would be 0, and 1.2533 · mean absolute deviation stands in.

        Raises:
            SlopesError: As `read` does.
        """
        values = read(function, targets)
        center = median(values)
        away = (values - center).abs()
        unit = NORMAL_MAD * median(away)
        unit = torch.where(unit > 0, unit, NORMAL_MEAN_DEVIATION * away.mean(0))
        return cls(center=numbers(center), unit=numbers(unit), low=numbers(values.amin(0)), high=_high(values))

    @property
    def columns(self) -> int | None:
        """D where targets are `[N, D]`, None where they are `[N]`."""
        return len(self.center) if isinstance(self.center, tuple) else None

    @property
    def one_sided(self) -> bool:
        """Whether all training targets lie on one side of 0, so that an error in per cent means something."""
        low, high = torch.tensor(self.low), torch.tensor(self.high)
        return bool(((low > 0) | (high < 0)).all())

    def fits(self, function: str, name: str, value: Tensor) -> None:
        """Raise `ShapeError` unless `value` has the columns that the training targets had."""
        check.floating(function, **{name: value})
        if self.columns is not None:
            check.dimensions(function, name, value, "[..., D]", 1)
            expected = [*value.shape[:-1], self.columns]
            check.has_shape(function, name, value, expected, "the columns of the training targets")

    def forward(self, function: str, targets: Tensor) -> Tensor:
        """Return targets `[...]` in standardised units, the dtype they have (float32 for 16-bit ones)."""
        self.fits(function, "targets", targets)
        return (targets.to(wide(targets.dtype)) - beside(self.center, targets)) / beside(self.unit, targets)

    def inverse(self, values: Tensor) -> Tensor:
        """Return standardised values `[...]` in the targets' unit."""
        return values.to(wide(values.dtype)) * beside(self.unit, values) + beside(self.center, values)

    def why(self) -> Reason:
        """Return why targets are standardised, with their numbers."""
        return Reason(
            f"standardised by mean {listed(self.center)} and standard deviation {listed(self.unit)}",
            f"Targets run from {listed(self.low)} to {listed(self.high)}. In standardised units the first gradients, "
            f"and with them the learning rate, do not depend on whether a price is in cents or in thousands. "
            f"Prediction restores the unit.",
        )


NEVER_ALONE: Final = Reason(
    "MAE and RMSE beside R²",
    "R² compares with the mean of what it is measured on and falls below 0 for a model that does worse; errors in the "
    "targets' own unit say how far off it is.",
)


def truth(function: str, raw: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return raw outputs and targets of equal shapes as float64 without a graph, for metrics and calibration.

    Raises:
        ShapeError: Shapes differ.
        DtypeError: One of them is not floating.
        ValuesError: A target is NaN or infinite.
    """
    check.floating(function, raw=raw, targets=targets)
    check.same_device(function, raw=raw, targets=targets)
    check.same_shape(function, raw=raw, targets=targets)
    return _true(function, raw, targets)


def truth_of_several(function: str, raw: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return raw outputs `[..., Q]` and targets `[...]` as `truth` does: Q numbers are said of each target.

    Raises:
        ShapeError: Shapes do not fit.
        DtypeError: One of them is not floating.
        ValuesError: A target is NaN or infinite.
    """
    check.floating(function, raw=raw, targets=targets)
    check.same_device(function, raw=raw, targets=targets)
    check.has_shape(function, "targets", targets, raw.shape[:-1], "`raw` without its last dimension")
    return _true(function, raw, targets)


def _true(function: str, raw: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    finite(function, "targets", targets)
    return raw.detach().double(), targets.detach().double()


def check_validation(function: str, raw: Tensor, targets: Tensor) -> None:
    """Raise unless validation outputs are finite and there are rows of them."""
    if targets.numel() == 0:
        message = (
            f"{function}: `targets` has shape {check.shape_of(targets)}, expected at least one validation row; "
            f"check how the data were split."
        )
        raise ShapeError(message)
    finite(function, "raw", raw)


def counted(function: str, targets: Tensor, mask: Tensor | None, weight: Tensor | None) -> Tensor | None:
    """Return which targets count, as a boolean tensor of their shape; None where all do."""
    keep = mask
    if mask is not None:
        check.boolean(function, "mask", mask, targets.shape, "the shape of the unreduced loss; True where it counts")
    if weight is not None:
        check.floating(function, weight=weight)
        check.has_shape(function, "weight", weight, targets.shape, "the shape of the unreduced loss")
        keep = weight != 0 if mask is None else mask & (weight != 0)
    return keep


def _high(values: Tensor) -> Numbers:
    return numbers(values.amax(0))
