from __future__ import annotations

import ast
from pathlib import Path

import pytest
from bench import house

FILES = {
    "__init__.py": "from slopes.cli import main",
    "cli.py": "def main() -> None:\n    from slopes.explorer.site import pages",
    "explorer/__init__.py": "from slopes.explorer.site.pages import page",
    "explorer/site/__init__.py": "",
    "explorer/site/pages.py": "from slopes.explorer.figures import figure\nfrom slopes._core.names import near",
    "explorer/figures/figure.py": "import slopes._core.names",
    "explorer/figures/_kept.py": "if TYPE_CHECKING:\n    from slopes.explorer.figures.figure import Figure",
    "_core/names.py": "import math",
}


def trees(**more: str) -> dict[Path, ast.Module]:
    files = FILES | {name.replace("__", "/") + ".py": text for name, text in more.items()}
    return {Path(name): ast.parse(text) for name, text in files.items()}


def test_an_arrow_leads_from_room_to_room_but_not_from_the_hall_or_a_door() -> None:
    assert house.arrows(trees()) == {
        ("explorer/site", "explorer/figures"),
        ("explorer/site", "_core"),
        ("explorer/figures", "_core"),
    }


def test_a_circle_is_found_over_several_rooms() -> None:
    assert house.in_circles(house.arrows(trees())) == set()
    closed = house.arrows(trees(_core__names="def f():\n    import slopes.explorer.site.pages"))
    assert house.in_circles(closed) == closed
    beside = house.arrows(trees(losses__mse="from slopes._core import names"))
    assert house.in_circles(beside | {("_core", "explorer/figures")}) == {
        ("_core", "explorer/figures"),
        ("explorer/figures", "_core"),
    }


def test_lines_and_names_are_those_that_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "src" / "slopes"
    source.mkdir(parents=True)
    (source / "__init__.py").write_text("ONE = 1\n")
    text = '    """Say.\n\n    More.\n    """\n'
    (source / "one.py").write_text(
        f"A, _B = 1, 2\nC: int = 3\n\n\ndef d():\n{text}    return 1\n\n\nclass E:\n    F = 1\n"
    )
    (source / "two.py").write_text("\n" * 401)
    found = house.measured(source)
    assert found["files"] == 3
    assert found["lines of a function, median"] == 2
    assert found["public names of a file, 90th percentile"] == 4  # A, C, d, E
    assert found["files of more than 400 lines"] == 1
    assert found["files side by side, at most"] == 2
    house.main([str(tmp_path), str(tmp_path)])
    assert "| files | 3 | 3 |" in capsys.readouterr().out


def test_what_a_function_costs_is_itself_its_module_and_its_spec() -> None:
    function = 'def huber(x):\n    """Say."""\n    y = x\n    return y\n'
    module = "class Huber(Module, of=huber):\n    delta = 1\n"
    spec = "SPECS = (\n    Spec(\n        function=huber,\n        module=Huber,\n    ),\n)\n"
    tree = ast.parse(function + module + spec)
    assert house.costs({Path("losses/one.py"): tree}) == {"huber": house.Cost(lines=4 + 2 + 4, works=2)}
