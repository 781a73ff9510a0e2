from __future__ import annotations

import dataclasses
import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812  the field's own abbreviation
from bench import __main__ as bench
from bench import accuracy, published, reference, report, twins
from bench.cases import CASES
from bench.functions import BY_NAME, Function
from bench.series import Series, run_series
from bench.timing import AbsentError, Case, Prepared, distance, run
from tests.accuracy import ulps
from tests.each import each
from tests.oracles import activations as oracle
from torch import Tensor

from slopes.kernels.pointwise import fused

QUICK = {case.name: case for case in CASES if isinstance(case, Case)}
SERIES = [case for case in CASES if isinstance(case, Series)]
# Compiled once each by `make bench`, which checks them in the same way; that eager and compiled agree is a law.
COMPILED = {name for name in QUICK if name.startswith(("exact.", "fused.")) or name.endswith("_compiled")}
LOSSY = {"linear.torch16", "linear.torch16_best"}  # torch's chunked form returns a loss of bfloat16


def test_a_quick_run_writes_results_without_a_date(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "results.json"
    assert bench.main(["binary.binary_cross_entropy", "default.gelu", "--quick", "--json", str(path)]) == 0
    data = json.loads(path.read_text("utf-8"))
    assert {result["name"] for result in data["results"]} == {"binary.binary_cross_entropy", "default.gelu"}
    assert set(data["conditions"]) == {"torch", "processor", "instructions", "threads"}
    for result in data["results"]:
        assert result["outcome"] in {"met", "missed"}
        assert result["ratio"] > 0
    assert "goal 1.05" in capsys.readouterr().out


def test_a_wrong_answer_gets_no_speed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    case = QUICK["default.relu"]

    def wrong(quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
        made = case.prepare(quick)
        return dataclasses.replace(made, ours=lambda: tuple(1.001 * t for t in made.peer()))

    monkeypatch.setattr(bench, "CASES", (dataclasses.replace(case, prepare=wrong),))
    assert bench.main(["default.relu", "--quick"]) == 1
    text = capsys.readouterr().out
    assert "WRONG by 1.0e-03" in text
    assert " ms" not in text


def test_an_unknown_case_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.main(["exact.gello"])
    assert "no case 'exact.gello'" in capsys.readouterr().err


@each("name", [name for name in QUICK if name not in COMPILED])
def test_every_case_is_right(name: str) -> None:
    made = QUICK[name].prepare(True)
    right = made.right()
    assert distance(made.ours(), right) <= made.allowed
    if made.loss_allowed is not None:
        assert distance(made.ours()[:1], right[:1]) <= made.loss_allowed
    first = int(name in LOSSY)
    assert not made.answers or distance(made.peer()[first:], right[first:]) <= made.allowed


def test_a_loss_that_is_off_gets_no_speed() -> None:
    case = QUICK["linear.float32"]

    def off(quick: bool) -> Prepared:  # noqa: FBT001  as cases are called
        made = case.prepare(quick)
        loss, *gradients = made.right()
        return dataclasses.replace(made, ours=lambda: (loss * (1 + 3e-6), *gradients))

    result = run(dataclasses.replace(case, prepare=off), quick=True)
    assert result.outcome == "wrong"
    assert result.off == pytest.approx(3e-6)
    assert result.ratio is None


def test_a_case_of_memory_says_both_peaks_and_both_errors() -> None:
    result = run(QUICK["linear.ignored"], quick=True)
    assert result.notes["peak, MB"] == pytest.approx(0.6, abs=0.2)  # logits of 64 rows that count, 2003 classes
    assert result.peak_ratio == pytest.approx(result.notes["peak, MB"] / result.notes["peer's peak, MB"], rel=0.1)
    assert result.notes["loss error"] <= 1e-6
    assert result.notes["peer's loss error"] <= 1e-6
    assert result.peak is None
    greedy = dataclasses.replace(QUICK["linear.ignored"], goal=1e9, peak=1e-9)
    assert run(greedy, quick=True).outcome == "missed"


def test_a_peer_that_is_absent_is_said_to_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(quick: bool) -> Prepared:  # noqa: ARG001, FBT001  as cases are called
        message = "peer is not installed; pip install peer"
        raise AbsentError(message)

    case = dataclasses.replace(QUICK["default.relu"], prepare=absent)
    monkeypatch.setattr(bench, "CASES", (case,))
    assert bench.main(["default.relu", "--quick"]) == 0
    assert "ABSENT: peer is not installed; pip install peer" in capsys.readouterr().out
    assert "absent: peer is not installed" in report.page([run(case, quick=True)])


@each("series", SERIES, ids=lambda series: series.name)
def test_every_series_is_right(series: Series) -> None:
    result = run_series(series, quick=True)
    assert result.outcome in ({"information"} if series.goal is None else {"met", "missed"})
    assert [point[series.unit] for point in result.points] == list(series.small)
    text = report.page([result])
    assert text.count("\n|") == 2 + len(series.small)
    assert ("for each unit" in text) == (series.goal is not None)


def test_a_series_that_grows_faster_than_its_sizes_misses() -> None:
    def prepare(size: int, quick: bool) -> Prepared:  # noqa: ARG001, FBT001  as series are called
        def slow() -> tuple[Tensor, ...]:
            time.sleep(size**2 / 1e4)
            return (torch.ones(size * 100).sum(),)

        return Prepared(slow, slow, lambda: (torch.tensor(100.0 * size).double(),))

    growing = Series("a.b", "sleep", "steps", [10, 20], prepare, small=[10, 20], goal=1.5, peak=1.1)
    result = run_series(growing, quick=True)
    assert result.outcome == "missed"
    assert result.ratio == pytest.approx(2.0, rel=0.2)
    assert result.peak_ratio == pytest.approx(2.0, rel=0.05)
    wrong = dataclasses.replace(growing, prepare=lambda s, q: dataclasses.replace(prepare(s, q), right=_zero))
    assert run_series(wrong, quick=True).outcome == "wrong"
    assert "WRONG" in report.line(run_series(wrong, quick=True))


def _zero() -> tuple[Tensor, ...]:
    return (torch.zeros((), dtype=torch.float64),)


def test_products_that_a_processor_has_not_are_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.machine.multiplies_16_bits", lambda: False)
    case = dataclasses.replace(QUICK["linear.bfloat16"], rounds=1)
    series = next(s for s in SERIES if s.name == "linear.budget16")
    for result in (run(case, quick=False), run_series(series, quick=False)):
        assert result.outcome == "absent"
        assert "no 16-bit products" in result.why
    assert run(case, quick=True).outcome in {"met", "missed"}  # small ones show that the answer is right


def test_liger_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = run(QUICK["linear.dpo_liger"], quick=True)
    assert result.outcome == "absent"
    assert "pip install liger-kernel" in result.why


def test_a_page_says_what_is_missed() -> None:
    result = run(QUICK["gated.swiglu"], quick=True)
    slow = dataclasses.replace(result, ratio=1.5, outcome="missed")
    text = report.page([slow])
    assert "| 1.50 |" in text
    assert "**missed**" in text
    assert "## Goals that are missed" in text
    assert "All goals are met." in report.page([dataclasses.replace(result, outcome="met")])


def test_published_formulas_by_hand() -> None:
    logit, one = torch.zeros(1), torch.ones(1)
    assert published.focal(logit, one).item() == pytest.approx(0.25 * 0.25 * 0.6931472)
    assert published.asymmetric(logit, one).item() == pytest.approx(0.5 * 0.6931472)
    assert published.asymmetric(logit, 0 * one).item() == pytest.approx(0.45**4 * -np.log(0.55))


@each("dtype", accuracy.DTYPES)
@each("name", ["sigmoid", "gelu"])
def test_a_quick_table_of_accuracy(name: str, dtype: torch.dtype) -> None:
    row = accuracy.measure(BY_NAME[name], dtype, quick=True)
    value, slope, beside = accuracy.GOALS[dtype]
    assert row.value["exact"].error <= 2 * value  # the goals themselves are what `make accuracy` is for
    assert row.slope["exact"].error <= 2 * slope
    assert row.beside["exact"].error <= 2 * beside
    assert row.slope["default"].error > row.slope["exact"].error
    assert not row.ends["exact"]


def test_the_page_of_accuracy_marks_a_miss(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "accuracy.md"
    arguments = ["softplus", "--quick", "--dtype", "float16", "--output", str(path)]
    assert accuracy.main(arguments) == 0
    assert "All goals are met." in path.read_text("utf-8")
    assert capsys.readouterr().out == path.read_text("utf-8") + "\n"
    off = Function("relu", lambda x: 1.01 * torch.relu(x), torch.relu, "torch.relu", "relu")
    text = accuracy.page([accuracy.measure(off, torch.float16, quick=True)])
    assert ": missed**" in text
    assert "relu, float16, value: " in text


def test_errors_of_pairs_agree_with_the_tests_own() -> None:
    x = torch.tensor([-3.0, -0.75, 1e-3, 2.0, 5.0])
    for dtype in (torch.float32, torch.float64):
        points = x.to(dtype)
        came = F.gelu(points)
        exact = [oracle.value("gelu", float(point)) for point in points]
        pairs = reference._by_mpmath("gelu", {}, points.double().numpy(), "value")
        assert reference.errors(came, pairs).tolist() == pytest.approx(ulps(came, exact).tolist(), rel=1e-6)


def test_infinite_errors_are_where_infinities_do_not_belong() -> None:
    right = np.array([np.inf, 1e39, 1.0, np.nan]), np.zeros(4)
    came = torch.tensor([np.inf, np.inf, np.nan, np.nan])
    assert reference.errors(came, right).tolist() == [0.0, 0.0, np.inf, 0.0]


def test_all_inputs_are_there() -> None:
    for dtype in (torch.float16, torch.bfloat16):
        assert len(reference.inputs(dtype, None).view(torch.int16).unique()) == 1 << 16
    assert reference.inputs(torch.float32, None).isfinite().sum() > 1_000_000
    assert len(reference.inputs(torch.float64, None)) >= 10_000
    assert len(reference.inputs(torch.float64, -0.75)) >= 10_000


def test_errors_are_rounded_up() -> None:
    assert [accuracy.said(e) for e in (0.5004, 0.5, 4.001, 12.1, 8.4e15, np.inf)] == [
        *("0.501", "0.500", "4.01", "13", "8.4e15", "∞"),
    ]


def test_second_forms_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    twins.main(["--quick"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert all(re.search(r"ms, its definition +\d+\.\d ms: \d+\.\d\d times$", line) for line in lines)


def test_rows_are_measured_in_one_pass_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fused, "BACKEND", "eager")  # whether it runs, not how fast
    twins.main(["--quick", "--fused"])
    lines = capsys.readouterr().out.splitlines()
    assert [i for i, line in enumerate(lines) if re.fullmatch(r" +\d+\.\d ms in one compiled pass", line)] == [4, 6, 8]
