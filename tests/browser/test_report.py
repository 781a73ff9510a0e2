"""The report of `slopes compare` in Chromium: offline, both themes, wide and narrow, axe clean, charts as numbers."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.conftest import is_wrong
from tests.browser.test_activations_page import violations

from slopes.recipes.compare import command

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    quick = ("--seeds", "2", "--steps", "10", "--corrupt", "20", "--imbalance", "10", "--jobs", "1", "--include-wrong")
    for name in ("breast_cancer", "diabetes"):
        assert command.run(parser.parse_args([name, *quick, "--output", str(folder / f"{name}.html")])) == 0
    return {path.stem: path for path in folder.glob("*.html")}


@pytest.fixture
def offline(chromium: Browser) -> Iterator[Page]:
    """A page without a network that fails its test on any error and on any request but its own."""
    context = chromium.new_context(offline=True)
    wrong: list[str] = []
    context.on("request", lambda request: request.url.startswith(("file:", "data:")) or wrong.append(request.url))
    context.on("console", lambda said: wrong.append(said.text) if is_wrong(said) else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context.new_page()
    context.close()
    assert wrong == []


def opened(page: Page, report: Path) -> None:
    page.goto(report.as_uri())
    page.wait_for_function("document.documentElement.dataset.drawn")


@pytest.mark.parametrize(
    ("name", "width", "theme"),
    [("breast_cancer", 1280, "light"), ("breast_cancer", 390, "light"), ("diabetes", 390, "dark")],
)
def test_it_opens_offline_and_axe_finds_nothing(
    offline: Page, reports: dict[str, Path], name: str, width: int, theme: str
) -> None:
    offline.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    offline.set_viewport_size({"width": width, "height": 844})
    opened(offline, reports[name])
    assert offline.locator("[data-figure]").count() == offline.locator("[data-figure] svg").count() > 6
    for details in offline.locator("details").all():
        details.evaluate("d => { d.open = true; }")
    assert violations(offline) == []
    assert offline.evaluate("document.documentElement.scrollWidth <= innerWidth")
    widths = offline.evaluate("[...document.querySelectorAll('.plate')].map(p => [p.scrollWidth, p.clientWidth])")
    assert all(inner <= outer for inner, outer in widths)


def test_points_stand_where_the_data_say(offline: Page, reports: dict[str, Path]) -> None:
    report = reports["diabetes"]
    opened(offline, report)
    data = json.loads(report.with_suffix(".json").read_text("utf-8"))
    decides = data["recommendation"]["decides"]
    means = [c["measures"][decides]["mean"] for c in data["candidates"]]
    drawn = offline.evaluate(
        "[...document.querySelectorAll('[data-figure=results] .mark-symbol path')]"
        ".map(p => p.transform.baseVal[0].matrix.e)"
    )
    assert len(drawn) == len(means)
    by_mean = [x for _, x in sorted(zip(means, drawn, strict=True))]
    assert by_mean == sorted(by_mean)
    low, high = min(range(len(means)), key=means.__getitem__), max(range(len(means)), key=means.__getitem__)
    for mean, x in zip(means, drawn, strict=True):
        share = (mean - means[low]) / (means[high] - means[low])
        assert x == pytest.approx(drawn[low] + share * (drawn[high] - drawn[low]), abs=0.5)


def test_the_paper_is_changed_by_a_button_and_by_the_system(offline: Page, reports: dict[str, Path]) -> None:
    offline.emulate_media(color_scheme="light")
    opened(offline, reports["diabetes"])
    ink = "getComputedStyle(document.documentElement).backgroundColor"
    light = offline.evaluate(ink)
    offline.emulate_media(color_scheme="dark")
    offline.wait_for_function("document.documentElement.dataset.drawn === 'dark'")
    dark = offline.evaluate(ink)
    assert dark != light
    offline.get_by_role("button", name="On light paper").click()
    offline.wait_for_function("document.documentElement.dataset.drawn === 'light'")
    assert offline.evaluate(ink) == light
    paper = "getComputedStyle(document.querySelector('[data-figure=results] svg')).backgroundColor"
    assert offline.evaluate(paper) == light
