from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tests import each as module
from tests import planted
from tests.each import each


def failures(test: object, **fixtures: object) -> BaseExceptionGroup:
    with pytest.raises(BaseExceptionGroup) as caught:
        test(**fixtures)
    return caught.value


def test_every_case_runs_and_each_that_fails_is_named() -> None:
    ran = []

    @each("number", [1, 2, 3])
    @each(("name", "wrong"), [("a", False), ("b", True)], ids=str)
    def law(number: int, name: str, *, wrong: bool) -> None:
        ran.append((number, name))
        assert not wrong or number == 2, f"{name} is not {number}"

    told = failures(law)
    assert ran == [(1, "a"), (1, "b"), (2, "a"), (2, "b"), (3, "a"), (3, "b")]
    assert str(told).startswith("2 of 6 cases:\n    b-True-1: AssertionError: b is not 1")
    assert told.exceptions[1].__notes__ == ["in the case b-True-3"]


def test_an_error_that_did_not_come_is_a_failure() -> None:
    @each("number", [1, 0])
    def law(number: int) -> None:
        with pytest.raises(ZeroDivisionError):
            1 / number

    assert "1 of 2 cases:\n    1: Failed: DID NOT RAISE" in str(failures(law))


def test_it_is_skipped_where_all_cases_are() -> None:
    @each("reason", ["none", "nothing"])
    def law(reason: str) -> None:
        pytest.skip(reason)

    with pytest.raises(pytest.skip.Exception, match="none: none"):
        law()


def test_a_timeout_ends_it() -> None:
    ran = []

    @each("number", [1, 2])
    def law(number: int) -> None:
        ran.append(number)
        pytest.fail("Timeout (>300.0s) from pytest-timeout.")

    with pytest.raises(pytest.fail.Exception):
        law()
    assert ran == [1]


def test_cases_share_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn, folders = [], []
    monkeypatch.setenv("SLOPES_BEFORE", "stays")

    @each("name", ["a", "b"])
    def law(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        drawn.append(torch.rand(1).item())
        folders.append(tmp_path)
        with pytest.raises(KeyError):
            monkeypatch.delitem(module.__dict__, "NEW")
        monkeypatch.setitem(module.__dict__, "NEW", name)

    law(tmp_path=tmp_path, monkeypatch=monkeypatch)
    assert drawn[0] == drawn[1]
    assert len(set(folders)) == 2


def test_a_class_is_run_over_the_cases_of_it() -> None:
    seen = []

    @each("dtype", [torch.float32, torch.float64])
    class TestLaw:
        @each("number", [1, 2])
        def test_it(self, dtype: torch.dtype, number: int) -> None:
            seen.append((dtype, number))

    TestLaw().test_it()
    assert len(set(seen)) == 4


@pytest.mark.parametrize("values", [[], [pytest.param(1, marks=pytest.mark.long)]], ids=["none", "marked"])
def test_what_would_be_lost_is_refused(values: list[object]) -> None:
    with pytest.raises(ValueError, match=r"there is no case|would be lost"):
        each("number", values)


def test_only_some(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(module, "only", ["huber"])

    @each("name", ["huber", "huber-narrow", "mse"])
    def law(name: str) -> None:
        seen.append(name)

    law()
    assert seen == ["huber", "huber-narrow"]


@each("fault", planted.FAULTS, ids=lambda fault: fault.name)
def test_every_fault_can_still_be_planted(fault: planted.Fault) -> None:
    text = (planted.ROOT / "src" / "slopes" / fault.file).read_text("utf-8")
    assert fault.right in text
    assert all((planted.ROOT / test.split("::")[0]).is_file() for test in fault.tests)
