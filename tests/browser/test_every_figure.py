"""Every figure in Chromium: drawn, by mouse, by keyboard, narrow, and without a fault that axe knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.browser.test_activations_page import violations
from tests.later import Later

from slopes.explorer.figures import contents

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

playwright = Later("playwright.sync_api")

pytestmark = pytest.mark.browser

CHANGED = """before => document.querySelector('[data-part=readings]').innerText
  + document.querySelector('[data-part=reading]').innerText !== before"""
MARKS = "[class*='mark-line'] path, [class*='mark-rect'] path, [class*='mark-symbol'] path, [class*='mark-rule'] line"

# What does not fit: words beyond their plate or over other words, formulas beyond their box, a page that scrolls.
MISFITS = r"""() => {
  const said = [];
  if (document.documentElement.scrollWidth > innerWidth) said.push('the page scrolls sideways');
  for (const box of document.querySelectorAll('.formula')) {
    if (box.scrollWidth > box.clientWidth + 1) said.push(`formula of ${box.querySelector('h2').innerText}`);
  }
  for (const plate of document.querySelectorAll('.plate')) {
    const frame = plate.getBoundingClientRect();
    const texts = [...plate.querySelectorAll('svg text')].filter((text) => getComputedStyle(text).opacity !== '0');
    const words = texts.map((text) => [text.textContent, text.getBoundingClientRect()]);
    const shown = words.filter(([text, box]) => text.trim() && box.width > 0);
    for (const [text, box] of shown) {
      const out = box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1;
      if (out || box.bottom > frame.bottom + 1) said.push(`${plate.dataset.chart}: ${text} is cut`);
      if (/NaN|undefined|Infinity|null/.test(text)) said.push(`${plate.dataset.chart}: ${text}`);
    }
    shown.forEach(([text, a], i) => shown.slice(i + 1).forEach(([other, b]) => {
      const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const up = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (text !== other && across > 2 && up > 6) said.push(`${plate.dataset.chart}: ${text} covers ${other}`);
    }));
  }
  return said;
}"""

AWAIT_DRAWN = """() => {
  window.drawn = false;
  document.querySelector('.figure').addEventListener('drawn', () => { window.drawn = true; }, { once: true });
}"""


def visit(page: Page, name: str, query: str = "") -> None:
    page.goto(f"/{name}{query}")
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    playwright.expect(page.locator(".plate").last.locator(MARKS).first).to_be_attached()
    page.wait_for_timeout(150)


def first_slider(page: Page) -> Locator:
    return page.locator(".controls > .control:not([hidden]) input[type=range]").first


def first_choice(page: Page) -> Locator:
    return page.locator(".controls select").first


def state_of(page: Page) -> str:
    return page.locator("[data-part=readings]").inner_text() + page.locator("[data-part=reading]").inner_text()


# One figure of each kind of its own: curves, a handle in the plane, maps, choices, steps, batches, sentences; the rest
# are long, since a visit takes ten seconds. What is computed for all of them is held in tests/explorer/figures.
OF_EACH_KIND = (
    *("activations", "line-fit", "landscape", "pairing", "contrastive-forces", "one-weight", "preference"),
    "worked-examples",
)
IDS = [p.id if p.id in OF_EACH_KIND else pytest.param(p.id, marks=pytest.mark.long) for p in contents.PAGES]

# Where the top of an element ends up on the page, and whether all of it is seen on arrival.
SEEN = """selector => {
  const box = [...document.querySelectorAll(selector)].find((e) => e.offsetParent !== null)?.getBoundingClientRect();
  return box ? { top: box.top + scrollY, bottom: box.bottom + scrollY } : null;
}"""
CONTROL = ".side :is(input, select, button)"


@pytest.mark.parametrize("name", IDS)
def test_a_figure_at_a_desk(page: Page, name: str) -> None:
    """One visit for all of it, since a visit takes longer than what is looked at."""
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 720})
    visit(page, name)
    charts_control_and_reading_are_seen_on_arrival(page)
    before = state_of(page)
    changes_by_keyboard(page, before)
    address = page.url
    presets_are_pressed(page)
    handles_move(page)
    steps_are_taken(page)
    for fold in page.locator("details.fold summary").all():
        if fold.locator("..").get_attribute("open") is None:
            fold.click()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(address)
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    assert state_of(page) != before, "the address holds the state"


def charts_control_and_reading_are_seen_on_arrival(page: Page) -> None:
    for selector in (".plate svg", CONTROL, "[data-part=reading]"):
        found = page.evaluate(SEEN, selector)
        assert found, selector
        assert found["bottom"] <= 720, selector


def changes_by_keyboard(page: Page, before: str) -> None:
    control = first_slider(page)
    if control.count():
        control.focus()
        for _ in range(5):
            page.keyboard.press("ArrowLeft")
    else:
        first_choice(page).focus()
        page.keyboard.press("ArrowDown")
    page.wait_for_function("() => location.search.length > 1")
    playwright.expect(page.locator("[data-part=problems] .problem")).to_have_count(0)
    page.wait_for_function(CHANGED, arg=before)


def presets_are_pressed(page: Page) -> None:
    for button in page.locator(".presets button[aria-pressed]").all():
        button.click()
        playwright.expect(button).to_have_attribute("aria-pressed", "true")
        playwright.expect(page.locator("[data-part=problems] .problem")).to_have_count(0)
    if page.locator("[data-part=reset]").is_visible():
        page.locator("[data-part=reset]").click()


def handles_move(page: Page) -> None:
    handles = page.locator("button.handle")
    if not handles.count():
        return
    handle = handles.first
    handle.focus()
    label = handle.get_attribute("aria-label")
    page.keyboard.press("Shift+ArrowLeft")
    playwright.expect(handle).not_to_have_attribute("aria-label", label or "")
    box = handle.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    inside = handle.evaluate("handle => getComputedStyle(handle).backgroundImage")
    assert "radial-gradient(circle, rgba(0, 0, 0, 0)" in inside, "what lies under it is seen"
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 20, y + 12, steps=4)
    page.mouse.up()
    page.wait_for_function(
        "([handle, x]) => Math.abs(handle.getBoundingClientRect().left + handle.offsetWidth / 2 - (x - 20)) < 4",
        arg=[handle.element_handle(), x],
    )
    playwright.expect(page.locator("[data-part=problems] .problem")).to_have_count(0)


def steps_are_taken(page: Page) -> None:
    if page.locator("[data-part=steps]").is_hidden():
        return
    before = state_of(page)
    page.locator("[data-part=steps] button").first.click()
    page.wait_for_function(CHANGED, arg=before)
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("before => location.href !== before", arg=page.url)
    pause = page.get_by_role("button", name="Pause")
    if pause.count():
        pause.click()


@pytest.mark.parametrize("name", IDS)
def test_a_figure_on_a_phone_in_the_dark(page: Page, name: str) -> None:
    page.emulate_media(reduced_motion="reduce", color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 844})
    visit(page, name)
    first, reading = (page.evaluate(SEEN, selector) for selector in (".plate", "[data-part=reading]"))
    slider = page.evaluate(SEEN, CONTROL)
    assert first["top"] < slider["top"] < reading["top"] + 1
    assert reading["top"] - first["top"] < 700, "the first chart, its slider and its reading are seen together"
    assert page.evaluate(MISFITS) == []
    for button in page.locator(".presets button[aria-pressed]").all():
        if button.get_attribute("aria-pressed") == "true":
            continue  # it is what was shown at first
        page.evaluate(AWAIT_DRAWN)
        button.click()
        page.wait_for_function("() => window.drawn")
        assert page.evaluate(MISFITS) == [], button.inner_text()
    playwright.expect(page.locator(".plate svg").last).to_have_css("background-color", "rgb(20, 22, 26)")
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 700})
    page.wait_for_function("() => document.documentElement.scrollWidth <= innerWidth")
