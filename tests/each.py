"""A law over many cases in one test: every case runs, and each that fails is named with what it says.

A test of its own for each of twenty thousand cases costs more than the cases do.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import pytest
import torch

Ids = Callable[[Any], object] | Iterable[str] | None
Test = Callable[..., None]
Cases = list[tuple[str, dict[str, Any]]]

SHOWN: Final = 4  # failures with all that they say; of the others the first line
LINE: Final = 300
only: list[str] = []  # the cases to run, from `pytest --only`; all where it is empty


def each(names: str | Sequence[str], values: Iterable[Any], ids: Ids = None) -> Callable[[Test], Test]:
    """Run a test over all values in one go; written as `pytest.mark.parametrize` is, and stacked as it is.

    Each case starts from the same seed, with patches undone, a folder and printed text of its own. One that skips
    counts for nothing beside others that run.
    """
    named = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    cases = list(_cases(named, values, ids))

    def over(test: Test) -> Test:
        if inspect.isclass(test):
            for name, method in list(vars(test).items()):
                if name.startswith("test"):
                    setattr(test, name, over(method))
            return test
        inner, earlier = getattr(test, "over_cases", (test, [("", {})]))
        crossed = [
            ("-".join(filter(None, (before, label))), was | given)
            for (label, given), (before, was) in itertools.product(cases, earlier)
        ]
        parameters = [p for p in inspect.signature(inner).parameters.values() if p.name not in crossed[0][1]]

        @functools.wraps(inner)
        def run(*args: Any, **fixtures: Any) -> None:  # noqa: ANN401
            def one(given: dict[str, Any], label: str) -> None:
                with _fresh(fixtures, label) as own:
                    inner(*args, **own, **given)

            _run(one, crossed)

        run.__signature__ = inspect.Signature(parameters)
        run.over_cases = (inner, crossed)
        run.pytestmark = [*getattr(test, "pytestmark", [])]
        return run

    return over


def seed() -> None:
    """Seed what draws; `torch.manual_seed` would note for four absent devices who asked, with a traceback each."""
    torch.default_generator.manual_seed(0)
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)


def _cases(names: list[str], values: Iterable[Any], ids: Ids) -> Iterable[tuple[str, dict[str, Any]]]:
    values = list(values)
    if not values:
        message = f"there is no case of {names}"
        raise ValueError(message)
    labels = ids if isinstance(ids, Iterable) and not callable(ids) else itertools.repeat(None)
    for value, label in zip(values, labels, strict=False):
        given, own = value, label
        if hasattr(value, "marks"):  # a `pytest.param`
            if value.marks:
                message = f"a mark on one of the cases of {names} would be lost"
                raise ValueError(message)
            given, own = value.values if len(names) > 1 else value.values[0], value.id
        several = given if len(names) > 1 else (given,)
        own = own or "-".join(str(ids(v) if callable(ids) else _name(v)) for v in several)
        yield own, dict(zip(names, several, strict=True))


def _name(value: object) -> str:
    return str(getattr(value, "__name__", value)).splitlines()[0][:60] if str(value) else "empty"


def _run(test: Callable[[dict[str, Any], str], None], cases: Cases) -> None:
    chosen = [(label, given) for label, given in cases if not only or any(o in label for o in only)]
    failed: list[BaseException] = []
    lines, reasons = [], []
    for label, given in chosen:
        seed()
        try:
            test(given, label)
        except pytest.skip.Exception as skipped:
            reasons.append(f"{label}: {skipped}")
        except (Exception, pytest.fail.Exception) as error:
            if "from pytest-timeout" in str(error):
                raise  # the alarm of the whole test, which rings once
            error.add_note(f"in the case {label}")
            failed.append(error)
            lines.append(f"{label}: {type(error).__name__}: {error}".split("\n", maxsplit=1)[0][:LINE])
    if failed:
        told = "\n    ".join(lines)
        message = f"{len(failed)} of {len(chosen)} cases:\n    {told}\n  the first of them"
        raise BaseExceptionGroup(message, failed[:SHOWN])
    if len(reasons) == len(chosen):
        pytest.skip(reasons[0] if reasons else "no case has such a name")


@contextlib.contextmanager
def _fresh(fixtures: dict[str, Any], label: str) -> Iterator[dict[str, Any]]:
    """Give a case patches and a folder of its own; what other fixtures have patched stays."""
    own = dict(fixtures)
    if "tmp_path" in own:
        folder = own["tmp_path"]
        name = "".join(c if c.isalnum() else "_" for c in label)[:40]
        own["tmp_path"] = folder / f"{len(list(folder.iterdir()))}-{name}"
        own["tmp_path"].mkdir()
    with pytest.MonkeyPatch.context() as patch:
        if "monkeypatch" in own:
            own["monkeypatch"] = patch
        yield own
    if "capsys" in own:
        own["capsys"].readouterr()
