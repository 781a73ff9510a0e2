"""The pairing figure, against gradients by hand, a loop of plain floats, and the library's own words."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Callable

import pytest
import torch
from tests.each import each
from torch import Tensor
from torch.nn import functional

from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.pairing.pairs import matched
from slopes.explorer.figures.pairing.tasks import TASKS
from slopes.explorer.figures.parameters import Choice
from slopes.explorer.figures.result import Result, encode
from slopes.explorer.figures.state import StateError
from slopes.explorer.site.loading import Loaded, load
from slopes.recipes import Regression

Lines = dict[str, list[tuple[float, float | None, float | None]]]

COUPLED = "cross_entropy: a row of `targets` sums to 2, expected 1"
NO_SIGN = "ValuesError: hinge: `targets` holds 0, expected -1 or +1; from labels 0 and 1 make 2 * labels - 1."
PROBABILITIES = "`logits` all lie in [0, 1], which looks like probabilities where logits belong"
TOO_LARGE = "binary_cross_entropy: `targets` holds 3, expected values in [0, 1]; pass labels 0 and 1, or probabilities."


@pytest.fixture
def one(loaded: Loaded) -> Figure:
    return loaded.figures["pairing"]


MATCHED_PAIR = {"activation": "none", "loss": "own"}


def at(figure: Figure, **changes: float | str) -> Result:
    """What is shown of the task's own pair, but for what is said."""
    return figure.compute({**figure.default(), **MATCHED_PAIR, **changes})


def test_it_opens_on_what_it_claims_and_has_the_matched_pair_as_a_preset(one: Figure) -> None:
    first = one.compute(one.default())
    s6 = 1 / (1 + math.exp(6))
    assert first.printed[1] == pytest.approx(-2 * (1 - s6) ** 2 * s6, rel=1e-12)
    assert "it dies, because the sigmoid's own slope" in first.reading
    matched = next(preset for preset in one.presets if preset.label == "Matched")
    whole = one.compute({**one.default(), **matched.state})
    assert whole.printed[1] == pytest.approx(s6 - 1, rel=1e-12)
    assert "is the matched pair: what reaches the logit is ŷ − y" in whole.reading


def test_in_every_other_preset_the_gradient_dies_misleads_or_is_not_there(one: Figure) -> None:
    for preset in one.presets:
        reading = one.compute({**one.default(), **preset.state}).reading
        fails = any(
            words in reading for words in ("it dies", "nothing at all", "leads away from the target", "no loss at all")
        )
        assert fails == (preset.label != "Matched"), (preset.label, reading)


def lines(result: Result, name: str = "curves") -> Lines:
    columns = [list(result.datasets[name][c]) for c in ("series", "x", "value", "slope")]
    found: Lines = {}
    for series, *point in zip(*columns, strict=True):
        found.setdefault(series, []).append((point[0], point[1], point[2]))
    return found


def s(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def share(z: float, *others: float) -> float:
    return math.exp(z) / (math.exp(z) + sum(math.exp(o) for o in others))


LABELS = (4.0, -4.0)
# What each pair hands back to the logit, worked by hand: task, output, loss, target in words, gradient.
GRADIENTS: list[tuple[str, str, str, str, Callable[[float], float]]] = [
    ("binary", "none", "own", "y = 1", lambda z: -s(-z)),
    ("binary", "none", "own", "y = 0", s),
    ("classes", "none", "own", "y = 1", lambda z: share(z, 0, 0) - 1),
    ("classes", "none", "own", "y = 0", lambda z: share(z, 0, 0)),
    ("labels", "none", "own", "y = 1", lambda z: -s(-z)),
    ("tokens", "none", "own", "y = 1", lambda z: math.exp(z) / (math.exp(z) + 49) - 1),
    ("tokens", "none", "own", "y = 0", lambda z: math.exp(z) / (math.exp(z) + 49)),
    ("regression", "none", "own", "y = 3", lambda z: 2 * (z - 3)),
    ("regression", "none", "own", "y = −2", lambda z: 2 * (z + 2)),
    ("fraction", "none", "own", "y = 0.9", lambda z: s(z) - 0.9),
    ("positive", "none", "own", "y = 0.2", lambda z: 2 * (z + math.log(5))),
    ("binary", "sigmoid", "mse", "y = 1", lambda z: -2 * s(-z) ** 2 * s(z)),
    ("binary", "sigmoid", "bce", "y = 0", lambda z: s(s(z)) * s(z) * s(-z)),
    ("binary", "relu", "bce", "y = 0", lambda z: s(z) if z > 0 else 0.0),
    ("binary", "sigmoid", "probabilities", "y = 1", lambda z: -s(-z)),
    ("binary", "none", "hinge", "y = 0", lambda z: 1.0 if z > -1 else 0.0),
    ("binary", "none", "hinge01", "y = 0", lambda _: 0.0),
    ("binary", "softmax", "mse", "y = 0", lambda _: 0.0),
    ("classes", "none", "hinge", "y = 1", lambda z: -1.0 if z < 1 else 0.0),
    ("labels", "none", "ce", "y = 1", lambda z: 2 * share(z, *LABELS) - 1),
    ("positive", "softplus", "mse", "y = 3", lambda z: 2 * (math.log1p(math.exp(z)) - 3) * s(z)),
    ("positive", "tanh", "mse", "y = 3", lambda z: 2 * (math.tanh(z) - 3) / math.cosh(z) ** 2),
    ("regression", "none", "bce", "y = 3", lambda z: s(z) - 3),
]


@each(("task", "output", "loss", "said", "gradient"), GRADIENTS)
def test_what_reaches_the_logit(
    one: Figure, task: str, output: str, loss: str, said: str, gradient: Callable[[float], float]
) -> None:
    result = at(one, task=task, activation=output, loss=loss, z=-3.3)
    for z, _, slope in lines(result)[said]:
        assert slope == pytest.approx(gradient(z), rel=1e-9, abs=1e-13)
    row = list(lines(result)).index(said)
    assert result.printed[2 * row + 1] == pytest.approx(gradient(-3.3), rel=1e-9, abs=1e-13)


def test_losses_by_hand(one: Figure) -> None:
    for z, value, _ in lines(at(one))["y = 0"]:
        assert value == pytest.approx(math.log1p(math.exp(z)), rel=1e-12)
    for z, value, _ in lines(at(one, task="tokens"))["y = 1"]:
        assert value == pytest.approx(-math.log(math.exp(z) / (math.exp(z) + 49)), rel=1e-9)
    for z, value, _ in lines(at(one, task="labels", loss="ce"))["y = 1"]:
        assert value == pytest.approx(-math.log(share(z, *LABELS)) - math.log(share(4, z, -4)), rel=1e-9)
    for z, value, _ in lines(at(one, activation="sigmoid", loss="mse"), "matched")["y = 1"]:
        assert value == pytest.approx(math.log1p(math.exp(-z)), rel=1e-12)


def test_a_linear_output_has_a_bce_of_probabilities_between_0_and_1_only(one: Figure) -> None:
    result = at(one, loss="probabilities")
    for z, value, slope in lines(result)["y = 1"]:
        assert value is not None
        if not 0 <= z <= 1:
            assert math.isnan(value)
        elif z > 0:
            assert value == pytest.approx(-math.log(z), rel=1e-12)
            assert slope == pytest.approx(-1 / z if z < 1 else 0.0, rel=1e-12)
    assert "there is no loss at all" in result.reading
    assert result.datasets["now"]["value"] == [None, None]
    assert result.datasets["tags"]["label"] == ["y = 1", "y = 0"]
    assert result.datasets["training_ends"]["label"] == ["matched, 1", "matched, 0"]


@each(
    ("output", "loss", "gradient", "answer"),
    [
        ("none", "own", lambda z: -s(-z), s),
        ("sigmoid", "mse", lambda z: -2 * s(-z) ** 2 * s(z), s),
        ("sigmoid", "bce", lambda z: (s(s(z)) - 1) * s(z) * s(-z), lambda z: s(s(z))),
    ],
)
def test_training_is_gradient_descent(
    one: Figure, output: str, loss: str, gradient: Callable[[float], float], answer: Callable[[float], float]
) -> None:
    path = at(one, activation=output, loss=loss).datasets["training"]
    z = -6.0
    for step in range(61):
        assert (path["series"][step], path["step"][step]) == ("y = 1", step)
        assert path["output"][step] == pytest.approx(answer(z), rel=1e-9)
        z -= 0.25 * gradient(z)


@each(
    ("state", "words"),
    [
        ({}, "is the matched pair: what reaches the logit is ŷ − y. At z = −6 with y = 1 that is −0.998"),
        ({"task": "regression"}, "is the matched pair: what reaches the logit is 2(ŷ − y)"),
        ({"task": "positive"}, "is the matched pair: what reaches the logit is 2(ln ŷ − ln y)"),
        ({"activation": "sigmoid", "loss": "probabilities"}, "is matched too"),
        ({"task": "classes", "loss": "bce"}, "need not add up to 1"),
        ({"activation": "sigmoid", "loss": "mse"}, "it dies, because the sigmoid's own slope"),
        (
            {"activation": "sigmoid", "loss": "bce"},
            "the sigmoid is applied twice. Its answers stay between 0.5 and 0.7",
        ),
        ({"activation": "relu", "loss": "bce"}, "nothing at all, because a ReLU hands nothing back below 0"),
        ({"activation": "softmax", "loss": "mse"}, "because a softmax over a single output is always 1"),
        ({"task": "labels", "loss": "ce", "z": 6.0}, "leads away from the target, because a softmax makes labels"),
        ({"loss": "mse", "z": 6.0}, "leads away from the target, because beyond it a right answer counts as an error"),
        ({"loss": "hinge01", "z": 6.0}, "because a label of 0 takes the output out of the loss"),
        ({"loss": "hinge"}, "works, without being the matched pair"),
        ({"task": "fraction", "loss": "mse"}, "works, without being the matched pair"),
        ({"task": "positive", "activation": "tanh", "loss": "mse"}, "Its answers stay between −1 and 1."),
        ({"task": "positive", "activation": "softplus", "loss": "mse", "z": 6.0}, "Confidently wrong the other way"),
        ({"task": "tokens", "activation": "softmax", "loss": "mse"}, "it dies, because the softmax's own slopes"),
        ({"task": "tokens", "activation": "softmax", "loss": "ce"}, "the softmax is applied twice"),
    ],
)
def test_the_reading_says_what_is_wrong(one: Figure, state: dict[str, str | float], words: str) -> None:
    assert words in at(one, **state).reading


@each(
    ("state", "words"),
    [
        ({"loss": "hinge01"}, f"slopes refuses; what is drawn is without its checks. For y = 0: {NO_SIGN}"),
        ({"activation": "sigmoid", "loss": "bce"}, f"SuspiciousInputWarning: binary_cross_entropy: {PROBABILITIES}"),
        ({"task": "labels", "loss": "ce"}, f"For y = 1: ValuesError: {COUPLED}"),
        ({"task": "regression", "loss": "bce"}, f"ValuesError: {TOO_LARGE}"),
        ({"loss": "probabilities"}, "RuntimeError: all elements of input should be between 0 and 1"),
        ({"task": "regression", "activation": "sigmoid", "loss": "probabilities"}, "all elements of target should"),
        ({"task": "classes", "activation": "softmax", "loss": "ce"}, "and each row sums to 1, which looks like prob"),
    ],
)
def test_the_library_is_quoted(one: Figure, state: dict[str, str], words: str) -> None:
    assert words in at(one, **state).readings.note


def test_what_is_not_refused_is_not_quoted(one: Figure) -> None:
    for task in ("binary", "classes", "labels", "tokens", "regression", "fraction", "positive"):
        assert not at(one, task=task).readings.note


def test_in_two_steps_float32_dies_where_the_sigmoid_rounds_to_1() -> None:
    z = torch.tensor([16.0, 17.0], requires_grad=True)
    slope = torch.autograd.grad(functional.binary_cross_entropy(torch.sigmoid(z), torch.zeros(2)), z)[0]
    assert slope[0] > 0.4  # half of 1, the mean over two
    assert slope[1] == 0


def test_a_logarithm_wants_positive_targets(one: Figure) -> None:
    with pytest.raises(StateError, match="needs targets above 0"):
        one.parse([("loss", "log")])
    assert one.parse([("loss", "log"), ("task", "fraction")])["loss"] == "log"


def test_the_table_of_every_pair_has_them_all(one: Figure) -> None:
    table = at(one).tables[1]
    assert table.fill is not None
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.fill()}
    assert rows["none (linear)"]["BCE, of logits"] == "−0.998, matched"
    assert rows["sigmoid"]["MSE"] == "−0.00492"
    assert rows["ReLU"]["BCE, of logits"] == "0"
    assert rows["none (linear)"]["BCE, of probabilities (torch's)"] == "none, refused"
    assert rows["none (linear)"]["hinge, labels left at 0 and 1"] == "−1, refused"
    assert "MSE of the logarithm" not in table.columns


NAMES = ["binary", "classes", "labels", "tokens", "regression", "fraction", "positive"]


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)], ids=["each", "every"])
@each("task", NAMES)
def test_pairs_are_answered(one: Figure, task: str, every: bool) -> None:  # noqa: FBT001
    """Each output, each loss and each task, in some of their combinations; every one where there is time."""
    outputs, losses = (p.options for p in one.parameters if isinstance(p, Choice) and p.name != "task")
    for i, output in enumerate(outputs):
        for j, loss in enumerate(losses):
            if not every and (i + j + NAMES.index(task)) % 4:
                continue
            state = {**one.default(), "task": task, "activation": output.value, "loss": loss.value, "z": 2.0}
            with contextlib.suppress(StateError):
                one.check(state)
                result = one.compute(state)
                assert 20 < len(result.reading) < 420
                assert len(encode(result.as_json([]))) < 60_000
                assert all(math.isfinite(end) for end in result.signals.values())


@each(
    "state",
    [
        {"task": "tokens"},
        {"task": "tokens", "activation": "softmax", "loss": "ce", "z": 1.5},
        {"task": "classes", "loss": "hinge", "z": 0.5},
        {"task": "labels", "loss": "hinge", "z": 0.5},
        {"task": "regression", "loss": "hinge01", "z": 0.25},
        {"task": "positive", "activation": "softplus", "loss": "log", "z": 0.5},
        {"task": "fraction", "activation": "tanh", "loss": "probabilities", "z": 0.5},
    ],
)
def test_its_python_prints_its_numbers(one: Figure, state: dict[str, str | float]) -> None:
    result = at(one, **state)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(result.snippet, "pairing", "exec"), {})  # noqa: S102  our own text, as a reader would run it
    assert [float(v) for v in out.getvalue().split()] == pytest.approx(result.printed, rel=1e-9)


def cubed(o: Tensor, y: Tensor) -> Tensor:
    return (o - y).abs() ** 3


def doubled(z: Tensor) -> Tensor:
    return 2 * z


def broken(z: Tensor) -> Tensor:
    raise RuntimeError(z.shape)


def test_functions_of_ones_own_are_among_the_choices() -> None:
    figure = load([doubled, cubed]).figures["pairing"]
    own = at(figure, task="regression", activation="yours", loss="yours", z=0.5)
    assert own.printed[:2] == pytest.approx((8.0, -24.0))  # |1 - 3|^3, and its slope -12 times 2
    for z, value, slope in lines(own)["y = 3"]:
        assert value == pytest.approx(abs(2 * z - 3) ** 3, abs=1e-12)
        assert slope == pytest.approx(6 * (2 * z - 3) * abs(2 * z - 3), abs=1e-12)
    assert own.reading.startswith("doubled with cubed")
    assert not own.problems


def test_an_activation_of_ones_own_that_raises_is_told_beside_the_matched_pair() -> None:
    figure = load([broken]).figures["pairing"]
    result = at(figure, activation="yours")
    assert "broken raised RuntimeError" in result.problems[0].text
    assert "is the matched pair" in result.reading
    table = result.tables[1]
    assert table.fill is not None
    assert table.fill()[-1][1:] == ("fails",) * (len(table.columns) - 1)


@each("name", ["pairing", "confidence"])
def test_a_function_that_cannot_be_loaded_is_told(name: str) -> None:
    figure = load(["no/such/file.py:mine"]).figures[name]
    assert "There is no file" in figure.compute(figure.default()).problems[0].text


MATCHED = {
    "binary": ("Binary", "bce"),
    "classes": ("MultiClass", "ce"),
    "labels": ("MultiLabel", "bce"),
    "tokens": ("NextToken", "ce"),
    "regression": ("Regression", "mse"),
    "fraction": ("BoundedRegression", "bce"),
    "positive": ("TransformedRegression", "log"),
}


def test_the_pair_of_a_task_is_that_of_its_recipe(one: Figure) -> None:
    assert {task.name: (type(task.recipe).__name__, matched(task).name) for task in TASKS} == MATCHED
    for task in TASKS:
        rows = dict(row[:2] for row in at(one, task=task.name).tables[0].rows)
        assert rows["Recipe"] == f"slopes.recipes.{MATCHED[task.name][0]}"
        assert rows["Loss"] == matched(task).label
        assert rows["Why"] in [reason.because.replace("`", "") for reason in task.recipe.reasons]
        assert "gradient" in rows["Why"] or task.name == "positive"


def test_the_matched_pair_runs_the_recipe_itself(one: Figure, monkeypatch: pytest.MonkeyPatch) -> None:
    before = at(one, task="regression").printed
    called: list[str] = []
    loss, predict = Regression.loss, Regression.predict
    monkeypatch.setattr(Regression, "loss", lambda self, *a, **k: called.append("loss") or loss(self, *a, **k))
    monkeypatch.setattr(Regression, "predict", lambda self, *a: called.append("predict") or predict(self, *a))
    assert at(one, task="regression", z=-5.5).printed != before
    assert {"loss", "predict"} <= set(called)
