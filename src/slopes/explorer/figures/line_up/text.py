"""What the line-up figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from slopes.explorer.figures.line_up.batch import CAPTIONS, DIRECTIONS, IMAGES, Found
from slopes.explorer.figures.line_up.charts import NAMES
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import latex_number, number
from slopes.shown import palette

HUES: Final = {"rows": palette.BLUE, "columns": palette.ORANGE, "both": palette.GREEN}
LABELS: Final = {"rows": "its row", "columns": "its column", "both": "batch mean"}

CORRECTIONS: Final = (
    Correction(
        stated="A negative is something that does not match.",
        holds="It is whatever else is in the batch. Of a pair that is there twice each is the other's negative: no "
        "encoder gets below a loss of log 2 on either, and the two are pushed apart for being the same.",
    ),
    Correction(
        stated="Both directions say the same, since the matrix is the same.",
        holds="They divide it otherwise: over a row a caption competes with captions, over a column an image with "
        "images. Who is pushed, and how much, differs wherever the matrix is not symmetric.",
    ),
    Correction(
        stated="CLIP compares everything in the batch with everything.",
        holds="It compares images with captions alone. Two images never meet; in SimCLR's NT-Xent, which has one kind "
        "of item, all views do.",
    ),
    Correction(
        stated="The logit scale is the temperature.",
        holds="It is one over it. slopes.losses.clip takes the scale itself, info_nce the temperature; open_clip "
        "learns the scale's logarithm.",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Looked:
    """The line-up that is looked at: which, in which direction, and the numbers in it."""

    which: int
    direction: str
    temperature: float
    cosines: list[float]
    shares: list[float]
    gradient: list[float]

    @classmethod
    def at(cls, found: Found, which: int, direction: str, temperature: float) -> Looked:
        """Return a row of the batch, or a column where captions look for images."""

        def line(matrix: Tensor) -> list[float]:
            values: list[float] = (matrix[:, which] if direction == "columns" else matrix[which]).tolist()
            return values

        return cls(
            which=which,
            direction=direction,
            temperature=temperature,
            cosines=line(found.cosines),
            shares=line(found.shares),
            gradient=line(found.gradient),
        )

    @property
    def pushes(self) -> list[float]:
        """Each one's share of all the pushing in the line-up; none for the one that is pulled."""
        others = [0.0 if j == self.which else push for j, push in enumerate(self.gradient)]
        return [push / math.fsum(others) for push in others]

    @property
    def most(self) -> int:
        """Who is pushed most."""
        return max(range(len(NAMES)), key=lambda j: self.pushes[j])

    @property
    def sides(self) -> tuple[str, str]:
        """What looks for whom."""
        return ("caption", "image") if self.direction == "columns" else ("image", "caption")


def reading(found: Found, looked: Looked) -> str:
    """Return the losses, and who is pushed most in the line-up that is looked at."""
    first, second, mean = (number(found.losses[name], 3) for name in ("rows", "columns", "both"))
    own, other = looked.sides
    which, most = NAMES[looked.which], NAMES[looked.most]
    t, chance = number(looked.temperature, 3), number(math.log(len(NAMES)), 3)
    start = (
        f"At τ = {t} the loss is {first} over the rows and {second} over the columns, {mean} in the mean, where "
        f"chance is log 5 = {chance}."
    )
    push = number(100 * looked.pushes[looked.most], 3)
    if looked.direction == "both":
        return f"{start} Of all that pushes captions from the image of the {which}, the {most}'s takes {push} %."
    share = number(100 * looked.shares[looked.which], 3)
    return (
        f"{start} The {own} of the {which} gives its own {other} {share} %, and of all its pushing the {other} of the "
        f"{most} takes {push} %."
    )


def readings(looked: Looked) -> Table:
    """Return cosine, share and gradient in the line-up that is looked at."""
    own, other = looked.sides
    rows = tuple(
        (
            name,
            number(looked.cosines[j], 3),
            _percent(looked.shares[j]),
            _gradient(looked.gradient[j]),
            "pulled" if j == looked.which else _percent(looked.pushes[j]),
        )
        for j, name in enumerate(NAMES)
    )
    note = "The gradient is that of the line-ups' sum by one cosine; in the mean over the batch it is a fifth of it."
    if looked.direction == "both":
        note += " Shares are the mean of those over the row and over the column, and so need not add up to 1."
    who, t = f"The {own} of the {NAMES[looked.which]}", number(looked.temperature)
    return Table(
        title=f"{who}, {DIRECTIONS[looked.direction]}, τ = {t}",
        columns=(other, "cosine", "share", "gradient", "of all pushing"),
        rows=rows,
        hues=hues(looked),
        note=note,
    )


def _percent(share: float) -> str:
    return "< 0.01 %" if 0 < share < 1e-4 else f"{number(100 * share, 3)} %"  # noqa: PLR2004  the chart has no more


def _gradient(value: float) -> str:
    return "< 0.001" if 0 < value < 1e-3 else number(value, 3)  # noqa: PLR2004  likewise


def hues(looked: Looked) -> tuple[int, ...]:
    """Return the colours of a line-up: the one that is pulled, the one that is pushed most, the others."""
    named = {looked.most: palette.VERMILLION, looked.which: palette.GREEN}
    return tuple(named.get(j, palette.SKY) for j in range(len(NAMES)))


def matrices(found: Found) -> tuple[Table, ...]:
    """Return the matrices in more digits than their cells have."""

    def table(title: str, matrix: Tensor) -> Table:
        rows = tuple(
            (f"image of the {name}", *(number(v, 4) for v in row))
            for name, row in zip(NAMES, matrix.tolist(), strict=True)
        )
        return Table(title=title, columns=("", *(f"caption {name}" for name in NAMES)), rows=rows)

    return table("The cosines", found.cosines), table("The shares", found.shares)


def data(looked: Looked, temperatures: Tensor, losses: dict[str, list[float]]) -> Table:
    """Return the losses over the temperature."""

    def rows() -> tuple[tuple[str, ...], ...]:
        return tuple(
            (number(t, 4), *(number(line[i], 5) for line in losses.values()))
            for i, t in list(enumerate(temperatures.tolist()))[::3]
        )

    heads = ("τ", *(LABELS[name] for name in losses))
    return Table(title=f"Losses of the {NAMES[looked.which]} over the temperature", columns=heads, fill=rows)


def formulas(found: Found, looked: Looked) -> tuple[Formula, ...]:
    """Return the losses of both directions, their mean, and what pulls and pushes, with the numbers put in."""
    first, second, mean = (latex_number(found.losses[name], 3) for name in ("rows", "columns", "both"))
    over_rows = r"\ell_\to = -\frac{1}{N}\sum_i \log\frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ij}/\tau}} = "
    over_columns = r"\ell_\gets = -\frac{1}{N}\sum_i \log\frac{e^{s_{ii}/\tau}}{\sum_j e^{s_{ji}/\tau}} = "
    t = latex_number(looked.temperature, 3)
    p, q = (latex_number(looked.shares[j], 3) for j in (looked.which, looked.most))
    pull, push = (latex_number(looked.gradient[j], 3) for j in (looked.which, looked.most))
    lines = (
        ("Over rows", over_rows + first, HUES["rows"]),
        ("Over columns", over_columns + second, HUES["columns"]),
        (
            "Their mean",
            rf"\ell = \tfrac12 (\ell_\to + \ell_\gets) = \tfrac12 ({first} + {second}) = {mean}",
            HUES["both"],
        ),
        ("Its own", rf"\frac{{p - 1}}{{\tau}} = \frac{{{p} - 1}}{{{t}}} = {pull}", palette.GREEN),
        ("Pushed most", rf"\frac{{p}}{{\tau}} = \frac{{{q}}}{{{t}}} = {push}", palette.VERMILLION),
    )
    return tuple(Formula(label=label, mathml=mathml(latex), hue=hue) for label, latex, hue in lines)


def snippet(looked: Looked, twin: float) -> str:
    """Return Python that prints the losses of both directions, their mean, and the gradient in the line-up."""
    grads = {"rows": "rows", "columns": "columns", "both": "mean"}[looked.direction]
    line = f"[:, {looked.which}]" if looked.direction == "columns" else f"[{looked.which}]"
    return _SNIPPET.format(
        images=[list(map(int, row)) for row in IMAGES],
        captions=[list(map(int, row)) for row in CAPTIONS],
        twin=twin,
        t=looked.temperature,
        of=grads,
        line=line,
    )


_SNIPPET: Final = """\
import torch
import slopes
from slopes import losses as L

def units(rows):
    vectors = torch.tensor(rows, dtype=torch.float64)
    vectors = vectors / vectors.norm(dim=1, keepdim=True)
    moved = (1 - {twin!r}) * vectors[1] + {twin!r} * vectors[0]  # the puppy, towards the dog
    vectors[1] = moved / moved.norm()
    return vectors

images = units({images})
captions = units({captions})
cosines = (images @ captions.T).requires_grad_()
same = torch.eye(5, dtype=torch.float64)
with slopes.exact():
    rows = L.info_nce(cosines, same, temperature={t!r}, normalize=False)
    columns = L.info_nce(cosines.T, same, temperature={t!r}, normalize=False)
    mean = L.clip(cosines, same, 1 / {t!r}, normalize=False)
    print(rows.item(), columns.item(), mean.item())
    gradient = 5 * torch.autograd.grad({of}, cosines)[0]
    print(*gradient{line}.tolist())
"""
