"""`slopes compare` from its arguments to its files, and every refusal in a sentence with nothing written."""

from __future__ import annotations

import argparse
import json
import os
from html.parser import HTMLParser
from pathlib import Path

import pytest

from slopes import cli
from slopes._core.errors import OptionError, SlopesError
from slopes.recipes.compare import command
from slopes.recipes.compare.page import _document, _table
from slopes.recipes.compare.written import places, write

QUICK = ("--seeds", "2", "--steps", "20", "--corrupt", "20", "--imbalance", "none", "--jobs", "1")


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(arguments)


def refused(folder: Path, *arguments: str) -> str:
    before = sorted(folder.rglob("*"))
    with pytest.raises(SlopesError) as caught:
        command.run(parsed(*arguments, *QUICK, "--output", str(folder / "out")))
    assert sorted(folder.rglob("*")) == before, "nothing is written"
    text = str(caught.value)
    assert text.startswith("compare: ")
    assert "\n" not in text
    return text


class Outside(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [f"{tag} {value}" for name, value in attrs if name in {"src", "href"}]


@pytest.fixture(scope="module")
def wine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wine")
    assert command.run(parsed("wine", *QUICK, "--include-wrong", "--output", str(folder))) == 0
    return folder


def test_it_writes_one_page_and_its_data_and_nothing_else(wine: Path) -> None:
    assert sorted(path.name for path in wine.iterdir()) == ["slopes-compare-wine.html", "slopes-compare-wine.json"]
    assert {path.stat().st_mode & 0o777 for path in wine.iterdir()} == {0o644}


def test_the_page_asks_for_nothing(wine: Path) -> None:
    page = (wine / "slopes-compare-wine.html").read_text("utf-8")
    outside = Outside()
    outside.feed(page)
    assert outside.found == []
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert "url(" not in page.partition("<script")[0]


def test_the_page_and_the_data_say_the_same(wine: Path) -> None:
    def none(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    page = (wine / "slopes-compare-wine.html").read_text("utf-8")
    data = json.loads((wine / "slopes-compare-wine.json").read_text("utf-8"), parse_constant=none)
    told = data["recommendation"]
    assert f"<h1>{told['claim']}</h1>" in page
    assert told["decides"] == "macro_f1"
    assert told["by_the_rules"] == "cross_entropy"
    assert [c["name"] for c in data["candidates"]][-1] == "squares"
    for candidate in data["candidates"]:
        assert len(candidate["repetitions"]["macro_f1"]) == 2
        mean = sum(candidate["repetitions"]["macro_f1"]) / 2
        assert candidate["measures"]["macro_f1"]["mean"] == pytest.approx(mean)
        assert f"<td>{mean:.3f}</td>" in page
    assert data["data"]["rows"] == 178
    assert {row["share"] for row in data["corruption"]} == {0, 0.2}
    assert data["rarity"] == []
    assert len(data["learning"]) == 6 * len({row["step"] for row in data["learning"]})


def test_the_data_hold_what_the_trials_scored(wine: Path) -> None:
    from slopes.recipes.compare.trials import Trial, run  # noqa: PLC0415
    from slopes.recipes.data.dataset import Columns, load  # noqa: PLC0415

    data = json.loads((wine / "slopes-compare-wine.json").read_text("utf-8"))
    out = run(load("wine", Columns()), Trial(candidate="focal", seed=1), 2, 20)
    focal = next(c for c in data["candidates"] if c["name"] == "focal")
    assert focal["repetitions"]["log_loss"][1] == pytest.approx(out.scores["log_loss"])
    assert focal["uncalibrated"]["log_loss"][1] == pytest.approx(out.uncalibrated["log_loss"])


def test_names_from_the_data_cannot_write_into_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = "<img src=x onerror=alert(1)></script>"
    lines = [f"a,{evil}", *(f"{i * 0.7 % 5},{'<b>' if (i * 7) % 3 else '</script>'}" for i in range(60))]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    arguments = (str(tmp_path / "d.csv"), "--target", evil, *QUICK, "--only", "focal", "--json")
    assert command.run(parsed(*arguments, "--output", str(tmp_path / "r.html"))) == 0
    page = (tmp_path / "r.html").read_text("utf-8")
    assert "<img src=x" not in page  # Vega's own code has the word
    assert page.count("</script>") == 3
    assert json.loads(capsys.readouterr().out)["data"]["target"] == [evil]
    assert (tmp_path / "r.json").is_file()


def test_data_in_the_page_end_no_script_and_cells_are_text() -> None:
    page = _document("<b>", "", {"light": {"title": "</script><script>alert(1)"}})
    assert "<title>&lt;b&gt;" in page
    assert page.count("</script>") == 3
    assert _table("<b>", ("<i>",), [("<u>", "<s>")]).count("&lt;") == 4


def test_bad_data_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    names = "a,b,y\n"
    rows = [f"{i},{i % 7},{'yes' if i % 2 else 'no'}\n" for i in range(40)]
    cases = {
        "": "is empty",
        names: "no rows",
        names + "1,2,yes\n": "1 usable rows",
        names + "".join(rows[:-1]) + "3,,no\n": "values are missing",
        names + "".join(rows) + "x,2,no\n": "also text",
        "a,a,y\n" + "".join(rows): "more than one column",
        names + "".join(f"{i},{i % 7},no\n" for i in range(40)): "holds no in all 40 rows",
        names + "".join(rows) + "3,3,maybe\n": "'maybe' (1)",
        names + "".join(f"{i},{i % 7},7\n" for i in range(40)): "holds 7 in all 40 rows",
        names + "".join(f"{i},{i % 7},{'inf' if i == 3 else i * 1.5}\n" for i in range(40)): "infinite in 1",
        names + "".join(f"{i},{i % 7},name {i}\n" for i in range(10_000)): "10,000 distinct values",
    }
    for text, said in cases.items():
        path.write_text(text)
        assert said in refused(tmp_path, str(path), "--target", "y"), said
    path.write_bytes(b"PAR1 and more")
    assert "a Parquet file" in refused(tmp_path, str(path), "--target", "y")


def test_arguments_out_of_their_domain_are_refused(tmp_path: Path) -> None:
    assert "--corrupt is '5,200'" in refused_option(tmp_path, "--corrupt", "5,200")
    assert "--corrupt is 'x'" in refused_option(tmp_path, "--corrupt", "x")
    assert "--imbalance is '1'" in refused_option(tmp_path, "--imbalance", "1")
    assert "--seeds is 0" in refused_option(tmp_path, "--seeds", "0")
    assert "--jobs is 0" in refused_option(tmp_path, "--jobs", "0")
    assert "--output ends in .pdf" in refused_option(tmp_path, "--output", "report.pdf")


def refused_option(folder: Path, *arguments: str) -> str:
    with pytest.raises(OptionError) as caught:
        command.run(parsed("wine", "--jobs", "1", "--output", str(folder), *arguments))
    assert list(folder.iterdir()) == []
    return str(caught.value)


def test_files_are_whole_or_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "a.html"
    old.write_text("old")
    calls = []

    def full(handle: int, *_: object, **__: object) -> object:
        calls.append(handle)
        if len(calls) == 2:
            os.close(handle)
            raise OSError(28, "No space left on device", "b.json")
        return real(handle, "w", encoding="utf-8")

    real = os.fdopen
    monkeypatch.setattr(os, "fdopen", full)
    with pytest.raises(OptionError, match=r"b\.json cannot be written: No space left"):
        write({old: "new", tmp_path / "b.json": "{}"})
    assert old.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.html"]


def test_places_are_beside_each_other(tmp_path: Path) -> None:
    assert places(str(tmp_path), "my data.csv") == tuple(
        tmp_path / f"slopes-compare-my-data.{end}" for end in ("html", "json")
    )
    assert places(str(tmp_path / "new" / "r.html"), "x")[1] == tmp_path / "new" / "r.json"
    (tmp_path / "file").write_text("")
    with pytest.raises(OptionError, match="cannot be written"):
        places(str(tmp_path / "file" / "r.html"), "x")


def test_the_command_line_ends_with_2_and_one_line_for_bad_data(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "data.csv").write_text("a,y\n" + "".join(f"{i},same\n" for i in range(40)))
    assert cli.main(["compare", str(tmp_path / "data.csv"), "--target", "y", "--output", str(tmp_path)]) == 2
    came = capsys.readouterr()
    assert came.out == ""
    assert came.err.startswith("slopes compare: target 'y' holds same in all 40 rows")
    assert came.err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]
