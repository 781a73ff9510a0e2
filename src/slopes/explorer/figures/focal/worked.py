"""Figures that texts on focal loss work out, beside the exact ones, and what does not hold."""

from __future__ import annotations

from functools import lru_cache

from slopes.explorer.figures.focal.curves import Both, both, points
from slopes.explorer.figures.result import Correction, Table
from slopes.explorer.figures.wording import number


def worked() -> Table:
    """Return the figures as a table."""
    return Table(title="Worked figures", columns=("", "stated", "exact", "note"), rows=_rows())


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what does not hold, with the figures that do."""
    found = _at(0.95, 0.1, 0.9)
    lighter, weaker = _lighter(found, 2)
    (surer, sure, hard), (calmer, calm, loud) = (found.tolist() for found in _at(0.999, 0.99, 0.1).cross_entropy)
    (before, after) = (found.cross_entropy[1][1].item(), found.focal[1][0, 1].item())
    return (
        Correction(
            stated="With γ = 2 the focal loss of p = 0.95 is 0.000125, and that of p = 0.10 is 1.863.",
            holds=f"They are {_plain(found.focal[0][0, 0].item())} and {number(found.focal[0][0, 1].item(), 4)}; the "
            "stated ones multiply by logarithms that were rounded first.",
        ),
        Correction(
            stated="At p = 0.9 an example counts 100 times less under γ = 2.",
            holds=f"Its loss is {number(lighter, 4)} times smaller. Its gradient by the logit, which is what trains, "
            f"is {number(weaker, 3)} times smaller.",
        ),
        Correction(
            stated="Focal loss up-weights hard examples.",
            holds="The factor, 1 − p to the power γ, never exceeds 1, so no loss goes up; their share does. The "
            f"gradient of a hard one does rise: at p = 0.1 and γ = 2 from {number(before, 3)} to {number(after, 3)}.",
        ),
        Correction(
            stated="9,990 background regions at 99.9 % drown the 10 that hold an object.",
            holds=f"At 99.9 % they cost {number(9990 * surer, 3)} nats together and pull the logits with "
            f"{number(9990 * calmer, 3)}; 10 objects at p = 0.1 cost {number(10 * hard, 3)} and pull with "
            f"{number(10 * loud, 3)}. At 99 % they cost {number(9990 * sure, 4)}, pull with {number(9990 * calm, 3)} "
            "and do drown them.",
        ),
    )


@lru_cache(maxsize=1)
def _rows() -> tuple[tuple[str, ...], ...]:
    found = _at(0.95, 0.9, 0.5, 0.1)
    surer, easy, half, hard = found.focal[0][0].tolist()
    rounded = "the stated one multiplies by a rounded logarithm"
    figures = (
        ("p = 0.9: times lighter", "100", _lighter(found, 1)[0], ""),
        ("p = 0.9: gradient, times smaller", "none", _lighter(found, 1)[1], "by the logit"),
        ("p = 0.95: times lighter", "400", _lighter(found, 0)[0], ""),
        ("p = 0.95", "0.000125", surer, rounded),
        ("p = 0.9", "0.00105", easy, ""),
        ("p = 0.5", "0.173", half, ""),
        ("p = 0.1", "1.863 or 1.865", hard, "1.863 multiplies by a rounded logarithm"),
    )
    return tuple((f"γ = 2, {what}", stated, _plain(exact), note) for what, stated, exact, note in figures)


def _plain(value: float) -> str:
    """Return six places for what texts write as 0.000125, else six digits."""
    return f"{value:.9f}" if value < 0.001 else number(value, 6)  # noqa: PLR2004  where powers of ten begin


def _at(*probabilities: float) -> Both:
    return both(points(*probabilities), 2.0, None)


def _lighter(found: Both, i: int) -> tuple[float, float]:
    """How many times smaller loss and gradient are."""
    loss, gradient = (cross[i] / focal[0, i] for cross, focal in zip(found.cross_entropy, found.focal, strict=True))
    return loss.item(), gradient.item()
