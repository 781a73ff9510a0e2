"""What the gates figure says: which half is activated, what each slope is, and what equal parameters mean."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from slopes.explorer.figures.gates.units import UNITS, At, Block, at, blocks, packed
from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import bracketed, latex_number, number

_MILLION: Final = 1e6
_LLAMA: Final = (4096, 256)  # width of the model, and what its hidden width is a multiple of


def reading(now: At, gate: float, value: float, narrow: Block, plain: Block) -> str:
    """Return what the first unit does with gate and value, what its slopes are, and what its block costs."""
    said, a, b = now.unit.said, number(gate, 3), number(value, 3)
    if said:
        start = (
            f"{now.unit.label} activates the gate, {said}({a}) = {number(now.by_value, 4)}, and multiplies the value"
        )
        start += f" {b}, which stays linear: {number(now.output, 4)}."
    else:
        start = f"The bilinear unit activates neither half: gate {a} times value {b} is {number(now.output, 4)}."
    slopes = f" Its slope by the value is the {'activated ' if said else ''}gate; that by the gate, "
    slopes += f"{number(now.by_gate, 4)}, has the value as a factor."
    ratio = narrow.parameters / plain.parameters
    return f"{start}{slopes} {_equal(ratio, narrow, plain)}"


def _equal(ratio: float, narrow: Block, plain: Block) -> str:
    start = f"Three matrices {whole(narrow.hidden)} wide have {number(ratio, 4)} times the parameters of two"
    return f"{start} {whole(plain.hidden)} wide."


def whole(count: int) -> str:
    """Return a whole number, its thousands set apart."""
    return f"{count:,}"


def short(count: int) -> str:
    """Return a count of parameters in millions, or whole where it is less than one."""
    return f"{number(count / _MILLION, 3)} M" if count >= _MILLION else whole(count)


def formulas(now: At, gate: float, value: float) -> tuple[Formula, ...]:
    """Return the unit and its two slopes with the numbers put in."""
    a, b = latex_number(gate, 4), latex_number(value, 4)
    act, given = now.unit.latex.format(a="a"), now.unit.latex.format(a=a)
    hue, prime = now.unit.hue, _prime(now)
    value_by = rf"\frac{{\partial y}}{{\partial b}} = {act} = {latex_number(now.by_value, 5)}"
    return (
        Formula(
            label=now.unit.label,
            mathml=mathml(rf"y = b \cdot {act} = {b} \cdot {bracketed(given)} = {latex_number(now.output, 5)}"),
            hue=hue,
        ),
        Formula(
            label="Slope by the gate",
            mathml=mathml(rf"\frac{{\partial y}}{{\partial a}} = b{prime} = {latex_number(now.by_gate, 5)}"),
            hue=hue,
        ),
        Formula(label="Slope by the value", mathml=mathml(value_by), hue=hue),
        Formula(label="The LLaMA block", mathml=mathml(r"(\operatorname{swish}(x W_1) \odot x W_3)\,W_2")),
    )


def _prime(now: At) -> str:
    if not now.unit.said:
        return ""
    return rf" \cdot {now.unit.latex.split('(')[0].replace('{{', '{').replace('}}', '}')}'(a)"


def snippet(now: At, gate: float, value: float, width: int, multiple: int) -> str:
    """Return Python that prints output, both slopes, and the size of the gated block."""
    return f"""\
import torch
import slopes
from slopes import activations as A

gate = torch.tensor([{gate!r}], dtype=torch.float64, requires_grad=True)
value = torch.tensor([{value!r}], dtype=torch.float64, requires_grad=True)
with slopes.exact():
    y = {now.unit.python}
    print(y.item(), *(g.item() for g in torch.autograd.grad(y, (gate, value))))
block = A.GatedFFN({width}, multiple_of={multiple}, device="meta")
print(block.d_hidden, sum(p.numel() for p in block.parameters()))
"""


def halves() -> Table:
    """Return which half is activated, where."""
    first, second, by_second, by_first = packed()
    rows = (
        ("glu, geglu, swiglu (value, gate)", "the argument named gate", ""),
        ("the same, one packed tensor", "the second half", number(by_second, 5)),
        ("the same, gate_half='first'", "the first half", number(by_first, 5)),
        ("torch.nn.functional.glu", "the second half", number(by_second, 5)),
        ("Shazeer 2020: act(xW) ⊗ xV", "W, the first that is written", ""),
        ("LLaMA: act(gate_proj(x)) · up_proj(x)", "gate_proj", ""),
        ("most fused gate and up projections", "the first half", ""),
    )
    note = f"The last column is GLU of the packed pair ({number(first)}, {number(second)}): the wrong half is another "
    note += "number, and no error."
    return Table(title="Which half is activated", columns=("", "activated", "GLU"), rows=rows, note=note)


@lru_cache(maxsize=1)
def corrections() -> tuple[Correction, ...]:
    """Return what is told otherwise elsewhere."""
    plain, wide, narrow = blocks(*_LLAMA)
    open_gate, at_zero = at(UNITS["swiglu"], 3.0, 1.0).output, at(UNITS["glu"], 0.0, 1.0).output
    low = at(UNITS["swiglu"], -1.0, 1.0).output
    third = whole(round(8 * _LLAMA[0] / 3))
    return (
        Correction(
            stated="The hidden layer is reduced by 2/3 to keep the parameters equal.",
            holds=f"It is reduced to 2/3, by one third: from {whole(plain.hidden)} to about {third} "
            f"at d = 4,096, which LLaMA rounds to {whole(narrow.hidden)}.",
        ),
        Correction(
            stated="SwiGLU costs half as many parameters again.",
            holds=f"At the same hidden width it does, {short(wide.parameters)} instead of {short(plain.parameters)}. "
            f"At 8d/3 it has {short(narrow.parameters)}.",
        ),
        Correction(
            stated="A gate is a number between 0, shut, and 1, open.",
            holds=f"Only a sigmoid's is. At gate 3 SwiGLU multiplies by {number(open_gate, 4)}, at −1 by "
            f"{number(low, 4)}, which turns the sign; and at gate 0 a GLU is half open, {number(at_zero, 2)}.",
        ),
        Correction(
            stated="PaLM, LLaMA, Mistral and Gemma use SwiGLU.",
            holds="Gemma uses GeGLU, in the tanh form, as T5 1.1 does.",
        ),
    )
