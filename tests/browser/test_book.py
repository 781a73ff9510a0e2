"""A reader's path through a chapter in Chromium: mouse, touch and keyboard; print; the file that opens offline."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.test_activations_page import violations
from tests.later import Later

from slopes.explorer.book.contents import BY_ID, CHAPTERS
from slopes.explorer.site.offline import write

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from slopes.explorer import Explorer

playwright = Later("playwright.sync_api")

pytestmark = pytest.mark.browser

PLATE = ".spread-page >> nth=0 >> .figure.embedded"


@pytest.fixture
def chapter(page: Page) -> Page:
    page.goto("/book/surprise")
    playwright.expect(page.locator(f"{PLATE}.ready")).to_be_visible()
    return page


def question(page: Page, name: str) -> Locator:
    return page.locator(f"[data-exercise='{name}']")


def test_a_phrase_sets_the_plate_by_mouse_and_by_keyboard(chapter: Page) -> None:
    reading = chapter.locator(f"{PLATE} .reading")
    playwright.expect(reading).to_contain_text("With 1 %")
    chapter.get_by_role("button", name="a coin flip").click()
    playwright.expect(reading).to_contain_text("a coin flip")
    chapter.get_by_role("button", name="99 %", exact=True).focus()
    chapter.keyboard.press("Enter")
    playwright.expect(reading).to_contain_text("With 99 %")
    apart = chapter.locator(f"{PLATE} [data-part=apart]").get_attribute("href") or ""
    assert apart.endswith("/cross-entropy?p=0.99&z=4.595")
    assert chapter.url.endswith("/book/surprise"), "a plate leaves the page's address alone"
    chapter.locator(f"{PLATE} [data-part=reset]").click()
    playwright.expect(reading).to_contain_text("With 1 %")


def test_questions_are_answered_and_remembered(chapter: Page) -> None:
    dearer = question(chapter, "surprise/dearer")
    dearer.get_by_role("button", name="Reveal").click()
    playwright.expect(dearer.locator(".verdict")).to_contain_text("Give an answer first")
    dearer.get_by_role("textbox").fill("99")
    chapter.keyboard.press("Enter")
    playwright.expect(dearer.locator(".verdict")).to_contain_text("Not quite")
    playwright.expect(dearer.locator(".gap .truth")).to_contain_text("458")
    dearer.get_by_role("textbox").fill("about 460")
    chapter.keyboard.press("Enter")
    playwright.expect(dearer.locator(".verdict")).to_contain_text("That is no number")
    dearer.get_by_role("textbox").fill("460")
    chapter.keyboard.press("Enter")
    playwright.expect(dearer.locator(".verdict")).to_contain_text("Yes")

    wrong = question(chapter, "surprise/wrong-classes")
    wrong.get_by_role("radio").first.focus()
    chapter.keyboard.press("ArrowDown")
    chapter.keyboard.press("ArrowDown")
    wrong.get_by_role("button", name="Check").press("Enter")
    playwright.expect(wrong.locator(".verdict")).to_contain_text("Yes")

    score = chapter.locator("[data-part=score]")
    playwright.expect(score).to_contain_text("2 of")
    chapter.reload()
    playwright.expect(score).to_contain_text("2 of")
    chapter.goto("/book")
    entry = chapter.locator(".chapters li", has_text="Surprise")
    playwright.expect(entry.locator(".minutes")).to_contain_text(f"2 of {entry.get_attribute('data-exercises')}")
    playwright.expect(chapter.get_by_role("link", name="Surprise").first).to_have_attribute("href", "/book/surprise")
    with chapter.expect_download() as saved:
        chapter.get_by_role("button", name="Save progress").click()
    assert "surprise/dearer" in saved.value.path().read_text("utf-8")
    chapter.get_by_role("button", name="Erase progress").click()
    playwright.expect(entry.locator(".minutes")).not_to_contain_text("2 of")


def test_a_state_is_reached_on_the_plate(chapter: Page) -> None:
    reach = question(chapter, "surprise/cheapest")
    reach.scroll_into_view_if_needed()
    second = chapter.locator(".spread-page >> nth=1 >> .figure.embedded")
    playwright.expect(second.locator(".reading")).to_contain_text("KL")
    reach.get_by_role("button", name="Check the plate").click()
    playwright.expect(reach.locator(".verdict")).to_contain_text("more than it has to")
    for name, value in (("sun", "0.7"), ("rain", "0.2"), ("snow", "0.1")):
        field = second.locator(f"input[type=number][name=q_{name}]")
        field.fill(value)
    playwright.expect(second.locator(".reading")).to_contain_text("KL(p‖q) is 0")
    reach.get_by_role("button", name="Check the plate").click()
    playwright.expect(reach.locator(".verdict")).to_contain_text("Yes")


def test_a_curve_is_drawn_by_hand_and_by_keyboard(page: Page) -> None:
    page.goto("/book/why-not-squares")
    sketch = question(page, "why-not-squares/draw-square-slope")
    sketch.scroll_into_view_if_needed()
    handles = sketch.locator(".handle")
    playwright.expect(handles).to_have_count(5)
    sketch.get_by_role("button", name="Check").click()
    playwright.expect(sketch.locator(".verdict")).to_contain_text("Give an answer first")
    box = handles.nth(2).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 14, box["y"] + 14)
    page.mouse.down()
    page.mouse.move(box["x"] + 14, box["y"] + 60, steps=4)
    page.mouse.up()
    label = handles.nth(2).get_attribute("aria-label") or ""
    assert "height -0.1." not in label
    for i, height in enumerate((0, -0.08, -0.25, 0, 0)):
        handle = handles.nth(i)
        handle.focus()
        for _ in range(150):
            now = float((handle.get_attribute("aria-label") or "").partition("height ")[2].partition(". ")[0])
            if abs(now - height) <= 0.011:
                break
            page.keyboard.press("ArrowUp" if now < height else "ArrowDown")
    sketch.get_by_role("button", name="Check").click()
    playwright.expect(sketch.locator(".verdict")).to_contain_text("Yes")


def test_a_derivation_opens_line_by_line(chapter: Page) -> None:
    fold = chapter.locator(".derivation").first
    fold.locator("summary").press("Enter")
    playwright.expect(fold.locator("li:visible")).to_have_count(1)
    fold.get_by_role("button", name="Next line").press("Enter")
    playwright.expect(fold.locator("li:visible")).to_have_count(2)
    playwright.expect(fold.get_by_role("button", name="Next line")).to_be_hidden()


def test_a_word_is_explained_where_it_stands(chapter: Page) -> None:
    term = chapter.locator(".term", has_text="nats").first
    playwright.expect(term.locator(".gloss")).to_be_hidden()
    term.get_by_role("link").focus()
    playwright.expect(term.locator(".gloss")).to_be_visible()
    term.get_by_role("link").press("Enter")
    playwright.expect(chapter).to_have_url(chapter.url.replace("/book/surprise", "/book/glossary#nat"))
    chapter.get_by_role("searchbox", name="Find a word").fill("log-odds")
    playwright.expect(chapter.locator(".glossary > div:visible")).to_have_count(1)


def test_the_plate_stays_in_sight(page: Page) -> None:
    for width, height in ((1280, 720), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto("/book/surprise")
        playwright.expect(page.locator(f"{PLATE}.ready")).to_be_visible()
        page.locator("h2").nth(1).scroll_into_view_if_needed()
        page.evaluate("scrollBy(0, 200)")
        playwright.expect(page.locator(f"{PLATE} .plate svg").first).to_be_in_viewport()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if width < 1000:
            shown = page.locator(".beside").first.bounding_box()
            assert shown is not None
            assert shown["height"] <= 0.47 * height


@pytest.fixture(scope="module")
def reader(chromium: Browser, explorer: Explorer) -> Iterator[Page]:
    context = chromium.new_context(base_url=explorer.url, viewport={"width": 320, "height": 700})
    yield context.new_page()
    context.close()


OFTEN = ("surprise", "why-not-squares")  # of the others, their plates and their directives are the same


@pytest.mark.parametrize(
    "name", [pytest.param(c.id, marks=() if c.id in OFTEN else pytest.mark.long) for c in CHAPTERS]
)
def test_every_chapter_is_accessible_and_fits_a_narrow_screen(reader: Page, name: str) -> None:
    reader.goto(f"/book/{name}")
    playwright.expect(reader.locator(f"{PLATE}.ready")).to_be_visible()
    reader.evaluate("document.fonts.ready")
    reader.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    assert violations(reader) == []
    plates = reader.locator(".figure.embedded")
    for i in range(plates.count()):
        plates.nth(i).scroll_into_view_if_needed()
        playwright.expect(plates.nth(i)).to_have_class("figure embedded ready", timeout=20_000)
        playwright.expect(plates.nth(i).locator(".problem")).to_have_count(0)


def test_print_has_the_plates_and_the_answers(chapter: Page) -> None:
    chapter.emulate_media(media="print")
    playwright.expect(chapter.get_by_role("heading", name="Answers")).to_be_visible()
    playwright.expect(chapter.locator(f"{PLATE} .plate svg").first).to_be_visible()
    playwright.expect(chapter.get_by_role("button", name="Reveal").first).to_be_hidden()


def test_the_book_as_a_file_moves_its_plates_offline(chromium: Browser, tmp_path: Path) -> None:
    size = write(tmp_path / "book.html", [BY_ID["surprise"]], frames=3)
    assert size < 300_000
    context = chromium.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "book.html").as_uri())
    plate = page.locator(".frames").first
    playwright.expect(plate.locator("svg")).to_be_visible()
    playwright.expect(plate.locator(".reading")).to_contain_text("With 1 %")
    before = plate.locator("svg").inner_html()
    plate.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")
    playwright.expect(plate.locator(".reading")).to_contain_text("With 50 %")
    assert plate.locator("svg").inner_html() != before
    page.get_by_role("button", name="99 %", exact=True).click()
    playwright.expect(plate.locator(".reading")).to_contain_text("With 99.97 %")
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_words_in_the_margin_do_not_cover_each_other(page: Page) -> None:
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto("/book/preferring")
    playwright.expect(page.locator(f"{PLATE}.ready")).to_be_visible()
    covered = page.evaluate(
        """() => [...document.querySelectorAll('.words')].flatMap((words) => {
          const boxes = [...words.querySelectorAll('.gloss')].map((gloss) => gloss.getBoundingClientRect());
          return boxes.slice(1).filter((box, i) => box.top < boxes[i].bottom).map((box) => box.top);
        })"""
    )
    assert covered == []
