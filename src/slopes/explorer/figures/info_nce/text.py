"""What the InfoNCE figure says: its candidates, reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from torch import Tensor

from slopes.explorer.figures.info_nce.lineup import FARTHEST, KNOWN, MOST, SEED, SPREAD, Found, LineUp
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import latex_number, number
from slopes.shown import palette

_SHOWN: Final = 6  # negatives with a bar of their own; the rest share one
_NEARLY_ALL: Final = 0.005  # less than this is left to the negatives
_EVERY: Final = 4  # of the points of a sweep over temperatures, one in four stands in the table


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One bar: a candidate, or all that have none of their own, whose figures are sums."""

    label: str
    name: str
    hue: int
    similarity: str
    probability: float
    gradient: float


CORRECTIONS: Final = (
    Correction(
        stated="The worked loss is 0.448.",
        holds="It is 0.447: 0.448 is the logarithm of a probability that was rounded to 0.639 first.",
    ),
    Correction(
        stated="The denominator sums over the negatives.",
        holds="It sums over the whole line-up, the positive too. Without it the loss is no cross-entropy, and falls "
        "below 0 without end.",
    ),
    Correction(
        stated="CLIP uses τ = 0.07.",
        holds="CLIP starts there and learns it, with 0.01 as the least.",
    ),
)


def candidates(found: Found) -> list[Candidate]:
    """Return the bars: the positive, the hard negative, the next nearest, and the rest together."""
    count = len(found.similarities)
    nearest = sorted(range(2, count), key=lambda i: -found.similarities[i].item())
    alone = nearest if count - 1 <= _SHOWN + 1 else nearest[: _SHOWN - 1]
    heads = [("pos", "positive", palette.GREEN), ("hard", "hard negative", palette.VERMILLION)][:count]
    heads += [(f"n{rank}", f"negative {rank}", palette.SKY) for rank, _ in enumerate(alone, 2)]
    similarities, p, gradient = (t.tolist() for t in (found.similarities, found.probabilities, found.gradient))
    shown = [
        Candidate(
            label=label,
            name=name,
            hue=hue,
            similarity=number(similarities[i], 3),
            probability=p[i],
            gradient=gradient[i],
        )
        for (label, name, hue), i in zip(heads, [0, 1, *alone], strict=True)
    ]
    if rest := nearest[len(alone) :]:
        shown.append(
            Candidate(
                label="rest",
                name=f"other {len(rest)}, summed",
                hue=palette.SKY,
                similarity=f"< {number(similarities[alone[-1]], 3)}",
                probability=sum(p[i] for i in rest),
                gradient=sum(gradient[i] for i in rest),
            )
        )
    return shown


def reading(line_up: LineUp, found: Found) -> str:
    """Return who takes the probability, what that costs, and who is pushed."""
    size, p = 1 + line_up.negatives, found.probabilities[0].item()
    rest = -found.gradient[0].item() * line_up.temperature  # 1 - p, with all its digits
    taken = f"all but {number(rest, 2)}" if rest < _NEARLY_ALL else _percent(p)
    start = (
        f"At τ = {number(line_up.temperature, 3)} the positive gets {taken} of the probability among {size}, "
        f"where chance is {_percent(1 / size)}"
    )
    verdict = (
        "worse than chance"
        if found.loss > found.chance
        else f"against log {size} = {number(found.chance, 3)} at chance"
    )
    push = found.gradient[1].item() / -found.gradient[0].item() if found.gradient[0] else 0.0
    if rest < _NEARLY_ALL:
        ending = f"A pull of {number(-found.gradient[0].item(), 2)} per unit of similarity is left."
    else:
        ending = f"Of all pushing the hard negative takes {_percent(push)}."
    return f"{start}; the loss is {number(found.loss, 3)} nats, {verdict}. {ending}"


def _percent(share: float) -> str:
    return f"{number(100 * share, 3)} %"


def readings(line_up: LineUp, found: Found, shown: list[Candidate]) -> Table:
    """Return similarity, probability and gradient of each bar."""
    return Table(
        title=f"τ = {number(line_up.temperature, 4)}, one positive and {line_up.negatives} negatives",
        columns=("", "similarity", "probability", "gradient"),
        rows=tuple((c.name, c.similarity, number(c.probability, 3), number(c.gradient, 3)) for c in shown),
        hues=tuple(c.hue for c in shown),
        note=f"Loss {number(found.loss, 6)} nats; log {1 + line_up.negatives} = {number(found.chance, 6)}. The "
        "gradients add up to 0: the positive is pulled as much as all others are pushed.",
    )


def data(head: str, x: Tensor, losses: Tensor) -> Table:
    """Return the loss over one of the two numbers."""

    def rows() -> tuple[tuple[str, ...], ...]:
        pairs = zip(x.tolist(), losses.tolist(), strict=True)
        return tuple(
            (number(at, 4), number(loss, 5)) for at, loss in list(pairs)[:: _EVERY if len(x) > MOST // 4 else 1]
        )

    return Table(title=f"Loss over the {head}", columns=(head, "loss"), fill=rows)


def formulas(line_up: LineUp, found: Found) -> tuple[Formula, ...]:
    """Return the loss and its gradients with the present numbers put in."""
    t = latex_number(line_up.temperature, 3)
    p, hard = (latex_number(v, 3) for v in found.probabilities[:2].tolist())
    pull, push = (latex_number(v, 3) for v in found.gradient[:2].tolist())
    size, loss = 1 + line_up.negatives, latex_number(found.loss, 3)
    hue = palette.hue("info_nce")
    lines = (
        ("Loss", rf"\ell = -\log\frac{{e^{{s_+/\tau}}}}{{\sum_i e^{{s_i/\tau}}}} = -\log\,{p} = {loss}", hue),
        ("Loss", rf"\ell_{{\text{{chance}}}} = \log(1 + N) = \log\,{size} = {latex_number(found.chance, 4)}", hue),
        (
            "Positive",
            rf"\frac{{\partial \ell}}{{\partial s_+}} = -\frac{{1 - p_+}}{{\tau}} = -\frac{{1 - {p}}}{{{t}}} = {pull}",
            palette.GREEN,
        ),
        (
            "Hard negative",
            rf"\frac{{\partial \ell}}{{\partial s_1}} = \frac{{p_1}}{{\tau}} = \frac{{{hard}}}{{{t}}} = {push}",
            palette.VERMILLION,
        ),
    )
    return tuple(Formula(label=label, mathml=mathml(latex), hue=hue) for label, latex, hue in lines)


def snippet(line_up: LineUp) -> str:
    """Return Python that prints the loss, and probability and gradient of the positive and the hard negative."""
    return _SNIPPET.format(
        seed=SEED, spread=SPREAD, drawn=MOST - 1 - len(KNOWN), farthest=FARTHEST, known=list(KNOWN),
        first=[line_up.positive, line_up.hard], size=1 + line_up.negatives, t=line_up.temperature,
    )  # fmt: skip


_SNIPPET: Final = """\
import torch
import slopes
from slopes import activations as A, losses as L

drawn = {spread} * torch.randn({drawn}, generator=torch.Generator().manual_seed({seed}), dtype=torch.float64)
known = torch.tensor({first} + {known}, dtype=torch.float64)  # positive, hard negative, two more
similarities = torch.cat([known, drawn.clamp(-{farthest}, {farthest})])[:{size}].requires_grad_()
query = torch.ones(1, 1, dtype=torch.float64)
with slopes.exact():
    loss = L.info_nce(query, similarities[:, None], temperature={t}, normalize=False)
    print(loss.item())
    print(*A.softmax(similarities, temperature={t})[:2].tolist())
    print(*torch.autograd.grad(loss, similarities)[0][:2].tolist())
"""
