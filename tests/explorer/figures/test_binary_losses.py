"""The binary-losses figure against closed forms in mpmath, never through the library."""

from __future__ import annotations

import contextlib
import io
import math

import mpmath
import pytest
import torch
from tests.each import each
from torch import Tensor

from slopes.catalog import CATALOG
from slopes.explorer.figures.binary_losses.figure import build
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.result import Result
from slopes.explorer.figures.state import State
from slopes.explorer.site.loading import Loaded
from slopes.explorer.yours.guarded import GuardedLoss

ALL = "binary_cross_entropy,focal,asymmetric,hinge,mse_score,mse"


@pytest.fixture
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["binary-losses"]


def state(figure: Figure, **changes: object) -> State:
    return figure.parse([(name, str(value)) for name, value in changes.items()])


def sigmoid(z: mpmath.mpf) -> mpmath.mpf:
    return 1 / (1 + mpmath.exp(-z))


def exact(name: str, z: mpmath.mpf, y: int) -> mpmath.mpf:
    """With pos_weight 2, gamma 1.5, gamma_negative 3, gamma_positive 0.5, clip 0.1 and margin 0.5."""
    p, q = sigmoid(z), sigmoid(-z)
    truth = p if y else q
    shifted = max(p - mpmath.mpf("0.1"), mpmath.mpf(0))
    forms = {
        "binary_cross_entropy": lambda: -(2 if y else 1) * mpmath.log(truth),
        "focal": lambda: -((1 - truth) ** mpmath.mpf("1.5")) * mpmath.log(truth),
        "asymmetric": lambda: (
            -((1 - p) ** mpmath.mpf("0.5")) * mpmath.log(p) if y else -(shifted**3) * mpmath.log(1 - shifted)
        ),
        "hinge": lambda: max(mpmath.mpf(0), mpmath.mpf("0.5") - (z if y else -z)),
        "mse_score": lambda: (z - (1 if y else -1)) ** 2,
        "mse": lambda: (p - y) ** 2,
        "mae": lambda: abs(p - y),
    }
    return forms[name]()


OPTIONS = {
    "binary_cross_entropy.pos_weight": 2,
    "focal.gamma": 1.5,
    "asymmetric.gamma_negative": 3,
    "asymmetric.gamma_positive": 0.5,
    "asymmetric.clip": 0.1,
    "hinge.margin": 0.5,
}


@each("y", [0, 1])
@each("name", [*ALL.split(","), "mae"])
def test_lines_and_the_crosshair_are_those_of_the_formula(figure: Figure, name: str, y: int) -> None:
    result = figure.compute(state(figure, losses=name, z=-1.7, y=y, **OPTIONS))
    curve, read = result.datasets["curves"], result.datasets["reading"]
    places = [*zip(curve["x"][::9], curve["value"][::9], curve["slope"][::9], strict=True)]
    with mpmath.workdps(40):
        for x, value, slope in [*places, (-1.7, read["value"][0], read["slope"][0])]:
            z = mpmath.mpf(float(x))
            assert value == pytest.approx(float(exact(name, z, y)), rel=1e-11, abs=1e-14)
            derivative = float(mpmath.diff(lambda at: exact(name, at, y), z))
            assert slope == pytest.approx(derivative, rel=1e-9, abs=1e-12)


def test_a_jump_of_the_slope_is_a_gap(figure: Figure) -> None:
    for y, at in ((1, 1.5), (0, -1.5)):
        curve = figure.compute(state(figure, losses="hinge", y=y, **{"hinge.margin": 1.5})).datasets["curves"]
        assert [x for x, slope in zip(curve["x"], curve["slope"], strict=True) if math.isnan(slope)] == [at]
    unfocused = {"asymmetric.gamma_negative": 0, "asymmetric.clip": 0.2}
    curve = figure.compute(state(figure, losses="asymmetric", y=0, **unfocused)).datasets["curves"]
    gaps = [x for x, slope in zip(curve["x"], curve["slope"], strict=True) if math.isnan(slope)]
    assert gaps == [pytest.approx(-math.log(4))]  # where p is 0.2


def table(result: Result, title: str) -> dict[str, tuple[str, ...]]:
    found = next(t for t in result.tables if t.title == title)
    return {row[0]: row[1:] for row in found.rows}


def test_who_still_pulls_on_a_sure_mistake(figure: Figure) -> None:
    left = table(figure.compute(state(figure, losses=ALL)), "What is left of the gradient")
    verdicts = {name: row[4] for name, row in left.items()}
    assert verdicts == {
        "cross-entropy": "keeps pulling",
        "focal": "keeps pulling",
        "asymmetric": "keeps pulling",
        "hinge": "keeps pulling",
        "MSE on z": "pulls ever harder",
        "MSE on p": "dies out",
    }
    # 2 (1 - p) p (1 - p) at z = -10, and p (1 - p)² at z = 10
    assert left["MSE on p"][2] == "−9.08 × 10⁻⁵"
    assert left["hinge"][5] == "0"
    assert left["MSE on z"][5] == "18"
    other = table(figure.compute(state(figure, losses="asymmetric,mae", y=0)), "What is left of the gradient")
    assert [row[4] for row in other.values()] == ["dies out", "dies out"]


@each(
    ("changes", "said"),
    [
        (
            {"losses": "binary_cross_entropy,mse", "z": -6},
            "cross-entropy (0.998) pulls hard; MSE on p (0.00492) whispers. A",
        ),
        ({"losses": "hinge,binary_cross_entropy", "z": 2}, "cross-entropy (0.119) pulls a little; hinge is silent."),
        ({"losses": "mse_score", "z": 4}, "With 98.2 % on the truth, y = 1, MSE on z (6) pushes back"),
        (
            {"losses": "asymmetric", "z": 7, "y": 0},
            "With 0.0911 % on the truth, y = 0, asymmetric (0.0238) whispers. A",
        ),
        ({"losses": "hinge", "z": -1, "y": 0, "hinge.margin": 0.5}, "hinge is silent."),
    ],
)
def test_the_reading_follows(figure: Figure, changes: dict[str, object], said: str) -> None:
    assert said in figure.compute(state(figure, **changes)).reading


def test_corrections_hold(figure: Figure) -> None:
    squared, asymmetric = [c.holds for c in figure.compute(figure.default()).corrections]
    assert "largest, 0.296" in squared  # 8 / 27
    assert "to 9.1 × 10⁻⁵ at z = −10" in squared
    assert "z = 10 costs 2.44 and has a gradient of 0.0012" in asymmetric  # -0.95^4 ln 0.05 = 2.440...


def test_the_crosshair_stays_in_the_plot(figure: Figure) -> None:
    for z in (-8, -3, 0, 8):
        for y in (0, 1):
            result = figure.compute(state(figure, losses=ALL, z=z, y=y, **{"binary_cross_entropy.pos_weight": 20}))
            for quantity in ("value", "slope"):
                low, high = result.signals[f"{quantity}_low"], result.signals[f"{quantity}_high"]
                assert all(low <= v <= high for v in result.datasets["reading"][quantity])


def test_formulas_hold_the_present_numbers(figure: Figure) -> None:
    result = figure.compute(state(figure, losses="hinge,asymmetric,binary_cross_entropy", z=0.25, **OPTIONS))
    said = " ".join(f.mathml for f in result.formulas)
    assert [f.label for f in result.formulas] == ["hinge", "hinge", "asymmetric", "cross-entropy", "cross-entropy"]
    assert "<mn>0.25</mn>" in said
    negative = figure.compute(state(figure, losses="asymmetric", z=0.0, y=0, **OPTIONS)).formulas[0].mathml
    assert "<mn>0.4</mn>" in negative  # m = 0.5 - 0.1


def squared_hinge(z: Tensor, y: Tensor) -> Tensor:
    return torch.relu(1 - (2 * y - 1) * z) ** 2


def naive(z: Tensor, y: Tensor) -> Tensor:
    p = torch.sigmoid(z)
    return -(y * p.log() + (1 - y) * (1 - p).log())


def broken(z: Tensor, y: Tensor) -> Tensor:
    text = f"no loss for {len(z)} and {len(y)}"
    raise ValueError(text)


def with_own(loaded: Loaded, loss: GuardedLoss, reference: str = "") -> Figure:
    return build(Context(catalog=CATALOG, costs=loaded.costs, loss=loss, loss_from=reference))


def test_the_visitors_own_loss_is_a_further_line(loaded: Loaded) -> None:
    figure = with_own(loaded, GuardedLoss(squared_hinge, "mine"))
    result = figure.compute(state(figure, z=-2))
    assert result.readings.rows[0] == ("mine", "9", "−6")  # (1 + 2)² and -2 (1 + 2)
    assert "mine (6)" in result.reading
    assert table(result, "What is left of the gradient")["mine"][4] == "pulls ever harder"
    assert figure.compute(state(figure, z=-2, y=0)).readings.rows[0] == ("mine", "0", "0")


def test_a_logarithm_of_nothing_is_said(loaded: Loaded) -> None:
    figure = with_own(loaded, GuardedLoss(naive, "naive"))
    left = table(figure.compute(state(figure, y=0)), "What is left of the gradient")["naive"]
    assert left[4] == "no number"


def test_a_loss_that_raises_is_a_problem_beside_the_others(loaded: Loaded) -> None:
    figure = with_own(loaded, GuardedLoss(broken, "mine"))
    result = figure.compute(figure.default())
    (problem,) = result.problems
    assert problem.title == "mine could not be drawn"
    assert "no loss for" in problem.text
    assert "in broken" in problem.traceback
    assert [row[0] for row in result.readings.rows] == ["cross-entropy", "focal", "hinge", "MSE on p"]
    alone = figure.compute(state(figure, losses="yours"))
    assert alone.reading == "Nothing could be drawn; the reason stands above."
    assert alone.problems


def test_the_python_with_an_own_loss_prints_its_numbers(loaded: Loaded) -> None:
    figure = with_own(loaded, GuardedLoss(squared_hinge, "squared_hinge"), f"{__file__}:squared_hinge")
    result = figure.compute(figure.default())
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(result.snippet, {})  # noqa: S102  what the page offers to copy has to run
    assert [float(figure) for figure in out.getvalue().split()] == pytest.approx(result.printed, rel=1e-12)
