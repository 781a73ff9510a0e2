from __future__ import annotations

import json
import math
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET

import pytest
import torch
from tests.each import each

import slopes
from slopes import cli
from slopes.catalog import CATALOG, find
from slopes.shown import describe, plotting
from slopes.shown.loss_curves import LOSSES
from slopes.shown.readable import plain, plain_lines

COMMAND: Final = [sys.executable, "-c", "import sys; from slopes.cli import main; sys.exit(main())"]
PLOTTED: Final = tuple(spec.name for spec in CATALOG if spec.kind == "activation" and spec.elementwise)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 0
    came = capsys.readouterr()
    assert not came.err
    return came.out


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 2
    came = capsys.readouterr()
    assert not came.out
    return came.err


def loaded(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:  # noqa: ANN401  JSON
    def none(name: str) -> None:
        pytest.fail(f"{name} is no JSON")

    return json.loads(said(capsys, *arguments, "--json"), parse_constant=none)


def test_without_a_command_it_says_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys)
    for command in ("list", "show", "plot", "explore", "book"):
        assert f"\n    {command} " in text


def test_the_version_is_the_library_s(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"slopes {slopes.__version__}\n"


def test_list_names_every_function_once_in_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    lines = said(capsys, "list").splitlines()
    assert max(map(len, lines)) <= 80
    starts = [line.split()[0] for line in lines if line.startswith("    ") and not line.startswith("     ")]
    assert sorted(starts) == sorted(spec.name for spec in CATALOG)


def test_list_of_one_kind_and_family(capsys: pytest.CaptureFixture[str]) -> None:
    entries = loaded(capsys, "list", "--kind", "loss", "--family", "regression")
    assert {(entry["kind"], entry["family"]) for entry in entries} == {("loss", "regression")}
    assert "huber" in [entry["name"] for entry in entries]


def test_list_of_an_unknown_family_says_which_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "list", "--family", "smoth")
    assert text.startswith("slopes list: `--family` is 'smoth', expected one of ")
    assert "smooth" in text


@each("spec", CATALOG, ids=lambda spec: spec.name)
def test_show_fits_80_columns_and_says_everything(spec: Any, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    text = said(capsys, "show", spec.name)
    lines = text.splitlines()
    assert max(len(line) for line in lines if "://" not in line) <= 80
    assert all(line == line.rstrip() for line in lines)
    together = " ".join(text.split())
    wanted = [spec.title, spec.summary, spec.convention, str(spec.range), *spec.aliases]
    wanted += [parameter.meaning for parameter in spec.parameters] + [entry.name for entry in spec.inputs]
    wanted += [part for other in spec.equivalents for part in (other.library, other.differs)]
    wanted += [source.citation for source in spec.sources]
    for part in wanted:
        assert " ".join(part.split()) in together


@each("spec", CATALOG, ids=lambda spec: spec.name)
def test_show_for_a_program(spec: Any, capsys: pytest.CaptureFixture[str]) -> None:  # noqa: ANN401
    data = loaded(capsys, "show", spec.name)
    assert data["name"] == spec.name
    assert data["formula"]["latex"] == spec.formula
    assert [entry["name"] for entry in data["inputs"]] == [entry.name for entry in spec.inputs]
    assert data["range"]["text"] == str(spec.range)


@each("spec", CATALOG, ids=lambda spec: spec.name)
def test_every_command_of_every_formula_is_read(spec: Any) -> None:  # noqa: ANN401
    for latex in (spec.formula, spec.slope):
        assert "\\" not in plain(latex)
        assert "{" not in plain(latex) or r"\{" in latex


@each("spec", CATALOG, ids=lambda spec: spec.name)
def test_what_show_calls_python_is_there(spec: Any) -> None:  # noqa: ANN401
    for call in describe.calls(spec):
        found: Any = slopes
        for part in call.partition("(")[0].split(".")[1:]:
            found = getattr(found, part)
        assert found in {spec.function, spec.module}


def test_formulas_as_plain_text() -> None:
    assert plain(find("cross_entropy").formula) == "ℓ = -log(e^(x_t)/(Σ_j e^(x_j)))"
    assert plain(find("huber").formula) == "ℓ = ½r² for |r| ≤ δ, δ(|r| - ½δ) beyond"
    assert plain(find("tanh").slope) == "tanh′(x) = 1 - tanh²(x)"
    assert plain_lines(find("quantile").formula) == ["ℓ = max(q u, (q - 1) u)", "u = y - ŷ"]
    assert plain(r"\left. \frac{a + b}{c d} \right|") == "(a + b)/(c d) |"


def test_show_takes_any_name_of_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded(capsys, "show", "SiLU")["name"] == "swish"
    assert loaded(capsys, "show", "pinball")["name"] == "quantile"


def test_a_name_that_is_nearly_right(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "show", "gelo")
    assert text.startswith("slopes: nothing here is called 'gelo'; did you mean gelu")
    assert text.endswith("?\n")


def test_a_name_that_is_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "plot", "zzzzz")
    assert text == "slopes: nothing here is called 'zzzzz'; `slopes list` shows all names.\n"


def test_plot_writes_svg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "gelu.svg"
    assert said(capsys, "plot", "GELU", "--output", str(path)) == f"{path}\n"
    text = path.read_text("utf-8")
    assert ET.fromstring(text).tag.endswith("svg")  # noqa: S314  our own file
    assert "GELU" in text
    assert ">slope<" in text


def test_plot_writes_png(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "focal.png"
    said(capsys, "plot", "focal", "--output", str(path), "--parameter", "gamma=3", "--from", "-4", "--to", "4")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_plot_without_a_file_name_takes_the_function_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said(capsys, "plot", "L1") == "mae.svg\n"
    assert (tmp_path / "mae.svg").exists()


def test_plot_of_numbers_has_the_library_s_values_and_slopes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    data = loaded(capsys, "plot", "huber", "--parameter", "delta=2", "--from", "-5", "--to", "5")
    assert not list(tmp_path.iterdir())  # numbers only, unless a file is asked for
    assert data["over"] == "residual, prediction minus target"
    (rows,) = data["lines"].values()
    r = torch.tensor([row["x"] for row in rows], dtype=torch.float64)
    expected = slopes.losses.huber(r, torch.zeros_like(r), delta=2.0, reduction="none")
    assert [row["value"] for row in rows] == expected.tolist()
    assert [row["slope"] for row in rows] == r.clamp(-2, 2).tolist()


def test_a_slope_that_jumps_is_a_gap(capsys: pytest.CaptureFixture[str]) -> None:
    (rows,) = loaded(capsys, "plot", "relu")["lines"].values()
    assert [row["x"] for row in rows if row["slope"] is None] == [0.0]


def test_every_loss_has_a_curve() -> None:
    assert {spec.name for spec in CATALOG if spec.kind == "loss"} == set(LOSSES)


def test_losses_of_batches_are_drawn_over_one_item_s_place() -> None:
    """Cosines c of the first pair and 0 of the rest, times 10; triplets by hand, each anchor's margin being 0.2."""
    for name, others in (("clip", 7), ("nt_xent", 14)):
        for row in plotting.numbers(name)[""]:
            cosine = math.cos(row["x"] or 0.0)
            assert row["value"] == pytest.approx(math.log1p(others * math.exp(-10 * cosine)), rel=1e-9)
    for row in plotting.numbers("batch_triplet")[""]:
        x = row["x"] or 0.0
        assert row["value"] == pytest.approx((max(0, 1.2 - abs(x)) + max(0, 1.2 - abs(x - 1))) / 2, abs=1e-12)


# Figures differ by their lines alone, and those are looked at below, with a figure of each kind.
@pytest.mark.long
@each("name", [*PLOTTED, *LOSSES])
def test_everything_that_one_number_decides_is_drawn(name: str) -> None:
    assert slopes.plot(name).to_dict()["title"]


def test_the_numbers_of_every_figure_change_and_one_of_each_kind_is_drawn() -> None:
    """Draw the first activation and the first loss with so many lines: Altair takes half a second for each."""
    first = {}
    for name in (*PLOTTED, *LOSSES):
        lines = plotting.numbers(name)
        first.setdefault((name in LOSSES, len(lines)), name)
        for rows in lines.values():
            values = [row["value"] for row in rows if row["value"] is not None]
            assert len(values) > 200, name
            assert max(values) > min(values), name
    for name in first.values():
        assert slopes.plot(name).to_dict()["title"], name


def test_a_figure_has_both_labels_of_a_binary_loss() -> None:
    text = json.dumps(slopes.plot("bce", theme="dark").to_dict())
    for label in ("label 1", "label 1: slope", "label 0", "label 0: slope"):
        assert f'"{label}"' in text


@each(
    ("arguments", "text"),
    [
        (("glu",), "slopes plot: no single number decides glu, so it has no curve; `slopes show glu` says more."),
        (("gelu", "--output", "x.jpg"), "x.jpg ends in .jpg, expected .svg or .png; call it x.svg."),
        (("gelu", "--output", "/no/such/folder/x.svg"), "cannot be written (No such file or directory)"),
        (("swish", "--parameter", "gamma=2"), "slopes plot: swish has no parameter 'gamma'; it has beta: choose one."),
        (("relu", "--parameter", "gamma=2"), "slopes plot: relu has no parameter 'gamma'; it has none: leave it out."),
        (("swish", "--parameter", "beta"), "`--parameter` is 'beta', expected NAME=VALUE"),
        (("swish", "--parameter", "low=2"), "--from, --to and --theme set the figure"),
        (("elu", "--parameter", "alpha=-2"), "slopes elu: `alpha` is -2.0, expected a number in [0, ∞)"),
        (("elu", "--parameter", "alpha=big"), "slopes elu: `alpha` is 'big'"),
        (("elu", "--from", "2", "--to", "-2"), "the axis goes from 2 to -2"),
        (("mse", "--to", "inf"), "the axis goes from -3 to inf"),
    ],
)
def test_a_figure_that_cannot_be(arguments: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert text in refused(capsys, "plot", *arguments)


@each(
    ("arguments", "text"),
    [
        (("lst",), "no command is called 'lst'; did you mean list?"),
        (("everything",), "no command is called 'everything'; there are list, show, plot, explore, book, compare."),
        (("explore", "--bogus"), "usage: slopes explore [-h] [--port N]"),
    ],
)
def test_a_command_line_that_cannot_be(
    arguments: tuple[str, ...], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert text in capsys.readouterr().err


@each(
    ("name", "where"),
    [("GatedFFN", "slopes.activations.GatedFFN"), ("LinearLogits", "slopes.LinearLogits")],
)
def test_a_class_is_found_in_python(name: str, where: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{name} has no entry here, since it is no function; in Python, help({where})" in refused(
        capsys, "show", name
    )


def test_the_package_is_the_command() -> None:
    ran = subprocess.run([sys.executable, "-m", "slopes", "--version"], capture_output=True, text=True, check=True)
    assert ran.stdout.startswith("slopes ")


def test_a_name_that_plot_does_not_know() -> None:
    with pytest.raises(slopes.UnknownFunctionError, match=r"plot: `name` is .hubr., .*; did you mean huber"):
        slopes.plot("hubr")


def test_a_theme_that_is_none() -> None:
    with pytest.raises(slopes.OptionError, match="`theme` is 'sepia'"):
        slopes.plot("gelu", theme="sepia")


@each("arguments", [("plot", "gelu"), ("explore", "--no-browser"), ("book", "--no-browser")])
def test_without_the_extra_it_says_how_to_get_it(
    arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def found(name: str, package: str | None = None) -> ModuleSpec | None:
        del package
        return None if name == "altair" else ModuleSpec(name, None)

    monkeypatch.setattr("importlib.util.find_spec", found)
    monkeypatch.setattr(plotting, "find_spec", found)
    text = refused(capsys, *arguments)
    assert text.startswith(f"slopes {arguments[0]}: needs altair, not installed")
    assert text.endswith("pip install 'slopes[explorer]'.\n")


def test_explore_hands_over_what_it_was_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("slopes.explorer.serve", lambda port, **options: asked.extend((port, options)))
    said(capsys, "explore", "--port", "0", "--no-browser", "--function", "a.py:f")
    assert asked == [0, {"open_browser": False, "functions": ["a.py:f"]}]


def test_the_book_is_served_or_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("slopes.explorer.serve", lambda port, **options: asked.extend((port, options)))
    said(capsys, "book", "--port", "0", "--no-browser")
    assert asked == [0, {"open_browser": False, "start": "book"}]
    monkeypatch.setattr("slopes.explorer.site.offline.write", lambda path, **_: path.write_bytes(b"x" * 1_200_000))
    assert "1.2 MB, opens offline" in said(capsys, "book", "--output", str(tmp_path / "book.html"))
    assert "call it book.html" in refused(capsys, "book", "--output", "book.pdf")
    assert "a folder that is there" in refused(capsys, "book", "--output", str(tmp_path / "none" / "book.html"))


def test_a_function_of_one_s_own_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    text = refused(capsys, "explore", "--no-browser", "--function", "nothing.py:f")
    assert text.startswith("slopes: ")
    assert "nothing.py" in text


def test_an_interrupted_explorer_ends_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(port: int, **options: object) -> None:
        del port, options
        raise KeyboardInterrupt

    monkeypatch.setattr("slopes.explorer.serve", interrupted)
    assert cli.main(["explore"]) == 0
    assert capsys.readouterr().err == "\n"


def test_the_explorer_is_reached_before_torch_is_imported() -> None:
    code = (
        "import sys, slopes.explorer\n"
        "def serve(port, **options):\n"
        "    assert 'torch' not in sys.modules and 'altair' not in sys.modules\n"
        "slopes.explorer.serve = serve\n"
        "from slopes.cli import main\n"
        "sys.exit(main(['explore']))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603  our own code


def test_list_needs_no_package_for_charts() -> None:
    code = (
        "import sys\n"
        "from slopes.cli import main\n"
        "main(['list'])\n"
        "assert 'altair' not in sys.modules and 'starlette' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)  # noqa: S603  our own code


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    with subprocess.Popen(  # noqa: S603  our own code
        [*COMMAND, "list", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_names_that_come_in_when_asked_for() -> None:
    assert {"plot", "explore", "exact", "activations"} <= set(dir(slopes))
    with pytest.raises(AttributeError, match="has no attribute 'plots'"):
        _ = slopes.plots  # type: ignore[attr-defined]
