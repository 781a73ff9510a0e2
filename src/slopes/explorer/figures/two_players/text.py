"""What the two-players figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

import math
from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.two_players.losses import DISCRIMINATOR, GENERATOR, Drawn, shares
from slopes.explorer.figures.wording import bracketed, latex_number, number

_EVEN: Final = 0.05  # as near to a logit of 0 as makes no difference to a reader
_BATCH: Final = (-2.0, -1.0, 0.0, 1.0, 2.0)  # the fakes of a batch, by how far their logits are from the cursor
_EVERY: Final = 4  # of the drawn points, one in four stands in the table

CORRECTIONS: Final = (
    Correction(
        stated="The saturating and the non-saturating loss are the same game, written differently.",
        holds="For a single fake both slopes point the same way, and both stop at the same place. Their sizes differ "
        "by a factor of e^−z, so a batch listens to other fakes: the saturating loss to those that already fool, the "
        "non-saturating one to those that do not.",
    ),
    Correction(
        stated="The hinge GAN trains its generator with a hinge.",
        holds="The hinge is the discriminator's. The generator's loss is −z, the same as Wasserstein's, and never "
        "stops asking.",
    ),
    Correction(
        stated="A least-squares generator cannot overshoot.",
        holds="Its slope is 2(z − 1), so a fake with a logit above 1 is pulled back. The original paper halves both "
        "squares; here they are whole, as slopes.losses.mse returns them.",
    ),
    Correction(
        stated="The Wasserstein critic gives the probability that a picture is real.",
        holds="It gives a number without a scale of its own. Its slope is 1 everywhere, and what keeps it in bounds is "
        "no loss but a limit on how steep the critic itself may be.",
    ),
)


def _size(drawn: Drawn) -> str:
    return number(abs(drawn.under[1]), 3)


def reading(z: float, generator: list[Drawn]) -> str:
    """Return how hard the two first losses pull, and what the others do."""
    flat, steep = generator[0], generator[1]
    p = abs(flat.under[1])  # the slope of the saturating loss is the probability itself
    start = f"The discriminator gives this fake {number(100 * p, 3)} % to be real"
    if abs(z) < _EVEN:
        return (
            f"{start}: near a coin flip the saturating loss pulls with {_size(flat)} and the non-saturating one with "
            f"{_size(steep)}, about the same."
        )
    ratio = number(math.exp(abs(z)), 3)
    if z < 0:
        return (
            f"{start}, and rightly doubts it. The saturating loss pulls with σ(z) = {_size(flat)}, the non-saturating "
            f"one with {_size(steep)}, {ratio} times as hard, though both want the same."
        )
    return (
        f"{start}, and leans the wrong way. Now the saturating loss is the steep one, with {_size(flat)} against "
        f"{_size(steep)}, {ratio} times as hard, on a fake that needs it least."
    )


def readings(z: float, generator: list[Drawn]) -> Table:
    """Return value and slope of the generator's losses under the cursor."""
    return _under(f"At z = {number(z, 4)}, the generator", generator)


def discriminated(z: float, discriminator: list[Drawn]) -> Table:
    """Return value and slope of the discriminator's losses on the same fake."""
    return _under(
        f"At z = {number(z, 4)}, the discriminator",
        discriminator,
        "The saturating loss is this cross-entropy with its sign turned, and Wasserstein's two losses are each other's "
        "negative: what one player wins the other loses. The other pairs are two different losses.",
    )


def _under(title: str, drawn: list[Drawn], note: str = "") -> Table:
    return Table(
        title=title,
        columns=("", "loss", "slope by z"),
        rows=tuple((d.loss.title, number(d.under[0], 5), number(d.under[1], 5)) for d in drawn),
        hues=tuple(d.loss.hue for d in drawn),
        note=note,
    )


def batch(z: float) -> Table:
    """Return who in a batch of five fakes is taught, by each of the generator's losses."""
    places = [z + step for step in _BATCH]
    rows = tuple(
        (loss.title, *(f"{number(100 * share, 3)} %" for share in row))
        for loss, row in zip(GENERATOR, shares(places), strict=True)
    )
    return Table(
        title="Who in a batch of five fakes is listened to",
        columns=("share of all pulls", *(f"z = {number(place, 3)}" for place in places)),
        rows=rows,
        hues=tuple(loss.hue for loss in GENERATOR),
    )


def data(generator: list[Drawn], discriminator: list[Drawn]) -> Table:
    """Return values and slopes over the axis."""
    every = [*generator, *discriminator]

    def rows() -> tuple[tuple[str, ...], ...]:
        columns = [column for one in every for column in (one.value.tolist(), one.slope.tolist())]
        return tuple(
            (number(x, 4), *(number(column[i], 5) for column in columns))
            for i, x in list(enumerate(every[0].x.tolist()))[::_EVERY]
        )

    heads = [f"{'G' if one in generator else 'D'}: {one.loss.label}" for one in every]
    return Table(
        title="Data of the charts",
        columns=("z", *(head for name in heads for head in (name, f"{name}, slope"))),
        fill=rows,
    )


def formulas(z: float, generator: list[Drawn]) -> tuple[Formula, ...]:
    """Return loss and slope of each of the generator's losses, with the numbers put in."""
    at = bracketed(latex_number(z, 4))
    slopes = {
        "saturating": rf"-\sigma(z) = -\sigma({latex_number(z, 4)})",
        "non_saturating": rf"-\sigma(-z) = -\sigma({latex_number(-z, 4)})",
        "squares": rf"2(z - 1) = 2 \cdot ({latex_number(z, 4)} - 1)",
        "linear": "-1",
    }
    said = []
    for one in generator:
        put = one.loss.latex.replace("z", at if one.loss.name == "linear" else latex_number(z, 4))
        same = " = " if put != one.loss.latex else ""
        value = rf"\ell = {one.loss.latex}{same}{put if same else ''} = {latex_number(one.under[0], 4)}"
        slope = rf"\frac{{d\ell}}{{dz}} = {slopes[one.loss.name]}"
        if one.loss.name != "linear":
            slope += f" = {latex_number(one.under[1], 4)}"
        said += [Formula(label=one.loss.label, mathml=mathml(latex), hue=one.loss.hue) for latex in (value, slope)]
    return tuple(said)


def snippet(z: float) -> str:
    """Return Python that prints value and slope of every loss at this logit."""
    return "\n".join(
        [
            "import torch",
            "import slopes",
            "from slopes import losses as L",
            "",
            f"z = torch.tensor({z!r}, dtype=torch.float64, requires_grad=True)",
            "zero, one = torch.zeros_like(z), torch.ones_like(z)",
            "with slopes.exact():",
            "    for loss in [",
            "        # of the generator",
            *(f"        {loss.python}," for loss in GENERATOR),
            "        # of the discriminator",
            *(f"        {loss.python}," for loss in DISCRIMINATOR),
            "    ]:",
            "        print(loss.item(), torch.autograd.grad(loss, z)[0].item())",
            "",
        ]
    )
