"""A function of the visitor's own may do anything; the explorer names what it did and goes on."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
import torch
from tests.each import each
from torch import Tensor

import slopes
from slopes import UserFunctionError
from slopes._core.settings import STATE
from slopes.explorer import explore
from slopes.explorer.site.loading import load
from slopes.explorer.yours.broken import BrokenFunctionError
from slopes.explorer.yours.guarded import Guarded
from slopes.explorer.yours.reference import check_reference
from slopes.explorer.yours.reference import load as load_function

EXAMPLE = Path(__file__).parents[3] / "examples" / "my_activation.py"
X = torch.linspace(-3, 3, 7, dtype=torch.float64)


def write(folder: Path, body: str) -> str:
    path = folder / "mine.py"
    path.write_text(f"import time\nimport torch\n\n\ndef mine(x):\n{body}", encoding="utf-8")
    return f"{path}:mine"


def failure(folder: Path, body: str, limit: float = 2.0) -> BrokenFunctionError:
    guarded = Guarded(load_function(write(folder, body)), "mine", limit)
    with pytest.raises(BrokenFunctionError) as raised:
        guarded(X)
    return raised.value


def test_values_and_slopes_come_from_autograd(tmp_path: Path) -> None:
    guarded = Guarded(load_function(write(tmp_path, "    return x**3\n")), "mine")
    values, slopes = guarded(X)
    assert values.tolist() == [-27.0, -8.0, -1.0, 0.0, 1.0, 8.0, 27.0]
    assert slopes.tolist() == [27.0, 12.0, 3.0, 0.0, 3.0, 12.0, 27.0]


def test_an_exception_is_told_with_the_line_that_raised_it(tmp_path: Path) -> None:
    error = failure(tmp_path, "    raise KeyError('alpha')\n")
    assert str(error) == "mine raised KeyError: 'alpha'"
    assert "mine.py" in error.traceback
    assert "raise KeyError('alpha')" in error.traceback
    assert "curve.py" not in error.traceback


@each(
    ("body", "sentence"),
    [
        ("    return x.sum()\n", "returned shape [] for an input of shape [7]"),
        ("    return x[:, None]\n", "returned shape [7, 1] for an input of shape [7]"),
        ("    return (x > 0).long()\n", "returned torch.int64; it must return floating point"),
        ("    return 3.0\n", "returned a float; it must return a tensor"),
        ("    return None\n", "returned a NoneType; it must return a tensor"),
        ("    return x.detach() * 2\n", "cannot be differentiated"),
        ("    with torch.no_grad():\n        return x * 2\n", "cannot be differentiated"),
        ("    raise SystemExit(3)\n", "raised SystemExit: 3"),
        ("    return x + torch.ones(3)\n", "raised RuntimeError"),
    ],
)
def test_what_is_no_activation_is_named(tmp_path: Path, body: str, sentence: str) -> None:
    error = failure(tmp_path, body)
    assert str(error).startswith("mine ")
    assert sentence in str(error)


def test_a_function_that_hangs_is_stopped_and_not_called_again(tmp_path: Path) -> None:
    guarded = Guarded(load_function(write(tmp_path, "    while True:\n        time.sleep(0.01)\n")), "mine", 0.3)
    with pytest.raises(BrokenFunctionError, match=r"mine had not returned after 0\.3 seconds") as raised:
        guarded(X)
    assert "mine.py" in raised.value.traceback
    start = time.monotonic()
    with pytest.raises(BrokenFunctionError, match="not called again"):
        guarded(X)
    assert time.monotonic() - start < 0.1


def test_a_function_that_hangs_leaves_the_precision_as_it_was(tmp_path: Path) -> None:
    hanging = Guarded(load_function(write(tmp_path, "    time.sleep(0.6)\n    return x**3\n")), "mine", 0.1)
    with pytest.raises(BrokenFunctionError, match="had not returned"):
        hanging(X)
    assert not STATE.exact
    with slopes.exact():
        time.sleep(1.0)  # meanwhile the function ends
        assert STATE.exact
    assert not STATE.exact


def test_a_function_that_writes_into_its_input_changes_nothing_of_ours(tmp_path: Path) -> None:
    before = X.clone()
    error = failure(tmp_path, "    x += 1\n    return x\n")
    assert "leaf Variable" in str(error)
    assert torch.equal(X, before)


@each(
    ("reference", "sentence"),
    [
        ("mine.py", "does not say where a function is"),
        (":mine", "does not say where a function is"),
        ("mine.py:", "does not say where a function is"),
        ("nowhere.py:mine", "There is no file nowhere.py"),
        ("no_such_module:mine", "no_such_module could not be imported: ModuleNotFoundError"),
        ("math:tau", "tau in math is a float, which cannot be called"),
        ("math:taus", "math has no taus"),
    ],
)
def test_a_reference_that_leads_nowhere_says_why(reference: str, sentence: str) -> None:
    with pytest.raises(UserFunctionError) as raised:
        load_function(reference)
    assert sentence in str(raised.value)


def test_a_wrong_reference_is_refused_before_anything_starts() -> None:
    with pytest.raises(UserFunctionError, match="There is no file"):
        check_reference("nowhere.py:mine")
    check_reference(f"{EXAMPLE}:my_activation")


def test_a_file_that_does_not_import_is_shown_beside_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("def mine(x)\n", encoding="utf-8")
    figure = load([f"{path}:mine"]).figures["activations"]
    (problem,) = figure.compute(figure.default()).problems
    assert "could not be imported: SyntaxError" in problem.text
    assert "def mine(x)" in problem.traceback


def test_the_example_is_drawn_and_measured() -> None:
    figure = load([f"{EXAMPLE}:my_activation"]).figures["activations"]
    result = figure.compute(figure.parse([("functions", "yours,relu"), ("at", "2.5")]))
    assert not result.problems
    assert result.datasets["reading"]["value"] == [2.5, 2.5]
    assert result.datasets["ends"]["label"] == ["my_activation", "ReLU"]
    assert "slopes.explorer.yours" in result.snippet


def test_a_failing_function_leaves_the_others_drawn(tmp_path: Path) -> None:
    figure = load([write(tmp_path, "    return 1 / 0\n")]).figures["activations"]
    result = figure.compute(figure.default())
    assert [problem.title for problem in result.problems] == ["mine could not be drawn"]
    assert "ZeroDivisionError" in result.problems[0].traceback
    assert result.datasets["ends"]["label"] == ["GELU", "ReLU"]


def test_python_hands_a_function_over_and_the_server_survives_it() -> None:
    def cubed(x: Tensor) -> Tensor:
        return x**3

    def endless(x: Tensor) -> Tensor:
        while x.numel():
            time.sleep(0.01)
        return x

    for function, problems in ((cubed, 0), (endless, 1)):
        explorer = explore(function, open_browser=False)
        try:
            with httpx.Client(base_url=explorer.url, timeout=60) as client:
                answer = client.get("/api/activations", params={"functions": "yours,relu", "at": 2})
                assert answer.status_code == 200
                assert len(answer.json()["problems"]) == problems
                assert client.get("/api/activations").status_code == 200
        finally:
            explorer.stop()
    with pytest.raises(UserFunctionError, match="a function is of type int, expected a callable"):
        explore(3, open_browser=False)  # type: ignore[arg-type]


def test_a_name_that_is_not_in_the_file_is_said_on_the_terminal_too(capsys: pytest.CaptureFixture[str]) -> None:
    load([f"{EXAMPLE}:nothing"])
    said = f"slopes explorer: {EXAMPLE} has no nothing; there are Tensor, my_activation.\n"
    assert capsys.readouterr().err == said
