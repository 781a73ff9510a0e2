"""What repairs the errors of `slopes compare` about a file of data; `table(...)` types what is said of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pytest
from tests.laws.fixes.law import Fix, command

ELSEWHERE: Final[Mapping[str, str]] = {}
ROWS: Final = 60


class ReadError(Exception):
    """The data were read, and a comparison would begin."""


def names() -> Mapping[str, Any]:
    from slopes.recipes.compare import comparison  # noqa: PLC0415  packages of an extra

    def read(line: str) -> Any:  # noqa: ANN401  the data
        def compare(data: Any, *_: object, **__: object) -> None:  # noqa: ANN401  likewise
            raise ReadError(data)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(comparison, "compare", compare)
            try:
                command(f"compare {line}")
            except ReadError as found:
                return found.args[0]
        raise AssertionError(line)

    return {"read": read}


def table(
    *columns: str, rows: int = ROWS, name: str = "a.csv"
) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what writes a CSV file of columns `name=formula of i`, and gives it as `at`."""

    def given(folder: Path, _: pytest.MonkeyPatch) -> Mapping[str, Any]:
        pairs = [column.split("=", 1) for column in columns]
        lines = [",".join(name for name, _ in pairs)]
        lines += [",".join(str(eval(formula, {"i": i})) for _, formula in pairs) for i in range(rows)]  # noqa: S307
        path = folder / name
        path.write_text("\n".join(lines) + "\n", "utf-8")
        return {"at": path, "said": "--target y"}

    return given


def file(name: str, content: bytes) -> Callable[[Path, pytest.MonkeyPatch], Mapping[str, Any]]:
    """Return what writes a file, gives it as `at`, and a whole table beside it as `whole`."""

    def given(folder: Path, _: pytest.MonkeyPatch) -> Mapping[str, Any]:
        (folder / name).write_bytes(content)
        whole = table("x=i", "y=i * 0.37", name="whole.csv")(folder, _)["at"]
        return {"at": folder / name, "whole": whole, "said": "--target y"}

    return given


READ: Final = "read(f'{at} {said}')"
REPAIRED: Final = {"at": "whole"}
Y: Final = "y=i * 0.37"

TRIED: Final[Mapping[str, Sequence[Fix]]] = {
    "recipes/data/dataset.py _path": [
        Fix("read(data)", {"data": "vine"}, typed={"data": "wine"}),
    ],
    "recipes/data/dataset.py assign": [
        Fix(
            READ,
            table("x=i", Y, rows=19),
            words={"at": "at.write_text(at.read_text() + '20,7.5\\n') and at"},
            typed={"least": "20"},
        ),
    ],
    "recipes/data/dataset.py _check_columns": [
        Fix(
            "read(f'{at} {word}')",
            lambda folder, patch: {**table("x=i", Y)(folder, patch), "word": ""},
            words={"word": "option + ' ' + name[1:-1]"},
            typed={"option": "--target", "name": "'y'"},
        ),
        Fix(
            "read(f'{at} {said} --ignore {name}')",
            lambda folder, patch: {**table("x=i", "z=i", Y)(folder, patch), "name": "zz"},
            {"name": "'z'"},
        ),
        Fix(
            "read(f'{at} {said} {also}')",
            lambda folder, patch: {**table("x=i", "g=i % 7", Y)(folder, patch), "also": "--groups g --time x"},
            words={"also": "'--time x'"},
        ),
        Fix(
            READ,
            lambda folder, patch: {**table("x=i", Y)(folder, patch), "said": "--target y --target y"},
            words={"said": "'--target y'"},
        ),
    ],
    "recipes/data/dataset.py _check_mixed": [
        Fix(
            READ,
            table("x='odd' if i == 7 else i % 5", Y),
            words={"said": "said + ' ' + categorical"},
            typed={"categorical": "--categorical x"},
            check="result.category_names == ('x',)",
        ),
        Fix(
            READ, table("x='odd' if i == 7 else i", Y), words={"_": "at.write_text(at.read_text().replace('odd', '7'))"}
        ),
    ],
    "recipes/data/dataset.py _present": [
        Fix(
            READ,
            table("x='' if i == 7 else i", Y),
            words={"said": "said + ' ' + missing"},
            typed={"missing": "--missing drop"},
            check="len(result) == 59",
        ),
        Fix(
            READ,
            table("x='' if i == 7 else i", Y),
            words={"said": "said + ' ' + missing"},
            typed={"missing": "--missing median"},
            check="len(result) == 60",
        ),
    ],
    "recipes/data/dataset.py _features": [
        Fix(
            READ, table("x='inf' if i == 7 else i", Y), words={"_": "at.write_text(at.read_text().replace('inf', '7'))"}
        ),
        Fix(READ, table("x=3", Y), words={"_": "at.write_text(at.read_text().replace('3,', '4,', 5))"}),
    ],
    "recipes/data/files.py read": [
        Fix(
            READ,
            file("a.csv", b"x,y\n" + b"\xff\xfe,1\n" * 30),
            words={"_": "at.write_text(whole.read_text(), 'utf-8')"},
            check="'save it as UTF-8' in error",
        ),
        Fix(READ, file("a.parquet", b"PAR1" + b"x" * 99), words=REPAIRED, check="'export it again' in error"),
    ],
    "recipes/data/files.py _check_file": [
        Fix(
            READ,
            file("a.xlsx", b"x,y\n1,2\n"),
            words={"at": "whole.rename(whole.with_suffix(ending))"},
            typed={"ending": ".csv"},
            check="'export it' in error",
        ),
        Fix(
            "read(f'{path} --target y')",
            lambda folder, patch: {**file("b.csv", b"")(folder, patch), "path": folder / "c.csv"},
            words={"path": "whole"},
        ),
        Fix(
            "read(f'{path} --target y')",
            lambda folder, patch: {
                **file("b.csv", b"1")(folder, patch),
                "path": folder / "b.csv",
                "_": patch.setattr(Path, "open", _forbidden),
            },
            words={"_": "patch.undo()", "path": "whole"},
        ),
        Fix(READ, file("a.csv", b" \n"), words=REPAIRED),
    ],
    "recipes/data/files.py _check_content": [
        Fix(
            READ,
            file("a.parquet", b"x,y\n" + b"".join(b"%d,%d\n" % (i, 3 * i) for i in range(40))),
            words={"at": "at.rename(at.with_suffix(ending))"},
            typed={"ending": ".csv"},
        ),
        Fix(READ, file("a.csv", b"PK\x03\x04 a spreadsheet"), words=REPAIRED, check="'export it as CSV' in error"),
    ],
    "recipes/data/files.py _some": [Fix(READ, file("a.csv", b"x,y\n"), words=REPAIRED)],
    "recipes/data/files.py _names": [
        Fix(READ, table("y=i", "y=i"), words={"_": "at.write_text(at.read_text().replace('y,y', 'x,y'))"}),
        Fix(READ, table("1=i", "2=i * 0.3"), words={"_": "at.write_text('x,y\\n' + at.read_text())"}),
    ],
    "recipes/data/target.py find": [
        Fix(
            READ,
            lambda folder, patch: {**table("x=i", Y)(folder, patch), "said": "--target y --positive 1"},
            words={"said": "'--target y'"},
        ),
        Fix(
            READ,
            lambda folder, patch: {
                **table("x=i", "y=i % 2", "z=i % 3 // 2")(folder, patch),
                "said": "--target y --task multilabel",
            },
            words={"said": "said + ' --target z'"},
        ),
    ],
    "recipes/data/target.py _check_varies": [
        Fix(READ, table("x=i", "z=i * 0.3", "y=4"), words={"said": "'--target z'"})
    ],
    "recipes/data/target.py _check_finite": [
        Fix(
            READ,
            table("x=i", "y='inf' if i == 7 else i * 0.3"),
            words={"_": "at.write_text(at.read_text().replace('inf', '7'))"},
        ),
    ],
    "recipes/data/target.py _task_of": [
        Fix(
            READ,
            table("x=i", "y=i % 7"),
            words={"said": "said + ' ' + task"},
            typed={"task": "--task regression"},
            check="result.target.task == 'regression'",
        ),
        Fix(
            READ,
            table("x=i", "y=i % 7"),
            words={"said": "said + ' ' + task"},
            typed={"task": "--task multiclass"},
            check="result.target.task == 'multiclass'",
        ),
        Fix(
            READ,
            table("x=i", "y=-(10.0 ** (10 * i - 150)) if i < 30 else 1.0", rows=31),
            words={"said": "said + ' ' + task"},
            typed={"task": "--task regression"},
        ),
    ],
    "recipes/data/target.py _numbers": [
        Fix(
            READ,
            lambda folder, patch: {
                **table("x=i", "y='abc'[i % 3]")(folder, patch),
                "said": "--target y --task regression",
            },
            words={"said": "'--target y'"},
        ),
    ],
    "recipes/data/target.py _classes": [
        Fix(
            READ,
            lambda folder, patch: {**table("x=i", "y=i % 2")(folder, patch), "said": "--target y --task multiclass"},
            words={"said": "'--target y ' + task"},
            typed={"task": "--task binary"},
        ),
    ],
    "recipes/data/target.py _two": [
        Fix(
            READ,
            lambda folder, patch: {**table("x=i", "y='abc'[i % 3]")(folder, patch), "said": "--target y --task binary"},
            words={"said": "'--target y'"},
        ),
        Fix(
            "read(f'{at} {said} --positive {no}')",
            lambda folder, patch: {**table("x=i", "y='ab'[i % 2]")(folder, patch), "no": "c"},
            {"no": "'b'"},
        ),
    ],
    "recipes/data/target.py _check_classes": [
        Fix(READ, table("x=i", "z=i * 0.3", "y='n' + str(i)"), words={"said": "'--target z'"}),
        Fix(
            READ,
            table("x=i", "y='abc'[(i > 1) + (i > 3)]"),
            words={"_": "at.write_text(at.read_text().replace('b', 'c').replace('a', 'c').replace('c', 'd', 20))"},
        ),
    ],
    "recipes/data/target.py _labels": [
        Fix(
            READ,
            lambda folder, patch: {
                **table("x=i", "y=i % 2", "z=i % 3 // 2")(folder, patch),
                "said": "--target y --target z --task binary",
            },
            words={"said": "'--target y --target z'"},
        ),
        Fix(
            READ,
            lambda folder, patch: {
                **table("x=i", "y=i % 2", "z=i * 0.3")(folder, patch),
                "said": "--target y --target z",
            },
            words={"said": "'--target z'"},
        ),
    ],
}


def _forbidden(*_: object, **__: object) -> None:
    raise PermissionError(13, "Permission denied")
