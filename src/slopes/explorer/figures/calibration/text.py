"""What the calibration figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

import math
from typing import Final

from torch import Tensor

from slopes.explorer.figures.calibration.smoothing import Smoothed, confidence
from slopes.explorer.figures.calibration.teaching import NAMES, STUDENTS, TEACHER, Lesson
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import latex_number, number
from slopes.shown import palette

TEACHER_HUE: Final = palette.BLUE
STUDENT_HUE: Final = palette.ORANGE
_STILL: Final = 5e-4  # as near to rest as makes no difference to a reader
_EVERY: Final = 4  # of the drawn points, one in four stands in the table

CORRECTIONS: Final = (
    Correction(
        stated="Label smoothing leaves 1 − ε to the true class.",
        holds="There are two conventions. torch and the paper's formula spread ε over all K classes, so the true one "
        "keeps 1 − ε + ε/K, 0.925 of four at ε = 0.1. Only where ε goes to the K − 1 others does it keep 1 − ε.",
    ),
    Correction(
        stated="A smoothed loss falls to 0 when everything is right.",
        holds="Its least value is the entropy of the smoothed target. Losses with different ε cannot be compared.",
    ),
    Correction(
        stated="Distillation minimises KL(student‖teacher).",
        holds="Hinton's form, and the default here, is KL(teacher‖student): the student has to cover all that the "
        "teacher thinks possible. The other direction lets it keep to one class.",
    ),
    Correction(
        stated="T² makes the teacher count more.",
        holds="Softening both sides makes the gradient smaller, by T² where T is large. The factor undoes that, so "
        "that the share of the labels, α, means about the same at every T.",
    ),
)


def _percent(share: float) -> str:
    return f"{number(100 * share, 3)} %"


def reading(lead: float, loss: Smoothed, here: tuple[float, float], told: Lesson) -> str:
    """Return where the loss rests and what it does now, and what the teacher's temperature does."""
    slope, pull = here[1], number(abs(here[1]), 2)
    sure = _percent(confidence(lead, loss.classes))
    if math.isinf(loss.rest):
        start = f"Hard labels rest nowhere: at a lead of {number(lead, 3)}, {sure} sure, they still push with {pull}"
    else:
        does = (
            "it is at rest" if abs(slope) < _STILL else f"it {'pushes on' if slope < 0 else 'pulls back'} with {pull}"
        )
        start = (
            f"With ε = {number(loss.smoothing, 3)} the loss rests at a lead of {number(loss.rest, 3)}, "
            f"{_percent(loss.target[0].item())} sure; at {number(lead, 3)}, {sure}, {does}"
        )
    beside = 1 - told.teacher[0].item()
    whole, bare, _ = told.norms
    t = number(told.temperature, 3)
    return (
        f"{start}. At T = {t} the teacher gives {_percent(beside)} to other classes than the dog; the student's "
        f"gradient is {number(whole, 3)}, and without T² it would be {number(bare, 2)}."
    )


def readings(lead: float, losses: dict[str, tuple[Smoothed, int]]) -> Table:
    """Return what each loss is here, and where it rests."""
    rows = []
    for label, (loss, _) in losses.items():
        value, slope = loss.here(lead)
        rest = "never" if math.isinf(loss.rest) else number(loss.rest, 4)
        rows.append((label, number(value, 5), number(slope, 4), rest, number(loss.target[0].item(), 4)))
    any_loss = next(iter(losses.values()))[0]
    return Table(
        title=f"At a lead of {number(lead, 4)} among {any_loss.classes} classes",
        columns=("", "loss", "slope", "rests at g =", "with p ="),
        rows=tuple(rows),
        hues=tuple(hue for _, hue in losses.values()),
        note="Least values: " + "; ".join(f"{name} {number(one.floor, 4)}" for name, (one, _) in losses.items()) + ".",
    )


def lessons(who: str, told: Lesson, plain: Lesson) -> Table:
    """Return what teacher and student give each class, and how the student is pulled."""
    columns = [column.tolist() for column in (plain.teacher, told.teacher, told.student, told.gradient, told.hard)]
    rows = tuple(
        (name, number(logit, 3), number(own, 3), *(number(column[i], 4) for column in columns))
        for i, (name, logit, own) in enumerate(zip(NAMES, TEACHER, STUDENTS[who][1], strict=True))
    )
    t = number(told.temperature, 3)
    heads = ("teacher's logit", "student's logit", "teacher, T = 1", f"teacher, T = {t}", f"student, T = {t}")
    return Table(
        title=f"Teacher and student, {STUDENTS[who][0]}",
        columns=("", *heads, "gradient, with T²", "of the hard label"),
        rows=rows,
    )


def data(lines: dict[str, tuple[Tensor, Tensor, Tensor]], sizes: tuple[Tensor, Tensor]) -> tuple[Table, ...]:
    """Return the lines of the charts."""
    leads = next(iter(lines.values()))[0].tolist()

    def losses() -> tuple[tuple[str, ...], ...]:
        columns = [column.tolist() for _, value, slope in lines.values() for column in (value, slope)]
        return tuple(
            (number(g, 4), *(number(column[i], 5) for column in columns)) for i, g in list(enumerate(leads))[::_EVERY]
        )

    def norms() -> tuple[tuple[str, ...], ...]:
        pairs = list(zip(sizes[0].tolist(), sizes[1].tolist(), strict=True))
        return tuple((number(t, 4), number(size, 5), number(size / t**2, 5)) for t, size in pairs[::_EVERY])

    heads = [head for name in lines for head in (name, f"{name}, slope")]
    return (
        Table(title="Losses over the lead", columns=("g", *heads), fill=losses),
        Table(title="Gradients over the temperature", columns=("T", "with T²", "without"), fill=norms),
    )


def formulas(lead: float, loss: Smoothed, here: tuple[float, float], told: Lesson) -> tuple[Formula, ...]:
    """Return the lead at rest, the slope, and the gradient of distillation, with the numbers put in."""
    e, k = latex_number(loss.smoothing, 3), loss.classes
    best = latex_number(loss.target[0].item(), 4)
    rest = latex_number(loss.rest, 4)
    if loss.over == "all":
        lies = (
            r"g^* = \log\frac{1 - \epsilon + \epsilon / K}{\epsilon / K} = "
            rf"\log\frac{{{best}}}{{{e} / {k}}} = {rest}"
        )
    else:
        lies = (
            r"g^* = \log\frac{(1 - \epsilon)(K - 1)}{\epsilon} = "
            rf"\log\frac{{{best} \cdot {k - 1}}}{{{e}}} = {rest}"
        )
    p = latex_number(confidence(lead, k), 4)
    slope = rf"\frac{{\partial \ell}}{{\partial z_1}} = p - q_1 = {p} - {best} = {latex_number(here[1], 3)}"
    t = latex_number(told.temperature, 3)
    with_t, without, _ = told.norms
    size = (
        rf"\left\|T^2\,\nabla\,\mathrm{{KL}}\right\| = T\left\|q_T - p_T\right\| = {t} \cdot "
        rf"{latex_number(with_t / told.temperature, 3)} = {latex_number(with_t, 3)}"
    )
    bare = (
        rf"\left\|\nabla\,\mathrm{{KL}}\right\| = \frac{{1}}{{T}}\left\|q_T - p_T\right\| = {latex_number(without, 3)}"
    )
    return (
        Formula(label="Where it rests", mathml=mathml(lies)),
        Formula(label="Slope by the best logit", mathml=mathml(slope)),
        Formula(label="Gradient with T²", mathml=mathml(size), hue=palette.GREEN),
        Formula(label="Without", mathml=mathml(bare), hue=palette.PURPLE),
    )


def snippet(lead: float, loss: Smoothed, who: str, temperature: float) -> str:
    """Return Python that prints the loss, its slope, where it rests, and the sizes of the student's gradients."""
    return _SNIPPET.format(
        lead=lead, k=loss.classes, eps=loss.smoothing, over=loss.over, t=temperature,
        teacher=list(TEACHER), student=list(STUDENTS[who][1]),
    )  # fmt: skip


_SNIPPET: Final = """\
import torch
import slopes
from slopes import losses as L

g = torch.tensor({lead!r}, dtype=torch.float64, requires_grad=True)
logits = torch.cat([g[None], torch.zeros({k} - 1, dtype=torch.float64)]) - 1.0
teacher = torch.tensor({teacher}, dtype=torch.float64)
student = torch.tensor({student}, dtype=torch.float64, requires_grad=True)
with slopes.exact():
    loss = L.cross_entropy(logits, torch.tensor(0), label_smoothing={eps!r}, smooth_over={over!r})
    print(loss.item(), torch.autograd.grad(loss, g)[0].item())
    target = L.smooth_labels(
        torch.tensor(0), {k}, label_smoothing={eps!r}, smooth_over={over!r}, dtype=torch.float64
    )
    print((target[0] / target[1]).log().item())  # the lead at rest
    taught = L.distillation(student, teacher, alpha=0.0, temperature={t!r})
    size = torch.autograd.grad(taught, student)[0].norm().item()
    print(size, size / {t!r} ** 2)  # with T², and without
"""
