"""What a pair does, measured: its lines, what it answers, where training ends, and what it is refused for."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes._core.errors import SlopesError, SuspiciousInputWarning, UserFunctionError
from slopes.explorer.figures.pairing.pairs import Pair, own_pair

LOWEST: Final = -8.0
HIGHEST: Final = 8.0
# Even steps, and finer ones where an output is a probability.
PLACES: Final = torch.tensor(
    sorted({*(i / 8 for i in range(-64, 65)), *(i / 32 for i in range(33))}), dtype=torch.float64
)
POINTS: Final = len(PLACES)
STEPS: Final = 60
RATE: Final = 0.25
STARTS: Final = (-6.0, 6.0)  # confidently wrong for the larger target, and for the smaller

_DEAD: Final = 0.05  # of the matched pair's gradient
_NEAR: Final = 0.05  # of the way between the targets
_ROUNDING: Final = 1e-9


@dataclass(frozen=True)
class Response:
    """What a pair makes of logits: loss, gradient, answer, and the two factors of the gradient, each `[N]`."""

    value: Tensor
    slope: Tensor
    answer: Tensor
    by_output: Tensor
    output: Tensor


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a pair, measured over all logits.

    Attributes:
        clean: Whether the gradient is ŷ - y, or twice it (of logarithms, for a positive number).
        inside: Whether all its answers make sense for the task.
        low: Its least answer.
        high: Its greatest answer.
        reaches: Whether the answers reach both targets.
        dies: Whether a confidently wrong logit gets next to none of the matched pair's gradient.
        wrong: Whether it pushes a right answer away somewhere.
        refused: Whether the library refuses it, or warns.
    """

    clean: bool
    inside: bool
    low: float
    high: float
    reaches: bool
    dies: bool
    wrong: bool
    refused: bool

    @property
    def matched(self) -> bool:
        """Whether nothing is wrong with it and the gradient is ŷ - y."""
        return self.clean and self.inside and self.reaches and not self.refused

    @property
    def mismatch(self) -> bool:
        """Whether it fails at the task."""
        return self.dies or self.wrong or self.refused or not self.reaches


def respond(pair: Pair, z: Tensor, y: Tensor) -> Response:
    """Return what a pair makes of logits `[N]` and targets `[N, K]`, refused or not; NaN where there is no loss."""
    with slopes.exact(), slopes.checks(values=False):
        logits = pair.task.logits(z).requires_grad_()
        outputs = pair.activation.function(logits)
        given = outputs.detach().requires_grad_()
        keep = _defined(given, y) if pair.loss.unit else None
        value = pair.loss.function(given, y, pair.task) if keep is None else _where(pair, given, y, keep)
        by_output = torch.autograd.grad(value.nansum(), given)[0]
        slope = torch.autograd.grad(outputs, logits, by_output)[0][:, 0]
        answer = pair.loss.answer(outputs.detach(), pair.task)
    if keep is not None:
        slope = torch.where(keep, slope, torch.nan)
    return Response(value.detach(), slope, answer, by_output[:, 0], given.detach()[:, 0])


@lru_cache(maxsize=256)
def curves(pair: Pair) -> tuple[Tensor, Response]:
    """Return the logits of the charts `[N]`, and the response for the first target and then the second, `[2 N]`."""
    z = PLACES
    y = pair.task.y.repeat_interleave(POINTS, dim=0)
    return z, respond(pair, z.repeat(2), y)


@lru_cache(maxsize=256)
def training(pair: Pair) -> Tensor:
    """Return the answers `[2, STEPS + 1]` on the way from a confidently wrong logit; NaN once there is no gradient."""
    z = torch.tensor(STARTS, dtype=torch.float64)
    answers = []
    for _ in range(STEPS + 1):
        found = respond(pair, z, pair.task.y)
        answers.append(torch.where(found.slope.isfinite(), found.answer, torch.nan))
        z = z - RATE * found.slope
    return torch.stack(answers, dim=-1)


@lru_cache(maxsize=256)
def refusals(pair: Pair) -> tuple[tuple[str, str], ...]:
    """Return what the library says to this pair as given: for which target, and its words."""
    z, _ = curves(pair)
    said = []
    for words, target in zip(pair.task.said, pair.task.y, strict=True):
        with slopes.exact(), slopes.checks(values=True), warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            outputs = pair.activation.function(pair.task.logits(z).requires_grad_())
            try:
                pair.loss.function(outputs, target.expand(len(z), -1), pair.task)
            except UserFunctionError:
                raise
            except (SlopesError, RuntimeError) as error:
                said.append((words, f"{type(error).__name__}: {error}"))
        said += [(words, f"{w.category.__name__}: {w.message}") for w in warned if _ours(w)]
    return tuple(said)


@lru_cache(maxsize=256)
def verdict(pair: Pair) -> Verdict:
    """Return what is wrong with a pair."""
    z, found = curves(pair)
    _, best = curves(own_pair(pair.task))
    answers = found.answer[found.answer.isfinite()]
    low, high = answers.min().item(), answers.max().item()
    goals = torch.tensor(pair.task.goals, dtype=torch.float64)
    reach = _NEAR * (goals[0] - goals[1]).item()
    domain = pair.task.domain
    return Verdict(
        clean=_clean(pair, found, goals.repeat_interleave(POINTS)),
        inside=domain[0] - _ROUNDING <= low and high <= domain[1] + _ROUNDING,
        low=low,
        high=high,
        reaches=low <= goals[1].item() + reach and high >= goals[0].item() - reach,
        dies=any(abs(found.slope[i].item()) < _DEAD * abs(best.slope[i].item()) for i in _places(z)),
        wrong=bool(_wrong_way(pair, found, best).any()),
        refused=bool(refusals(pair)),
    )


def _wrong_way(pair: Pair, found: Response, best: Response) -> Tensor:
    """Where the gradient leads away from the target; a label is never approached from above."""
    count = len(found.slope) // 2
    goals = torch.tensor(pair.task.goals, dtype=torch.float64).repeat_interleave(count)
    sign = torch.tensor([1.0, -1.0], dtype=torch.float64).repeat_interleave(count)
    if not pair.task.hard:
        error = found.answer.clamp(*pair.task.domain) - goals
        far = error.abs() > _NEAR * (pair.task.goals[0] - pair.task.goals[1])
        sign = torch.where(far, -error.sign(), 0.0)
    return found.slope * sign > _DEAD * best.slope.abs().max()


def away(pair: Pair, found: Response) -> list[bool]:
    """Return for each of the two targets whether this gradient `[2]` leads away from it."""
    _, best = curves(own_pair(pair.task))
    return [bool(v) for v in _wrong_way(pair, found, best)]


def _clean(pair: Pair, found: Response, goals: Tensor) -> bool:
    if not found.slope.isfinite().all():
        return False
    error = found.answer - goals
    if pair.loss.name == "log":
        error = found.answer.log() - goals.log()
    return any(((found.slope - k * error).abs() <= _ROUNDING * (1 + error.abs())).all() for k in (1, 2))


def _places(z: Tensor) -> tuple[int, int]:
    """Where in the curves the two confidently wrong logits are."""
    first, second = (int((z - start).abs().argmin()) for start in STARTS)
    return first, len(z) + second


def _defined(outputs: Tensor, y: Tensor) -> Tensor:
    fits = (outputs.detach() >= 0) & (outputs.detach() <= 1) & (y >= 0) & (y <= 1)
    return fits.all(-1)


def _where(pair: Pair, outputs: Tensor, y: Tensor, keep: Tensor) -> Tensor:
    value = torch.full((len(outputs),), torch.nan, dtype=torch.float64)
    at = keep.nonzero().squeeze(-1)
    return value.index_put((at,), pair.loss.function(outputs[at], y[at], pair.task))


def _ours(warned: warnings.WarningMessage) -> bool:
    return issubclass(warned.category, SuspiciousInputWarning)
