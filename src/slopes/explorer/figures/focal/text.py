"""What the focal figure says: how much lighter one example is, and who has the total."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Formula, Table
from slopes.explorer.figures.wording import latex_number, number
from slopes.shown import palette

CROSS: Final = palette.hue("binary_cross_entropy")
FOCAL: Final = palette.hue("focal")
POSITIVE: Final = palette.SKY  # focal of a positive, where alpha tells the two apart
_EVEN: Final = 0.5

Pair = tuple[float, float]  # under cross-entropy, under focal


@dataclass(frozen=True, kw_only=True)
class Found:
    """One easy negative, one hard positive, and the set that they make.

    Attributes:
        p: Probability of the truth, of the negatives.
        hard: The same of the positive.
        count: Negatives for one positive.
        gamma: How much easy examples are turned down.
        alpha: Weight of the positives; None for none.
        loss: Loss of one negative.
        pull: Size of its gradient by the logit.
        hard_loss: Loss of the positive.
        hard_pull: Size of its gradient.
    """

    p: float
    hard: float
    count: int
    gamma: float
    alpha: float | None
    loss: Pair
    pull: Pair
    hard_loss: Pair
    hard_pull: Pair

    @property
    def lighter(self) -> float:
        """How many times smaller the negative's loss is under focal."""
        return self.loss[0] / self.loss[1]

    @property
    def weaker(self) -> float:
        """How many times smaller its gradient is."""
        return self.pull[0] / self.pull[1]

    @property
    def loss_share(self) -> Pair:
        """The negatives' share of the total loss."""
        return _shares(self.count, self.loss, self.hard_loss)

    @property
    def pull_share(self) -> Pair:
        """The negatives' share of the sizes of all gradients."""
        return _shares(self.count, self.pull, self.hard_pull)


def _shares(count: int, easy: Pair, hard: Pair) -> Pair:
    first, second = (count * e / (count * e + h) for e, h in zip(easy, hard, strict=True))
    return first, second


def reading(found: Found) -> str:
    """Return how much lighter the example under the crosshair is, and what the many of its kind hold of the total."""
    return f"{_one(found)} {_all(found)}" if found.p >= _EVEN else _wrong(found)


def _wrong(found: Found) -> str:
    start = f"At p = {number(found.p, 4)} the answer is wrong, and"
    if found.gamma == 0 and found.alpha is None:
        return f"{start} γ = 0 leaves it as it is: cross-entropy, {number(found.loss[0], 4)} nats."
    taken = f"the loss is {number(found.loss[1] / found.loss[0], 3)} of cross-entropy's"
    pull = f"the gradient {number(found.pull[1], 3)} where cross-entropy has {number(found.pull[0], 3)}"
    more = "it pulls harder than before" if found.weaker < 1 else "it pulls less than before"
    weight = "" if found.alpha is None else f", and α = {number(found.alpha, 3)} weighs negatives"
    return f"{start} γ = {number(found.gamma, 3)} spares it{weight}: {taken}, {pull}; {more}."


def _one(found: Found) -> str:
    start = f"At p = {number(found.p, 4)}, γ = {number(found.gamma, 3)}"
    if found.gamma == 0 and found.alpha is None:
        return f"{start} is cross-entropy itself: nothing is lighter."
    said = f"makes an example {_times(found.lighter)} lighter, and its gradient {_change(found.weaker)}."
    if found.alpha is not None:
        said = f"with α = {number(found.alpha, 3)} {said}".replace("an example", "a negative")
    return f"{start} {said}"


def _times(ratio: float) -> str:
    digits = float(f"{ratio:.3g}")
    return f"{digits:,.0f} times" if 1e4 <= digits < 1e9 else f"{number(ratio, 4)} times"  # noqa: PLR2004  as one reads


def _change(ratio: float) -> str:
    return f"{_times(ratio)} weaker" if ratio >= 1 else f"{_times(1 / ratio)} stronger"


def _all(found: Found) -> str:
    before, after = found.loss_share
    many = "One such negative beside" if found.count == 1 else f"{found.count:,} such negatives beside"
    hold = "holds" if found.count == 1 else "hold"
    start = f"{many} one positive at {number(found.hard, 3)} {hold} {_percent(before)} of the loss"
    if abs(after - before) < 0.0005:  # noqa: PLR2004  not to be seen in three digits
        return f"{start}."
    pulls = " and ".join(map(_percent, found.pull_share))
    return f"{start} under cross-entropy and {_percent(after)} under focal; of the gradient {pulls}."


def _percent(share: float) -> str:
    if share > 0.9995:  # noqa: PLR2004  what three digits would round to all
        return f"all but {number(100 * (1 - share), 2)} %"
    return f"{number(100 * share, 3)} %"


def readings(found: Found) -> Table:
    """Return one example of each kind under both losses."""
    rows = (
        ("cross-entropy", number(found.loss[0], 6), number(found.pull[0], 6)),
        ("focal", number(found.loss[1], 6), number(found.pull[1], 6)),
        ("times less", number(found.lighter, 6), number(found.weaker, 6)),
    )
    return Table(
        title=f"A negative whose truth has p = {number(found.p, 6)}",
        columns=("", "loss, nats", "gradient, size"),
        rows=rows,
        hues=(CROSS, FOCAL, None),
    )


def totals(found: Found) -> Table:
    """Return who has the total: one hard positive against the easy negatives."""
    columns = (found.loss, found.pull)
    hard = (found.hard_loss, found.hard_pull)
    shares = (found.loss_share, found.pull_share)

    def cells(pairs: tuple[Pair, Pair], factor: float, digits: int) -> tuple[str, ...]:
        return tuple(number(factor * value, digits) for pair in pairs for value in pair)

    many = f"{found.count:,} negatives at {number(found.p, 4)}"
    return Table(
        title="Who has the total",
        columns=("", "loss, cross-entropy", "loss, focal", "gradient, cross-entropy", "gradient, focal"),
        rows=(
            (f"one positive at {number(found.hard, 4)}", *cells(hard, 1, 5)),
            ("one negative", *cells(columns, 1, 5)),
            (many, *cells(columns, found.count, 5)),
            ("their share", *(_percent(value) for pair in shares for value in pair)),
        ),
        note="Gradients by the logit, their sizes added up.",
    )


def formulas(found: Found) -> tuple[Formula, ...]:
    """Return the focal loss of the negative, its gradient and how much lighter it is, with the numbers put in."""
    p, gamma = latex_number(found.p, 5), latex_number(found.gamma, 3)
    weight = "" if found.alpha is None else rf"(1 - {latex_number(found.alpha, 3)})\,"
    factor = rf"{weight}(1 - {p})^{{{gamma}}}"
    value = rf"\ell = -{factor} \log({p}) = {latex_number(found.loss[1], 5)}"
    size = (
        rf"\left|\frac{{d\ell}}{{dz}}\right| = {factor}\,b,\quad b = 1 - {p} - {gamma} \cdot {p} \log({p}),\quad "
        rf"\left|\frac{{d\ell}}{{dz}}\right| = {latex_number(found.pull[1], 5)}"
    )
    times = rf"\frac{{\ell_{{\mathrm{{CE}}}}}}{{\ell}} = \frac{{1}}{{{factor}}} = {latex_number(found.lighter, 6)}"
    return (
        Formula(label="Focal", mathml=mathml(value), hue=FOCAL),
        Formula(label="Focal", mathml=mathml(size), hue=FOCAL),
        Formula(label="Times lighter", mathml=mathml(times), hue=None),
    )


def snippet(found: Found) -> str:
    """Return Python that prints loss and gradient of both examples under both losses."""
    options = f"gamma={found.gamma!r}" + ("" if found.alpha is None else f", alpha={found.alpha!r}")
    return _SNIPPET.format(p=found.p, hard=found.hard, options=options)


def printed(found: Found) -> tuple[float, ...]:
    """Return the numbers that the snippet prints."""
    return tuple(
        number for i in (0, 1) for number in (found.loss[i], found.hard_loss[i], found.pull[i], -found.hard_pull[i])
    )


_SNIPPET: Final = """\
import torch
import slopes
from slopes import losses as L

p = torch.tensor([{p!r}, {hard!r}], dtype=torch.float64)  # of the truth: an easy negative, a hard positive
targets = torch.tensor([0.0, 1.0], dtype=torch.float64)
logits = (p.logit() * torch.tensor([-1.0, 1.0])).requires_grad_()
with slopes.exact():
    for loss in (
        L.binary_cross_entropy(logits, targets, reduction="none"),
        L.focal(logits, targets, {options}, reduction="none"),
    ):
        print(*loss.tolist(), *torch.autograd.grad(loss.sum(), logits)[0].tolist())
"""
