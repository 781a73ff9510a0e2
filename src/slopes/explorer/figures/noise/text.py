"""What the noise figure says: its reading, tables, formulas, snippet and corrections."""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.mathml import mathml
from slopes.explorer.figures.noise.schedules import NAMES, Noisy, Setting
from slopes.explorer.figures.result import Correction, Formula, Table
from slopes.explorer.figures.wording import bracketed, latex_number, number
from slopes.shown import palette

HUES: Final = {"x0": palette.BLUE, "eps": palette.ORANGE, "v": palette.GREEN, "capped": palette.PURPLE}
LABELS: Final = {"x0": "x₀", "eps": "ε", "v": "v", "capped": "min-SNR"}
_EVERY: Final = 4  # of the drawn points, one in four stands in the table

CORRECTIONS: Final = (
    Correction(
        stated="Predicting ε, x₀ or v is the same, since each gives the others.",
        holds="They carry the same information and are not the same loss. An error in x₀ is charged SNR times as much "
        "by an MSE of ε, and by one of v SNR + 1 times: most early, where little noise is.",
    ),
    Correction(
        stated="A velocity has the weight SNR + 1.",
        holds="So it is where α² + σ² = 1, as with the cosine and the linear β. With rectified flow, α = 1 − t and "
        "σ = t, it is 1/t².",
    ),
    Correction(
        stated="Min-SNR multiplies the loss by min(SNR, γ).",
        holds="That is the weight of the error in x₀. The MSE of ε is multiplied by min(SNR, γ)/SNR, and that of v by "
        "min(SNR, γ)/(SNR + 1).",
    ),
    Correction(
        stated="Stable Diffusion predicts a velocity.",
        holds="Its versions differ: 1 predicts ε, 2 at 768 pixels v, 3 the velocity of a rectified flow. The loss is "
        "an MSE in each.",
    ),
)


def _times(value: float) -> str:
    return f"{number(value, 3)} times"


def reading(s: Setting, here: dict[str, float]) -> str:
    """Return how strong the signal is, and what each target charges for the same error."""
    start = (
        f"At t = {number(s.t, 3)} of the {NAMES[s.schedule]} schedule the signal has {_times(here['snr'])} the power "
        f"of the noise. The same error in x₀ costs an MSE of ε {_times(here['eps'])} as much as one of x₀, and an MSE "
        f"of v {_times(here['v'])}"
    )
    if s.cap:
        held = "which the cap does not touch" if here["snr"] <= s.cap else f"held down from {number(here['snr'], 3)}"
        return f"{start}; min-SNR weighs it with {number(here['capped'], 3)}, {held}."
    if s.schedule == "flow":
        return f"{start}. The velocity ε − x₀ = {number(here['velocity'], 3)} is the same at every t."
    return f"{start}. Here v = α ε − σ x₀ is {number(here['velocity'], 3)}."


def readings(s: Setting, here: dict[str, float]) -> Table:
    """Return each target and its weight at this time."""
    targets = {"x0": s.x0, "eps": s.noise, "v": here["velocity"]}
    law = {"x0": "1", "eps": "SNR", "v": "1/t²" if s.schedule == "flow" else "SNR + 1"}
    rows = [(LABELS[name], number(targets[name], 5), law[name], number(here[name], 5)) for name in targets]
    if s.cap:
        rows.append((LABELS["capped"], "any", f"min(SNR, {number(s.cap, 3)})", number(here["capped"], 5)))
    return Table(
        title=f"At t = {number(s.t, 4)}: xₜ = {number(here['sample'], 5)}, SNR = {number(here['snr'], 5)}",
        columns=("", "target", "weight of the x₀-error", "now"),
        rows=tuple(rows),
        hues=tuple(HUES.values())[: len(rows)],
        note="Each weight is the MSE of the target, for a prediction whose x₀ is wrong by 0.1, over the MSE of x₀.",
    )


def factors(s: Setting, here: dict[str, float]) -> Table:
    """Return what the MSE of each target is multiplied by for two usual weightings."""
    cap = s.cap or 5.0
    capped = min(here["snr"], cap)
    rows = tuple(
        (f"an MSE of {LABELS[name]}", number(1 / here[name], 5), number(capped / here[name], 5))
        for name in ("x0", "eps", "v")
    )
    columns = ("multiply", "to charge x₀-errors evenly, by", f"to get min-SNR with γ = {number(cap, 3)}, by")
    return Table(title="How one target is given another's weight", columns=columns, rows=rows)


def data(over: Noisy) -> Table:
    """Return the lines of the charts."""

    def rows() -> tuple[tuple[str, ...], ...]:
        named = (over.signal, over.noise, over.sample, over.velocity, over.snr)
        columns = [column.tolist() for column in (*named, over.weights["eps"], over.weights["v"])]
        return tuple(
            (number(t, 4), *(number(column[i], 5) for column in columns))
            for i, t in list(enumerate(over.t.tolist()))[::_EVERY]
        )

    heads = ("t", "α", "σ", "xₜ", "v", "SNR", "weight of ε", "weight of v")
    return Table(title="Data of the charts", columns=heads, fill=rows)


def formulas(s: Setting, here: dict[str, float]) -> tuple[Formula, ...]:
    """Return sample, velocity and weights with the present numbers put in."""
    a, b = latex_number(here["signal"], 3), latex_number(here["noise"], 3)
    clean, noise = (bracketed(latex_number(value, 3)) for value in (s.x0, s.noise))
    sample = rf"x_t = \alpha x_0 + \sigma\epsilon = {a} \cdot {clean} + {b} \cdot {noise}"
    if s.schedule == "flow":
        v = rf"v = \epsilon - x_0 = {latex_number(s.noise, 3)} - {clean}"
        charge = rf"w_v = \frac{{1}}{{t^2}} = \frac{{1}}{{{latex_number(s.t, 3)}^2}}"
    else:
        v = rf"v = \alpha\epsilon - \sigma x_0 = {a} \cdot {noise} - {b} \cdot {clean}"
        charge = rf"w_v = \mathrm{{SNR}} + 1 = \frac{{1}}{{\sigma^2}} = \frac{{1}}{{{b}^2}}"
    ratio = rf"w_\epsilon = \mathrm{{SNR}} = \frac{{\alpha^2}}{{\sigma^2}} = \frac{{{a}^2}}{{{b}^2}}"
    lines = [
        ("Sample", sample, here["sample"], palette.INK),
        ("Velocity", v, here["velocity"], HUES["v"]),
        ("Weight of ε", ratio, here["eps"], HUES["eps"]),
        ("Weight of v", charge, here["v"], HUES["v"]),
    ]
    if s.cap:
        capped = rf"w = \min(\mathrm{{SNR}}, \gamma) = \min({latex_number(here['snr'], 3)}, {latex_number(s.cap, 3)})"
        lines.append(("Min-SNR", capped, here["capped"], HUES["capped"]))
    return tuple(
        Formula(label=label, mathml=mathml(f"{latex} = {latex_number(value, 3)}"), hue=hue)
        for label, latex, value, hue in lines
    )


_FACTORS: Final = {
    "cosine": "(t * math.pi / 2).cos(), (t * math.pi / 2).sin()",
    "linear": "(-(0.1 * t + 9.95 * t * t) / 2).exp(), (-(-(0.1 * t + 9.95 * t * t)).expm1()).sqrt()",
    "flow": "1 - t, t",
}


def snippet(s: Setting) -> str:
    """Return Python that prints sample and velocity, and the weights of ε and v (and of min-SNR)."""
    v = "noise - clean" if s.schedule == "flow" else "a * noise - b * clean"
    lines = [
        *(["import math"] if s.schedule == "cosine" else []),
        "import torch",
        "import slopes",
        "from slopes import losses as L",
        "",
        "def number(x):",
        "    return torch.tensor(x, dtype=torch.float64)",
        "",
        "def velocity(clean, noise):",
        f"    return {v}",
        "",
        f"t, x0, eps = number({s.t!r}), number({s.x0!r}), number({s.noise!r})",
        f"a, b = {_FACTORS[s.schedule]}",
        "x = a * x0 + b * eps",
        "wrong = x0 + 0.1  # a prediction, and the noise that it implies",
        "implied = (x - a * wrong) / b",
        "with slopes.exact():",
        "    error = L.mse(wrong, x0)",
        "    print(x.item(), velocity(x0, eps).item())",
        "    print((L.mse(implied, eps) / error).item())",
        "    print((L.mse(velocity(wrong, implied), velocity(x0, eps)) / error).item())",
    ]
    if s.cap:
        lines.append(f"print(((a / b) ** 2).clamp(max={s.cap!r}).item())")
    return "\n".join([*lines, ""])
