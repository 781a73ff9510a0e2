"""Files that are read, and files that are refused with a sentence."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.each import each
from tests.later import Later

from slopes._core.errors import OptionError, SlopesError, ValuesError
from slopes.recipes.data import files
from slopes.recipes.data.table import sampled

stats = Later("scipy.stats")


def write(folder: Path, text: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_columns_are_numbers_or_texts_as_their_values_say(tmp_path: Path) -> None:
    table = files.read(write(tmp_path, "age,city,share\n1,Rome,0.5\n 2 ,Oslo,-1e3\n3,NA,?\n"))
    assert table.frame.schema == {"age": pl.Float64, "city": pl.String, "share": pl.Float64}
    assert table.frame.rows() == [(1.0, "Rome", 0.5), (2.0, "Oslo", -1000.0), (3.0, None, None)]
    assert table.total == 3
    assert table.notes == ()


@each("separator", [";", "\t", "|"])
def test_another_separator_is_found_and_told(tmp_path: Path, separator: str) -> None:
    table = files.read(write(tmp_path, f"a{separator}b\n1{separator}2\n"))
    assert table.frame.rows() == [(1.0, 2.0)]
    assert repr(separator) in table.notes[0]


def test_a_byte_order_mark_and_lines_without_values_do_no_harm(tmp_path: Path) -> None:
    table = files.read(write(tmp_path, b"\xef\xbb\xbfa,b\n1,2\n\n,\n3,4\n\n"))
    assert table.frame.rows() == [(1.0, 2.0), (3.0, 4.0)]
    assert table.frame.columns == ["a", "b"]
    assert "left out" in table.notes[0]


def test_texts_among_numbers_are_kept_and_marked(tmp_path: Path) -> None:
    table = files.read(write(tmp_path, "a,b\n1,x\n2,1\nabout 3,y\n4,z\nabout 3,z\n6,z\n"))
    assert table.mixed == (("a", ("'about 3' (2)",)),)
    assert table.frame["a"].to_list()[2] == "about 3"


def test_parquet_becomes_the_same_two_kinds(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    frame = pl.DataFrame({"n": [1, 2], "x": [float("nan"), 2.5], "yes": [True, False], "t": ["a", "b"], "l": [[1], []]})
    frame.with_columns(day=pl.date(2020, 1, pl.col("n"))).write_parquet(path)
    table = files.read(path)
    assert table.frame.rows() == [
        (1.0, None, "true", "a", "2020-01-01T00:00:00"),
        (2.0, 2.5, "false", "b", "2020-01-02T00:00:00"),
    ]
    assert table.notes == ("Column 'l' holds List(Int64) and was left out.",)


REFUSED = {
    "empty": ("data.csv", b"", "is empty"),
    "blank": ("data.csv", b" \n \n", "is empty"),
    "only names": ("data.csv", b"a,b\n", "no rows"),
    "no names": ("data.csv", b"1,2\n3,4\n", "holds numbers, expected names of columns"),
    "a name twice": ("data.csv", b"a,b,a\n1,2,3\n", "more than one column called 'a'"),
    "a Parquet file under CSV": ("data.csv", b"PAR1\x00\x01abcPAR1", "a Parquet file; export it"),
    "CSV under Parquet": ("data.parquet", b"a,b\n1,2\n", "is not Parquet but something else"),
    "a broken Parquet file": ("data.parquet", b"PAR1" + b"x" * 50, "cannot be read as PARQUET"),
    "a spreadsheet": ("data.csv", b"PK\x03\x04rest", "a ZIP archive or a spreadsheet"),
    "a web page": ("data.csv", b"\n<!DOCTYPE html><html>", "a web page"),
    "JSON": ("data.csv", b'{"a": 1}', "JSON"),
    "binary": ("data.csv", b"a,b\n1,\x00\n", "binary"),
    "not UTF-8 in a name": ("data.csv", "größe,b\n1,2\n".encode("latin-1"), "not UTF-8"),
    "not UTF-8 in a value": ("data.csv", "a,b\nö,2\n".encode("latin-1"), "not UTF-8"),
    "too many values in a line": ("data.csv", b"a,b\n1,2\n1,2,3\n", "cannot be read as CSV"),
    "another ending": ("data.xlsx", b"a", "ends in .xlsx, expected .csv, .tsv, .parquet"),
}


@each("case", REFUSED)
def test_what_cannot_be_read_is_refused_in_a_sentence(tmp_path: Path, case: str) -> None:
    name, content, said = REFUSED[case]
    with pytest.raises(SlopesError) as caught:
        files.read(write(tmp_path, content, name))
    text = str(caught.value)
    assert said in text
    assert text.startswith("compare: ")
    assert "\n" not in text
    assert len(text) < 300


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="there is no file"):
        files.read(tmp_path / "none.csv")


def test_of_many_rows_some_are_drawn_and_it_says_so(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{i},{i % 7}\n" for i in range(1000))
    path = write(tmp_path, text)
    first, again, other = (files.read(path, rows=100, seed=seed) for seed in (0, 0, 1))
    assert first.frame.equals(again.frame)
    assert not first.frame.equals(other.frame)
    drawn = first.frame["a"].to_list()
    assert len(drawn) == len(set(drawn)) == 100
    assert drawn == sorted(drawn)
    assert 400 < np.mean(drawn) < 600
    assert first.total == 1000
    assert "100 of 1,000 rows were drawn" in first.notes[0]


def test_rows_of_several_lines_are_drawn_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_BLOCK", 1000)
    path = write(tmp_path, "a,b\n" + "".join(f'{i},"x\n{i}"\n' for i in range(3000)))
    table = files.read(path, rows=500)
    assert table.total == 3000
    assert len(table.frame) == 500
    assert all(b == f"x\n{a:.0f}" for a, b in table.frame.rows())


def test_each_row_is_drawn_as_often_as_any_other() -> None:
    batches = [pl.DataFrame({"i": range(start, start + 10)}) for start in range(0, 40, 10)]
    drawn = [sampled(batches, 10, seed)[0]["i"].to_list() for seed in range(2000)]
    counts = np.bincount(np.concatenate(drawn), minlength=40)
    assert all(len(set(rows)) == 10 for rows in drawn)
    assert stats.chisquare(counts).pvalue > 1e-3


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Assert on what the process holds itself: pages of the file are the system's to drop."""
    part = "a,b,c\n" + "".join(f"{i * 0.37:.9f},{i * 0.11:.9f},some text\n" for i in range(400_000))
    peaks: list[int] = []
    sizes: list[int] = []
    for times in (2, 8):
        path = tmp_path / f"{times}.csv"
        with path.open("w") as file:
            file.write(part)
            for _ in range(times - 1):
                file.write(part.partition("\n")[2])
        peaks.append(peak_of(path))
        sizes.append(path.stat().st_size)
        path.unlink()
    assert peaks[1] - peaks[0] < 0.4 * (sizes[1] - sizes[0])  # held whole, it would be more than all of it


def peak_of(path: Path) -> int:
    """Return by how many bytes the memory of this process grew while the file was read."""
    status, seen, done = Path("/proc/self/status"), [], threading.Event()
    if not status.exists():
        pytest.skip("the system does not tell a process' memory")

    def held() -> int:
        return 1024 * int(status.read_text().partition("RssAnon:")[2].split()[0])

    def watch() -> None:
        while not done.is_set():
            seen.append(held())
            time.sleep(0.002)

    before, watcher = held(), threading.Thread(target=watch)
    watcher.start()
    files.read(path, rows=1000)
    done.set()
    watcher.join()
    return max(seen) - before


def test_an_unreadable_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "a\n1\n")

    def denied(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", denied)
    with pytest.raises(OptionError, match="cannot be read: Permission denied"):
        files.read(path)


def test_the_numbers_of_the_message_are_right(tmp_path: Path) -> None:
    with pytest.raises(ValuesError, match=r"data\.csv"):
        files.read(write(tmp_path, ""))
