"""The decision page in Chromium: from a set or a file to the recipe, the question, the comparison and the report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.browser.test_activations_page import AXE
from tests.later import Later

if TYPE_CHECKING:
    from playwright.sync_api import Page

playwright = Later("playwright.sync_api")

pytestmark = pytest.mark.browser

RATINGS = "rating,size,shop\n" + "".join(f"{i % 5 + 1},{i * 1.5 if i % 9 else ''},{'abc'[i % 3]}\n" for i in range(90))
VISUAL = ["color-contrast", "link-in-text-block", "scrollable-region-focusable"]
REPORT = 120_000  # milliseconds that a small comparison may take on a loaded machine


@pytest.fixture
def ratings(tmp_path: Path) -> Path:
    path = tmp_path / "shop ratings.csv"
    path.write_text(RATINGS, encoding="utf-8")
    return path


def opened(page: Page, query: str = "") -> None:
    page.goto(f"/choose{query}")
    playwright.expect(page.locator("#set option")).not_to_have_count(1)


def test_a_set_and_a_target_lead_to_a_recipe_and_into_the_address(page: Page) -> None:
    opened(page)
    page.get_by_label("A set that comes along").select_option("wine")
    verdict = page.get_by_role("region", name="What the target asks for")
    playwright.expect(verdict).to_contain_text("The target asks for multi-class classification.")
    playwright.expect(verdict).to_contain_text("class_0 59 times")
    playwright.expect(page.locator("[data-part=live]")).to_have_text("The target asks for multi-class classification.")
    assert page.url.endswith("?set=wine&target=grower")
    page.get_by_label("To be predicted").select_option("hue")
    playwright.expect(verdict).to_contain_text("The target asks for regression.")
    playwright.expect(page.locator("[data-part=command]")).to_contain_text("slopes compare wine --target hue --seeds 3")
    page.reload()
    playwright.expect(verdict).to_contain_text("The target asks for regression.")
    playwright.expect(page.get_by_label("To be predicted")).to_have_value("hue")
    page.get_by_label("A set that comes along").select_option("")
    playwright.expect(verdict).to_be_hidden()
    assert page.url.endswith("/choose")


def test_several_labels_are_one_target(page: Page) -> None:
    opened(page, "?set=digits_attributes")
    verdict = page.get_by_role("region", name="What the target asks for")
    playwright.expect(verdict).to_contain_text("multi-label classification")
    playwright.expect(
        page.get_by_role("group", name="Further labels of the same rows").get_by_role("checkbox")
    ).not_to_have_count(0)
    for name in ("even", "five_or_more", "prime", "straight", "eight"):
        page.get_by_label(name, exact=True).uncheck()
    playwright.expect(verdict).to_contain_text("binary classification")
    assert page.url.endswith("?set=digits_attributes&target=loop")


def test_from_a_file_by_a_question_to_a_report(page: Page, ratings: Path) -> None:
    opened(page)
    page.get_by_label("Or a file of yours").set_input_files(ratings)
    playwright.expect(page.get_by_role("region", name="Columns")).to_contain_text("whole numbers")
    page.get_by_label("To be predicted").select_option("rating")
    page.get_by_role("group", name="There are 5 different whole numbers").get_by_role(
        "radio", name="Multiclass"
    ).click()
    verdict = page.get_by_role("region", name="What the target asks for")
    playwright.expect(verdict).to_contain_text("recipes.MultiClass")
    start = page.get_by_role("button", name="Compare on this machine")
    playwright.expect(start).to_be_disabled()
    playwright.expect(page.locator("[data-part=obstacle]")).to_contain_text(
        "Values are missing among 90 rows: 'size' 10"
    )
    page.get_by_label("Fill the gaps in features").check()
    playwright.expect(start).to_be_enabled()
    page.get_by_label("Repetitions").fill("2")
    page.get_by_label("Steps of training").fill("5")
    page.get_by_label("Steps of training").press("Tab")
    command = "slopes compare 'shop ratings.csv' --target rating --task multiclass --missing median --seeds 2 --steps 5"
    playwright.expect(page.locator("[data-part=command]")).to_contain_text(command)
    start.click()
    playwright.expect(page.get_by_role("button", name="Stop")).to_be_focused()
    playwright.expect(page.get_by_role("progressbar", name="Trainings done")).to_be_visible()
    link = page.get_by_role("link", name="Open the report")
    playwright.expect(link).to_be_visible(timeout=REPORT)
    playwright.expect(page.locator("[data-part=live]")).to_contain_text("The report is ready.")
    claim = page.locator("[data-part=outcome] .reading").inner_text()
    with page.expect_popup() as popup:
        link.click()
    report = popup.value
    report.wait_for_function("document.documentElement.dataset.drawn")
    assert report.locator("h1").inner_text() == claim.removesuffix(".")
    assert report.evaluate("origin") == "null"  # a sandbox: it cannot ask the explorer anything


def test_a_running_comparison_is_found_again_and_stopped_with_the_keyboard(page: Page) -> None:
    opened(page, "?set=digits")
    playwright.expect(page.get_by_role("button", name="Compare on this machine")).to_be_enabled()
    page.get_by_label("Repetitions").fill("20")
    page.get_by_label("Steps of training").fill("2000")
    page.get_by_role("button", name="Compare on this machine").focus()
    page.keyboard.press("Enter")
    playwright.expect(page.get_by_role("button", name="Stop")).to_be_focused()
    page.reload()
    stop = page.get_by_role("button", name="Stop")
    playwright.expect(stop).to_be_visible()
    stop.focus()
    page.keyboard.press("Enter")
    playwright.expect(page.locator("[data-part=outcome]")).to_contain_text("Stopped. Nothing was kept.")
    playwright.expect(page.get_by_role("button", name="Compare on this machine")).to_be_focused()


def test_everything_is_reached_by_keyboard(page: Page) -> None:
    opened(page)
    page.get_by_label("A set that comes along").focus()
    page.keyboard.type("diab")
    verdict = page.get_by_role("region", name="What the target asks for")
    playwright.expect(verdict).to_contain_text("The target asks for")
    reached = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("(e => e.id || e.dataset.part || e.textContent.slice(0, 30))(document.activeElement)")
        )
    order = [
        "file",
        "target",
        "What the columns hold",
        "The same in Python",
        "seeds",
        "steps",
        "harm",
        "wrong",
        "start",
    ]
    places = [reached.index(name) for name in (*order, "command")]
    assert places == sorted(places)
    radio = verdict.get_by_role("radio").first
    radio.focus()
    page.keyboard.press("ArrowDown")
    playwright.expect(
        verdict.get_by_role("radio").first
    ).to_be_focused()  # of the task that was chosen, now the first one
    assert "task=" in page.url


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("empty.csv", "", "empty.csv is empty"),
        ("archive.csv", "PK\x03\x04", "a ZIP archive or a spreadsheet"),
        ("twice.csv", "a,a\n1,2\n", "more than one column called 'a'"),
        ("notes.txt", "a,b\n1,2\n", "ends in .txt, expected .csv, .tsv, .parquet"),
    ],
)
def test_a_bad_file_is_told_in_a_sentence(page: Page, tmp_path: Path, name: str, text: str, words: str) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    opened(page)
    page.get_by_label("Or a file of yours").set_input_files(path)
    playwright.expect(page.get_by_role("alert")).to_contain_text(words)
    playwright.expect(page.get_by_label("To be predicted")).to_be_disabled()
    page.get_by_label("A set that comes along").select_option("wine")
    playwright.expect(page.get_by_role("alert")).to_have_count(0)


def test_a_file_that_is_too_large_is_not_sent(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_text("a,b\n1,2\n" * 10, encoding="utf-8")
    opened(page)
    page.locator("#file").evaluate("e => { e.dataset.most = '16'; }")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    page.get_by_label("Or a file of yours").set_input_files(path)
    playwright.expect(page.get_by_role("alert")).to_contain_text("slopes compare FILE --target COLUMN")
    assert "POST" not in sent


def test_a_target_that_teaches_nothing_is_told(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "constant.csv"
    path.write_text("a,b\n" + "".join(f"same,{i}\n" for i in range(30)), encoding="utf-8")
    opened(page)
    page.get_by_label("Or a file of yours").set_input_files(path)
    page.get_by_label("To be predicted").select_option("a")
    playwright.expect(page.get_by_role("alert")).to_contain_text("are 'same', expected values that differ")


def test_a_task_tells_its_recipe(page: Page) -> None:
    opened(page)
    task = page.locator("#yes-or-no-yes-is-rare")
    task.locator("summary").focus()
    page.keyboard.press("Enter")
    playwright.expect(task).to_contain_text("recipe = recipes.imbalanced(y)")
    playwright.expect(task).to_contain_text("1000 negatives to 5 positives")
    playwright.expect(task.get_by_role("link", name="focal", exact=True)).to_have_count(2)


def assert_accessible(page: Page) -> None:
    """Assert that axe finds nothing at either width and in either theme, and that nothing sticks out.

    axe looks at every rule once. The rules that colours or sizes can break are all that another theme or width can
    change, so these alone run again.
    """
    page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
    for i, (width, theme) in enumerate([(1280, "light"), (390, "dark"), (390, "light"), (1280, "dark")]):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 844})
        page.wait_for_timeout(200)  # transitions of colours have ended
        found = page.evaluate("rules => axe.run(rules.length ? { runOnly: rules } : {})", [] if i == 0 else VISUAL)
        assert [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]] == [], (width, theme)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (width, theme)


def test_axe_finds_nothing_while_a_question_is_open(page: Page, ratings: Path) -> None:
    opened(page)
    page.locator("#one-class-out-of-c summary").click()
    playwright.expect(page.locator("#one-class-out-of-c")).to_contain_text("Under cross-entropy the gradient")
    page.get_by_label("Or a file of yours").set_input_files(ratings)
    page.get_by_label("To be predicted").select_option("rating")
    playwright.expect(page.get_by_role("group", name="There are 5 different whole numbers")).to_be_visible()
    assert_accessible(page)


def test_axe_finds_nothing_when_it_is_answered(page: Page, ratings: Path) -> None:
    opened(page)
    page.get_by_label("Or a file of yours").set_input_files(ratings)
    page.get_by_label("To be predicted").select_option("rating")
    page.get_by_role("radio", name="Multiclass").click()
    playwright.expect(page.get_by_role("button", name="Compare on this machine")).to_be_visible()
    page.locator("[data-part=verdict] summary").click()
    assert_accessible(page)
