"""Whether the numbers that count are among those that the function is defined for."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from slopes._core.errors import ValuesError
from slopes._core.settings import reads_values
from slopes._core.spec import FINITE_NON_NEGATIVE, Domain
from slopes._core.tensors import NARROW, wide

_PIECE = 1 << 17


def within(function: str, name: str, value: Tensor, domain: Domain, fix: str, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts lies in `domain`; NaN does not."""
    if not reads_values(value, keep) or value.numel() == 0:
        return
    low, high = (float(end) for end in value.detach().aminmax())  # one pass; most inputs are right
    if low in domain and high in domain:
        return
    above = value > domain.low if domain.low_open else value >= domain.low
    below = value < domain.high if domain.high_open else value <= domain.high
    wrong = ~(above & below)
    if (came := _first(value, wrong, keep)) is not None:
        if math.isnan(came):
            fix = f"find the step that made it: {name}.isnan() says which it is"
        message = f"{function}: `{name}` holds {came:.6g}, expected values in {domain}; {fix}."
        raise ValuesError(message)


def _first(values: Tensor, wrong: Tensor, keep: Tensor | None) -> float | None:
    """Return the first of the values that are wrong and count; None where there is none."""
    if keep is not None:
        wrong = wrong & keep
    return values[wrong][0].item() if bool(wrong.any()) else None


def hard_labels(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts is 0 or 1."""
    if not reads_values(value, keep) or value.numel() == 0:
        return
    flat = value.detach().reshape(-1)
    # Piece by piece, in the cache: a temporary of the whole would cost more than the loss.
    starts = range(0, flat.numel(), _PIECE)
    if all(_all_zero(torch.addcmul(p, p, p, value=-1)) for p in (flat[s : s + _PIECE] for s in starts)):
        return
    wrong = ~((value == 0) | (value == 1))
    if (came := _first(value, wrong, keep)) is not None:
        message = (
            f"{function}: `{name}` holds {came:.6g}, expected 0 or 1; "
            f"for soft targets use binary_cross_entropy, from labels -1 and +1 make (labels + 1) / 2."
        )
        raise ValuesError(message)


def _all_zero(value: Tensor) -> bool:
    low, high = value.aminmax()
    return low.item() == 0 == high.item()


def distribution(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless the last dimension holds probabilities that sum to 1."""
    fix = "pass probabilities, for example the softmax of a teacher's logits"
    within(
        function,
        name,
        value,
        Domain(0.0, 1.0),
        fix,
        None if keep is None else keep.unsqueeze(-1).expand_as(value),
    )
    if not reads_values(value, keep):
        return
    total = value.double().sum(-1)
    wrong = (total - 1).abs() > rounding(value)
    if (came := _first(total, wrong, keep)) is not None:
        message = (
            f"{function}: a row of `{name}` sums to {came:.6g}, expected 1; "
            f"divide it by its sum, or pass class indices (int64) if each row has one class."
        )
        raise ValuesError(message)


def log_distribution(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless the exponentials of the last dimension sum to 1."""
    if not reads_values(value, keep):
        return
    total = value.detach().to(wide(value.dtype)).exp().sum(-1)  # rounded far less than what is allowed
    wrong = ~((total - 1).abs() <= rounding(value))
    if (came := _first(total, wrong, keep)) is not None:
        message = (
            f"{function}: a row of exp(`{name}`) sums to {came:.6g}, expected 1; "
            f"pass log-probabilities, for example torch.log_softmax(logits, -1)."
        )
        raise ValuesError(message)


def rounding(value: Tensor) -> float:
    """Return how far a sum over the last dimension may be off its true value."""
    # Each of the C entries carries half a unit in the last place; a sum of rounded ones is off by about its root.
    return 4 * torch.finfo(value.dtype).eps * math.sqrt(max(value.shape[-1], 1)) + 1e-6


def signs(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts is -1 or +1."""
    if not reads_values(value, keep) or value.numel() == 0:
        return
    low, high = (float(end) for end in value.detach().abs().aminmax())
    if low == 1 and high == 1:
        return
    wrong = value.abs() != 1
    if (came := _first(value, wrong, keep)) is not None:
        message = f"{function}: `{name}` holds {came:.6g}, expected -1 or +1; from labels 0 and 1 make 2 * labels - 1."
        raise ValuesError(message)


def moderate(function: str, keep: Tensor | None = None, **points: Tensor) -> None:
    """Raise `ValuesError` where points that count have entries without differences: infinite, or nearly; NaN may be."""
    for name, value in points.items():
        if value.numel() == 0 or not reads_values(value, keep):
            continue
        most = torch.finfo(torch.float32 if value.dtype in NARROW else value.dtype).max / 4
        low, high = (float(end) for end in value.detach().aminmax())
        if -most <= low and high <= most:
            continue
        wrong = value.detach().abs() > most
        if keep is not None:
            wrong = wrong & keep.reshape(keep.shape + (1,) * (value.dim() - keep.dim()))
        if bool(wrong.any()):
            at = wrong.nonzero()[0].tolist()
            message = (
                f"{function}: `{name}` is {value[wrong][0].item():.6g} at entry {at}, expected "
                f"finite numbers of at most {most:.3g} in size; find the overflow that made it so (float16 ends at "
                f"65,504), and scale down what comes before it."
            )
            raise ValuesError(message)


def counts(function: str, name: str, value: Tensor, keep: Tensor | None = None) -> None:
    """Raise `ValuesError` unless each value that counts is a whole number of at least 0."""
    fix = f"leave those out with mask={name} >= 0"
    within(function, name, value, FINITE_NON_NEGATIVE, fix, keep)
    if not reads_values(value, keep) or bool((value.detach() == value.detach().floor()).all()):
        return
    if (came := _first(value, value != value.floor(), keep)) is not None:
        message = (
            f"{function}: `{name}` holds {came:.6g}, expected whole numbers of at least 0; for amounts use tweedie, "
            f"or {name}.round() where these are counts that were rounded off."
        )
        raise ValuesError(message)
