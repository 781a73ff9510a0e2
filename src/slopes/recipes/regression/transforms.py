"""Transforms of heavy-tailed targets, with their inverses: logarithm, Box-Cox, Yeo-Johnson.

The exponents are fitted by scikit-learn's PowerTransformer. The formulas are here once more in torch, so that loss and
prediction stay on the tensors' device and dtype.

    Box-Cox:      (y^λ - 1) / λ, log y at λ = 0                      y > 0
    Yeo-Johnson:  Box-Cox with λ of y + 1                            y >= 0
                  minus Box-Cox with 2 - λ of 1 - y                  y < 0

Both are applied to (y - shift) / size, and standardised after. Source: Box, Cox 1964; Yeo, Johnson 2000.

Dimension names: N rows, D columns; `...` is any shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Self

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import ValuesError
from slopes._core.spec import FINITE_POSITIVE
from slopes._core.tensors import wide
from slopes.recipes.recipe import needs
from slopes.recipes.regression.numbers import Numbers, Standardization, beside, listed, median, numbers, read

Kind = Literal["log", "box-cox", "yeo-johnson"]
KINDS: Final = ("log", "box-cox", "yeo-johnson")
MOST_ROWS: Final = 100_000  # of which the exponents are fitted


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A rising function of targets to about normal numbers of mean 0 and deviation 1, and its inverse.

    Attributes:
        kind: `"log"`, `"box-cox"` or `"yeo-johnson"`.
        power: λ, by column; 0 for the logarithm, 1 for none at all.
        shift: Taken off first, by column, in the targets' unit; 0 but for Yeo-Johnson.
        size: Divided by then, by column, above 0, in the targets' unit.
        center: Mean of the transformed training targets, by column.
        unit: Their standard deviation, by column.

    Examples:
        >>> transform = Transform.fitted(torch.tensor([1.0, 10.0, 100.0]), kind="log")
        >>> transform.forward("example", torch.tensor([1.0, 100.0]))
        tensor([-1.2247,  1.2247])
        >>> transform.inverse(torch.tensor([0.0]))
        tensor([10.])
    """

    kind: Kind
    power: Numbers
    shift: Numbers
    size: Numbers
    center: Numbers
    unit: Numbers

    @classmethod
    def fitted(cls, targets: Tensor, *, kind: Kind) -> Self:
        """Return the transform of this kind for training targets.

        Args:
            targets: `[N]` or `[N, D]`, floating and finite; above 0 but for Yeo-Johnson.
            kind: `"log"`, `"box-cox"` or `"yeo-johnson"`.

        Raises:
            MissingDependencyError: scikit-learn is not installed, and the exponent is to be fitted.
            SlopesError: As `slopes.recipes.regression.numbers.read`; `kind` is none of these; a target is not above 0.
        """
        check.choice("Transform", "kind", kind, KINDS)
        values = read("Transform", targets)
        if kind != "yeo-johnson":
            check.within("Transform", "targets", values, FINITE_POSITIVE, _NOT_POSITIVE)
            shift, size = torch.zeros_like(values[0]), median(values)
        else:
            scale = Standardization.robust(values)
            shift, size = (torch.tensor(given, dtype=torch.float64) for given in (scale.center, scale.unit))
        scaled = (values - shift) / size
        power = torch.zeros_like(size) if kind == "log" else _exponents(scaled, kind)
        plain = _yeo_johnson(scaled, power) if kind == "yeo-johnson" else _box_cox(scaled, power)
        after = Standardization.from_targets(plain, f"Transform ({kind})")
        return cls(
            kind=kind,
            power=numbers(power),
            shift=numbers(shift),
            size=numbers(size),
            center=after.center,
            unit=after.unit,
        )

    def forward(self, function: str, targets: Tensor, keep: Tensor | None = None) -> Tensor:
        """Return targets `[...]` transformed and standardised; NaN where they are outside the domain and not kept.

        Raises:
            ValuesError: A target that counts is not above 0, but for Yeo-Johnson.
        """
        if self.kind != "yeo-johnson":
            check.within(function, "targets", targets, FINITE_POSITIVE, _NOT_POSITIVE, keep)
        given = targets.to(wide(targets.dtype))
        scaled, power = (given - beside(self.shift, given)) / beside(self.size, given), beside(self.power, given)
        plain = _yeo_johnson(scaled, power) if self.kind == "yeo-johnson" else _box_cox(scaled, power)
        return (plain - beside(self.center, given)) / beside(self.unit, given)

    def inverse(self, values: Tensor) -> Tensor:
        """Return standardised values `[...]` in the targets' unit.

        Box-Cox with λ > 0 has no target below a lowest value, and with λ < 0 none above a highest one: what lies
        beyond gets the limit there, 0 and ∞.
        """
        given = values.to(wide(values.dtype))
        plain, power = given * beside(self.unit, given) + beside(self.center, given), beside(self.power, given)
        scaled = _yeo_johnson_inverse(plain, power) if self.kind == "yeo-johnson" else _box_cox_inverse(plain, power)
        return scaled * beside(self.size, given) + beside(self.shift, given)

    def told(self) -> str:
        """Return the transform in few words."""
        return "log" if self.kind == "log" else f"{self.kind} with λ = {listed(self.power, 3)}"


_NOT_POSITIVE: Final = (
    "a logarithm or Box-Cox transform takes positive numbers only: choose 'yeo-johnson', or PositiveRegression "
    "where 0 is a proper value"
)


def _exponents(scaled: Tensor, kind: Kind) -> Tensor:
    needs("Transform", "sklearn")
    from sklearn.preprocessing import PowerTransformer  # noqa: PLC0415  an optional package

    rows = scaled.reshape(len(scaled), -1)
    if len(rows) > MOST_ROWS:
        chosen = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:MOST_ROWS]
        rows = rows[chosen.to(rows.device)]
    fitted = PowerTransformer(method=kind, standardize=False).fit(rows.cpu().numpy())
    found = torch.as_tensor(fitted.lambdas_, dtype=torch.float64, device=scaled.device)
    if not bool(found.isfinite().all()):
        fix = "choose 'log'" if kind == "box-cox" else "leave them as they are, with RobustRegression"
        message = f"Transform: no exponent of {kind} fits `targets`, expected numbers of a few decades; {fix}."
        raise ValuesError(message)
    return found.reshape(scaled.shape[1:])


def _box_cox(value: Tensor, power: Tensor) -> Tensor:
    log = value.log()
    safe = torch.where(power == 0, 1.0, power)
    return torch.where(power == 0, log, torch.expm1(safe * log) / safe)


def _box_cox_inverse(value: Tensor, power: Tensor) -> Tensor:
    safe = torch.where(power == 0, 1.0, power)
    inside = (safe * value).clamp_min(-1.0)  # log1p(-1) is -∞: the limits 0 and ∞
    return torch.where(power == 0, value, torch.log1p(inside) / safe).exp()


def _yeo_johnson(value: Tensor, power: Tensor) -> Tensor:
    upper, lower = value.clamp_min(0.0), value.clamp_max(0.0)
    return _box_cox(upper + 1, power) - _box_cox(1 - lower, 2 - power)


def _yeo_johnson_inverse(value: Tensor, power: Tensor) -> Tensor:
    upper, lower = value.clamp_min(0.0), value.clamp_max(0.0)
    return _box_cox_inverse(upper, power) - _box_cox_inverse(-lower, 2 - power)
