"""Cards, tables, and the decision page in Chromium."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.test_activations_page import violations
from tests.later import Later

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

playwright = Later("playwright.sync_api")

pytestmark = pytest.mark.browser

PAGES = ("/", "/figures", "/functions", "/functions/focal", "/functions/gelu", "/choose", "/book", "/book/glossary")


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_and_nothing_sticks_out(page: Page, path: str, width: int, theme: str) -> None:
    page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
    page.set_viewport_size({"width": width, "height": 844})
    page.goto(path)
    playwright.expect(page.locator("h1")).to_be_visible()
    if path == "/":
        playwright.expect(page.locator(".tile svg").first).to_be_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_print_is_ink_on_paper_whatever_the_screen(page: Page) -> None:
    page.emulate_media(media="print", color_scheme="dark")
    page.goto("/functions/relu")
    assert page.evaluate("getComputedStyle(document.querySelector('.lead')).color") == "rgb(29, 29, 31)"


def test_tables_are_searched_and_sorted(page: Page) -> None:
    page.goto("/functions")
    page.get_by_role("searchbox", name="Find a function").fill("pinball")
    playwright.expect(page.locator("table.reference tbody tr:visible")).to_have_count(1)
    playwright.expect(page.locator("#filtered")).to_contain_text("1 of ")
    page.get_by_role("searchbox", name="Find a function").fill("")
    losses = page.locator("table.reference").nth(1)
    head = losses.get_by_role("columnheader", name="Function")
    head.get_by_role("button").click()
    names = losses.locator("tbody th").all_inner_texts()
    assert names == sorted(names, key=str.lower)
    playwright.expect(head).to_have_attribute("aria-sort", "ascending")
    head.get_by_role("button").press("Enter")
    assert losses.locator("tbody th").all_inner_texts() == sorted(names, key=str.lower, reverse=True)


def test_a_state_is_saved_as_a_file(page: Page) -> None:
    page.goto("/softmax-temperature?t=3")
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()
    assert waiting.value.suggested_filename == "softmax-temperature.csv"
    text = waiting.value.path().read_text("utf-8")
    assert text.startswith("dataset,")
    assert "cursor" in text
    assert ",3.0," in text


def test_an_exported_page_opens_offline(page: Page, chromium: Browser, tmp_path: Path) -> None:
    page.goto("/softmax-temperature?t=3")
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="HTML").click()
    waiting.value.save_as(tmp_path / "figure.html")
    context = chromium.new_context(offline=True)
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto((tmp_path / "figure.html").as_uri())
    playwright.expect(opened.locator(".reading")).to_have_text(page.locator("[data-part=reading]").inner_text())
    assert opened.locator("svg").count() == 2
    assert len(asked) == 1  # itself
    context.close()
