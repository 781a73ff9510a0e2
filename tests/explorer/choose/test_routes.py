"""What the decision page's addresses answer: data, choices, comparisons and reports, in status and one sentence."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import polars as pl
import pytest
from tests.each import each

from slopes import recipes
from slopes.explorer.choose import comparing, sources
from slopes.explorer.choose.comparing import Comparing
from slopes.explorer.choose.orders import Order
from slopes.explorer.choose.refusal import Refusal
from slopes.explorer.choose.routes import Choosing, policy
from slopes.explorer.choose.sources import Sources

API = "/api/choose"
ROWS = "".join(f"{i % 5 + 1},{i * 0.7:.2f},{'no' if i % 4 else 'yes'}\n" for i in range(60))
RATINGS = f"rating,size,back\n{ROWS}"


def upload(client: httpx.Client, text: str | bytes, name: str = "data.csv") -> httpx.Response:
    return client.post(f"{API}/files", params={"name": name}, content=text)


def kept(client: httpx.Client, text: str | bytes, name: str = "data.csv") -> str:
    answer = upload(client, text, name)
    assert answer.status_code == 201, answer.text
    word: str = answer.json()["id"]
    return word


def choice(client: httpx.Client, data: str, **query: str | list[str]) -> httpx.Response:
    return client.get(f"{API}/data/{data}/choice", params=query)


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    (sentence,) = answer.json().values()
    assert sentence.endswith(".")
    assert "Traceback" not in sentence
    said: str = sentence
    return said


# Data


def test_the_bundled_sets_are_listed_and_described(client: httpx.Client) -> None:
    sets = {each["name"]: each for each in client.get(f"{API}/sets").json()["sets"]}
    assert {"breast_cancer", "digits", "wine", "diabetes", "linnerud"} <= set(sets)
    wine = client.get(f"{API}/data/wine").json()
    assert (wine["rows"], wine["targets"], wine["gaps"], wine["bundled"]) == (178, ["grower"], False, True)
    assert wine["about"] == sets["wine"]["about"]
    columns = {column["name"]: column for column in wine["columns"]}
    assert columns["grower"] == {
        "name": "grower",
        "kind": "text",
        "distinct": 3,
        "missing": 0,
        "holds": "class_1 (71), class_0 (59), class_2 (48)",
    }
    first = client.get(f"{API}/data/digits").json()["columns"][0]
    assert (first["name"], first["kind"], first["holds"]) == ("pixel_0_0", "constant", "0 to 0")
    assert columns["alcohol"]["holds"] == "11.03 to 14.83"


@each(("name", "kind"), [("t.csv", "csv"), ("t.tsv", "tsv"), ("t.parquet", "parquet")])
def test_a_file_is_read_and_its_columns_described(client: httpx.Client, name: str, kind: str) -> None:
    frame = pl.DataFrame({"a": [0.0, 1.0, None], "b": [1.5, 2.5, 3.5], "c": ["x", "y", "x"], "d": [3.0, 4.0, 5.0]})
    out = io.BytesIO()
    match kind:
        case "parquet":
            frame.write_parquet(out)
        case "tsv":
            frame.write_csv(out, separator="\t")
        case _:
            frame.write_csv(out)
    told = client.get(f"{API}/data/{kept(client, out.getvalue(), name)}").json()
    assert (told["name"], told["rows"], told["gaps"], told["bundled"]) == (name, 3, True, False)
    assert [(c["kind"], c["distinct"], c["missing"], c["holds"]) for c in told["columns"]] == [
        ("0 and 1", 2, 1, "0 to 1"),
        ("numbers", 3, 0, "1.5 to 3.5"),
        ("text", 2, 0, "x (2), y (1)"),
        ("whole numbers", 3, 0, "3 to 5"),
    ]


@each(
    ("text", "name", "words"),
    [
        ("", "a.csv", "a.csv is empty"),
        ("a,b\n", "a.csv", "no rows"),
        ("a,a\n1,2\n", "a.csv", "more than one column called 'a'"),
        ("1,2\n3,4\n", "a.csv", "first line of a.csv holds numbers"),
        (b"PK\x03\x04rest", "a.csv", "a ZIP archive or a spreadsheet"),
        (b"\x89PNG\r\n", "a.csv", "an image"),
        ("a,b\n1,2\n", "a.parquet", "a.parquet is not Parquet"),
        ("<!doctype html><p>", "a.tsv", "a web page"),
        (b"a,b\n\xff\xfe,1\n", "a.csv", "not UTF-8"),
        (b"PAR1broken", "a.parquet", "a.parquet cannot be read"),
    ],
)
def test_a_file_that_is_none_says_why_and_is_not_kept(
    client: httpx.Client, text: str | bytes, name: str, words: str
) -> None:
    assert words in refused(upload(client, text, name), 422)


@each(
    ("name", "words"),
    [
        ("../../etc/passwd.csv", "has to be a plain one"),
        ("a/b.csv", "has to be a plain one"),
        ("a\\b.csv", "has to be a plain one"),
        ("C:x.csv", "has to be a plain one"),
        ("..", "has to be a plain one"),
        (".csv", "has to be a plain one"),
        ("a\0.csv", "has to be a plain one"),
        ("a\n.csv", "has to be a plain one"),
        ("x" * 200 + ".csv", "at most 120 bytes"),
        ("", "ends in nothing"),
        ("run.py", "ends in .py, expected .csv, .tsv, .parquet"),
        ("data.xlsx", "ends in .xlsx"),
    ],
)
def test_a_name_that_leads_elsewhere_is_refused(client: httpx.Client, name: str, words: str) -> None:
    assert words in refused(upload(client, RATINGS, name), 400)


def test_a_file_that_is_too_large_is_refused_before_and_while_it_comes(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "LARGEST", 2**20)
    assert "larger than 1 MiB" in refused(upload(client, b"x" * (2**20 + 1)), 413)

    def chunks() -> Iterator[bytes]:  # without a length
        yield from (b"x" * 2**16 for _ in range(17))

    answer = client.post(f"{API}/files", params={"name": "a.csv"}, content=chunks())
    assert "slopes compare FILE" in refused(answer, 413)


def test_pages_of_elsewhere_may_neither_send_nor_start_nor_read(client: httpx.Client) -> None:
    for origin in ("http://example.org", "null", f"http://localhost:{client.base_url.port}"):
        headers = {"origin": origin}
        assert client.post(f"{API}/files?name=a.csv", content=RATINGS, headers=headers).status_code == 403
        assert client.post(f"{API}/comparisons", json={"data": "wine"}, headers=headers).status_code == 403
    assert client.get(f"{API}/sets", headers={"host": "elsewhere.org"}).status_code == 421
    assert client.get(f"{API}/sets", headers={"sec-fetch-site": "cross-site"}).status_code == 403


def test_only_the_last_files_are_kept(client: httpx.Client) -> None:
    words = [kept(client, RATINGS) for _ in range(sources.KEPT + 1)]
    assert "no longer" in refused(client.get(f"{API}/data/{words[0]}"), 404)
    assert client.get(f"{API}/data/{words[1]}").status_code == 200
    refused(client.get(f"{API}/data/nothing"), 404)


# Choices


def test_a_choice_is_what_the_library_chooses(client: httpx.Client) -> None:
    told = choice(client, "wine").json()
    names = ["class_0"] * 59 + ["class_1"] * 71 + ["class_2"] * 48
    expected = recipes.choose(names)
    assert expected.recipe is not None
    assert (told["task"], told["recipe"]["recipe"], told["labels"]) == ("multiclass", "MultiClass", sorted(set(names)))
    assert told["evidence"] == list(expected.evidence)
    assert told["recipe"]["reasons"] == [[r.choice, r.because.replace("`", "")] for r in expected.recipe.reasons]
    assert told["compare"]["command"].startswith("slopes compare wine --seeds 3")
    assert told["compare"]["problem"] == ""


@each("name", ["breast_cancer", "digits", "digits_attributes", "digits_rare", "diabetes", "linnerud"])
def test_a_bundled_set_is_never_in_doubt(client: httpx.Client, name: str) -> None:
    told = choice(client, name).json()
    assert told["recipe"]
    assert not told["questions"]
    assert told["compare"]["problem"] == ""
    assert told["compare"]["command"].startswith(f"slopes compare {name} --seeds 3")


def test_an_ambiguous_column_is_asked_about_and_answered(client: httpx.Client) -> None:
    data = kept(client, RATINGS)
    told = choice(client, data, target="rating").json()
    assert (told["task"], told["recipe"], told["compare"]) == (None, None, None)
    (question,) = told["questions"]
    assert [answer["task"] for answer in question["answers"]] == ["multiclass", "regression", "positive"]
    told = choice(client, data, target="rating", task="positive").json()
    assert told["recipe"]["recipe"] == "PositiveRegression"
    assert {answer["task"] for answer in told["alternatives"]} == {"multiclass", "regression"}
    assert "--target rating --task regression" in told["compare"]["command"]
    assert "a column for each label" in refused(choice(client, data, target="rating", task="multilabel"), 422)


@each("data", ["wine", "digits_attributes", "kept"])
def test_the_python_of_a_choice_makes_it(
    client: httpx.Client, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data.csv").write_text(RATINGS, encoding="utf-8")
    query = {"target": "rating", "task": "multiclass"} if data == "kept" else {}
    told = choice(client, kept(client, RATINGS) if data == "kept" else data, **query).json()
    names: dict[str, Any] = {}
    exec(compile(told["snippet"], "snippet", "exec"), names)  # noqa: S102  our own text, as a reader would run it
    assert type(names["recipe"]).__name__ == told["recipe"]["recipe"]
    assert capsys.readouterr().out.startswith(told["evidence"][0])


def table(**columns: object) -> str:
    return pl.DataFrame({"x": np.arange(60) * 1.5, "z": np.arange(60)[::-1] * 0.5, **columns}).write_csv()


BAD: list[tuple[str, str, str]] = [
    ("constant", table(t=["a"] * 60), "are 'a', expected values that differ"),
    ("constant number", table(t=[3.0] * 60), "are 3.0, expected values that differ"),
    ("infinite", table(t=[float("inf"), *np.linspace(0, 1, 59)]), "infinite"),
    ("missing", table(t=[None, *np.linspace(0, 1, 59)]), "missing"),
    ("strings", "t,x\n" + "".join(f"name {i},{i}\n" for i in range(10_000)), "10000"),
    ("one row", "t,x\na,1\n", "at least two rows"),
]
LATER: list[tuple[str, str, str]] = [
    ("few rows", "t,x\n" + "".join(f"{'ab'[i % 2]},{i}\n" for i in range(12)), "expected at least 20"),
    ("rare", table(t=["a"] * 30 + ["b"] * 29 + ["c"]), "classes in fewer than 5 rows: 'c' (1)"),
    ("text in a number", table(t=["a", "b"] * 30, n=["oops", *map(str, range(59))]), "holds numbers, and also text"),
    ("gaps", table(t=["a", "b"] * 30, n=[None, *range(59)]), "values are missing among 60 rows: 'n' 1"),
    ("nothing else", "t\n" + "a\nb\n" * 30, "no column is left"),
]


@each(("text", "words"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_target_that_teaches_nothing_is_refused(client: httpx.Client, text: str, words: str) -> None:
    said = refused(choice(client, kept(client, text), target="t"), 422)
    assert words in said
    assert not said.startswith(("choose", "compare"))


@each(("text", "words"), [case[1:] for case in LATER], ids=[case[0] for case in LATER])
def test_data_that_cannot_be_compared_still_have_a_recipe(client: httpx.Client, text: str, words: str) -> None:
    told = choice(client, kept(client, text), target="t").json()
    assert told["recipe"]["recipe"] in {"Binary", "MultiClass"}
    assert words in told["compare"]["problem"].lower() or words in told["compare"]["problem"]


def test_gaps_are_left_out_or_filled_where_it_is_said(client: httpx.Client) -> None:
    data = kept(client, table(t=["a", "b"] * 30, n=[None, *range(59)]))
    for missing in ("drop", "median"):
        told = choice(client, data, target="t", missing=missing).json()["compare"]
        assert told["problem"] == ""
        assert f"--missing {missing}" in told["command"]
        assert any("'n' 1" in note for note in told["notes"])


@each(
    ("query", "status", "words"),
    [
        ({}, 400, "No column was picked"),
        ({"target": "nothing"}, 400, "no column 'nothing'"),
        ({"target": ["size", "size"]}, 400, "picked twice"),
        ({"target": "size", "task": "x"}, 400, "task is 'x'"),
        ({"target": "size", "task": ["binary", "binary"]}, 400, "task was given more than once"),
        ({"target": "size", "missing": "zero"}, 400, "missing is 'zero'"),
        ({"target": "size", "seeds": "²"}, 400, "seeds is"),
        ({"target": "size", "where": "/etc"}, 400, "There is no field 'where'"),
    ],
)
def test_a_question_that_makes_no_sense(
    client: httpx.Client, query: dict[str, str | list[str]], status: int, words: str
) -> None:
    assert words in refused(choice(client, kept(client, RATINGS), **query), status)


def test_a_package_that_is_missing_is_named(client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "NEEDS", ("no_such_package",))
    for answer in (client.get(f"{API}/sets"), upload(client, RATINGS)):
        assert answer.status_code == 501
        assert "needs no_such_package, not installed" in answer.json()["error"]


# Comparisons


def followed(client: httpx.Client, word: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for _ in range(600):
        told = client.get(f"{API}/comparisons/{word}").json()
        if told["stage"] != "running":
            return told
        time.sleep(0.2)
    return told


def test_a_comparison_ends_in_a_report_under_a_policy_of_its_own(client: httpx.Client) -> None:
    data = kept(client, RATINGS, "visits to shops.csv")
    begun = client.post(f"{API}/comparisons", json={"data": data, "target": ["back"], "seeds": 2, "steps": 5})
    assert begun.status_code == 202
    word = begun.json()["id"]
    assert client.get(f"{API}/comparisons").json()["running"]["id"] == word
    assert "A comparison is running" in refused(client.post(f"{API}/comparisons", json={"data": "wine"}), 409)
    assert client.get(f"/choose/reports/{word}.html").status_code == 404
    told = followed(client, word)
    assert (told["stage"], told["problem"], told["said"]) == ("done", "", "visits to shops.csv")
    assert told["done"] == told["total"] > 0
    report = client.get(f"/choose/reports/{word}.html")
    assert report.status_code == 200
    assert "visits to shops.csv" in report.text
    rules = report.headers["content-security-policy"]
    assert "default-src 'none'" in rules
    assert "sandbox allow-scripts" in rules
    assert "allow-same-origin" not in rules
    assert "script-src 'sha256-" in rules
    assert "'unsafe-inline'" not in rules.partition("script-src")[2].partition(";")[0]
    result = client.get(f"/choose/reports/{word}.json").json()
    assert result["recommendation"]["claim"] == told["claim"]
    assert result["method"]["repetitions"] == 2
    for path in (f"{word}.csv", f"{word}", "..%2f..%2fetc%2fpasswd", "nothing.html"):
        assert client.get(f"/choose/reports/{path}").status_code == 404
    assert client.get(f"{API}/comparisons").json()["running"] is None


def test_a_comparison_is_stopped_and_leaves_nothing(client: httpx.Client) -> None:
    word = client.post(f"{API}/comparisons", json={"data": "digits", "seeds": 20, "steps": 2000}).json()["id"]
    told = client.delete(f"{API}/comparisons/{word}").json()
    assert told["stage"] == "stopped"
    assert client.get(f"{API}/comparisons/{word}").json()["stage"] == "stopped"
    assert client.get(f"/choose/reports/{word}.html").status_code == 404
    assert client.get(f"{API}/comparisons").json()["running"] is None


def test_a_comparison_that_cannot_be_says_why(client: httpx.Client) -> None:
    data = kept(client, table(t=["a", "b"] * 30, n=[None, *range(59)]))
    word = client.post(f"{API}/comparisons", json={"data": data, "target": ["t"]}).json()["id"]
    told = followed(client, word)
    assert told["stage"] == "failed"
    assert told["problem"].startswith("Values are missing among 60 rows")


@each(
    ("body", "status", "words"),
    [
        (b"no", 400, "no JSON object"),
        (b"[1]", 400, "no JSON object"),
        (b'{"data": "nothing"}', 404, "not here"),
        (b'{"data": "wine", "steps": 1000000}', 400, "steps is 1000000"),
        (b'{"data": "wine", "report": "/tmp/x.html"}', 400, "no field 'report'"),
        (b'{"data": "' + b"x" * 70_000 + b'"}', 413, "longer than 64 KiB"),
    ],
)
def test_an_order_that_makes_no_sense(client: httpx.Client, body: bytes, status: int, words: str) -> None:
    assert words in refused(client.post(f"{API}/comparisons", content=body), status)
    refused(client.get(f"{API}/comparisons/nothing"), 404)
    refused(client.delete(f"{API}/comparisons/nothing"), 404)


@each("name", ["torch", "margin", "Run", "__name__"])
def test_no_such_snippet(client: httpx.Client, name: str) -> None:
    assert client.get(f"{API}/snippets/{name}").status_code == 404


def test_a_recipe_in_words_comes_over_http(client: httpx.Client) -> None:
    assert client.get(f"{API}/snippets/rare").json()["function"] == "focal"


# Processes and files


def alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def gone(group: int) -> bool:
    for _ in range(100):
        if not alive(group):
            return True
        time.sleep(0.1)
    return False


def test_closing_ends_the_process_and_removes_the_files() -> None:
    held = Sources()
    running = Comparing(held)
    run = running.start(Order(data="digits", seeds=20, steps=2000))
    assert alive(run.process.pid)
    with pytest.raises(Refusal, match="running"):
        running.start(Order(data="wine"))
    folder = held.folder()
    assert folder.stat().st_mode & 0o077 == 0
    running.close()
    held.close()
    assert gone(run.process.pid)
    assert not folder.exists()
    assert run.stage == "stopped"


def test_a_comparison_does_not_outlive_who_asked_for_it(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "slopes.explorer.choose.run"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    given = {"where": "digits", "target": [], "task": None, "missing": None, "seeds": 20, "steps": 2000, "jobs": 1}
    given |= {"harm": True, "wrong": False, "report": str(tmp_path / "report.html")}
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(json.dumps(given) + "\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["done"] == 0  # it trains
        process.stdin.close()
        assert process.wait(20) == -signal.SIGTERM
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()
    assert list(tmp_path.iterdir()) == []


def test_a_process_that_breaks_off_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    false = shutil.which("false")
    assert false is not None
    monkeypatch.setattr(comparing.sys, "executable", false)  # type: ignore[attr-defined]
    held = Sources()
    running = Comparing(held)
    run = running.start(Order(data="wine"))
    assert run.ended.wait(20)
    assert run.stage == "failed"
    assert "broke off" in run.problem
    held.close()


def test_a_policy_knows_every_script_of_a_report() -> None:
    page = b'<script>a = 1;</script><script id="figures" type="application/json">{}</script><script>\nb();\n</script>'
    said = policy(page)["content-security-policy"]
    assert said.count("'sha256-") == 2
    assert "'sha256-" + base64.b64encode(hashlib.sha256(b"a = 1;").digest()).decode() in said


@each("sign", [signal.SIGTERM, signal.SIGINT])
def test_ending_the_explorer_ends_the_comparison_and_removes_the_files(tmp_path: Path, sign: signal.Signals) -> None:
    command = [sys.executable, "-c", "from slopes.explorer import serve; serve(0, open_browser=False)"]
    told = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=told) as process:  # noqa: S603
        try:
            assert process.stdout is not None
            url = process.stdout.readline().split()[2]
            with httpx.Client(base_url=url, timeout=60) as client:
                data = kept(client, RATINGS)
                order = {"data": data, "target": ["back"], "seeds": 20, "steps": 2000}
                assert client.post(f"{API}/comparisons", json=order).status_code == 202
            assert any(path.name.startswith("slopes-explorer-") for path in tmp_path.iterdir())
            process.send_signal(sign)
            assert process.wait(30) in {0, 128 + signal.SIGTERM}
        finally:
            process.kill()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("slopes-explorer-")] == []


def test_a_length_that_is_too_large_is_refused_before_the_file_comes(client: httpx.Client) -> None:
    address = (client.base_url.host, client.base_url.port or 0)
    with socket.create_connection(address, timeout=30) as connection:
        head = (
            f"POST {API}/files?name=a.csv HTTP/1.1\r\nHost: 127.0.0.1:{address[1]}\r\nContent-Length: {2**40}\r\n\r\n"
        )
        connection.sendall(head.encode())
        assert connection.recv(4096).startswith(b"HTTP/1.1 413")


def test_the_oldest_file_makes_room() -> None:
    held = Sources()
    places = []
    for i in range(sources.KEPT + 1):
        folder = held.folder() / str(i)
        folder.mkdir()
        places.append(folder / "data.csv")
        places[-1].write_text(RATINGS, encoding="utf-8")
        held.keep(places[-1])
    assert [place.exists() for place in places] == [False] + [True] * sources.KEPT
    held.close()


def test_a_server_closes_what_it_holds() -> None:
    async def never() -> None: ...

    async def compute(work: Any) -> Any:  # noqa: ANN401  whatever it returns
        return work()

    choosing = Choosing(never, compute)
    folder = choosing._sources.folder()
    choosing.close()
    assert not folder.exists()
