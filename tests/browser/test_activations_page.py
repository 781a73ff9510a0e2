"""The real page in Chromium: what it shows is what the library computes, by mouse, by keyboard, by link."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import axe_core_python
import pytest
import torch
from tests.later import Later

import slopes
from slopes import activations
from slopes.explorer.figures.wording import number

if TYPE_CHECKING:
    from playwright.sync_api import Page

playwright = Later("playwright.sync_api")

pytestmark = pytest.mark.browser

AXE = Path(axe_core_python.__file__).parent / "axe.min.js"
LINES = ".role-mark.mark-line path, .mark-line.role-mark path"


def visit(page: Page, query: str = "") -> None:
    page.goto(f"/activations{query}")
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    playwright.expect(page.locator("[data-chart=slope] .mark-line path").first).to_be_attached()


def shown(page: Page) -> dict[str, list[str]]:
    """The readings on the screen, by line."""
    rows = page.locator("[data-part=readings] tbody tr").all()
    return {row.locator("th").inner_text().strip(): row.locator("td").all_inner_texts() for row in rows}


def computed(name: str, at: float, **options: Any) -> list[str]:  # noqa: ANN401  options of any function
    """Value and slope by the library, as the page would write them."""
    x = torch.tensor(at, dtype=torch.float64, requires_grad=True)
    with slopes.exact():
        value = getattr(activations, name)(x, **options)
        (slope,) = torch.autograd.grad(value, x)
    return [number(value.item(), 6), number(slope.item(), 6)]


def state(page: Page) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(page.url).query).items()}


def wait_for_state(page: Page, **wanted: str) -> None:
    for name, value in wanted.items():
        page.wait_for_function(
            "([name, value]) => new URLSearchParams(location.search).get(name) === value", arg=[name, value]
        )


def violations(page: Page) -> list[str]:
    page.wait_for_timeout(200)  # transitions of colours have ended
    page.evaluate(AXE.read_text(encoding="utf-8") + "; null")
    found = page.evaluate("() => axe.run({ resultTypes: ['violations'] })")  # what passes is not written down
    return [f"{v['id']}: {v['nodes'][0]['html'][:200]}" for v in found["violations"]]


def test_the_numbers_on_the_screen_are_the_library_s(page: Page) -> None:
    visit(page, "?functions=sigmoid,gelu,swish,gelu.tanh&at=-1.75&swish.beta=2.5")
    rows = shown(page)
    assert rows["Sigmoid"][:2] == computed("sigmoid", -1.75)
    assert rows["GELU"][:2] == computed("gelu", -1.75)
    assert rows["Swish"][:2] == computed("swish", -1.75, beta=2.5)
    assert rows["GELU (tanh)"][:2] == computed("gelu", -1.75, approximate="tanh")


def test_the_drawn_line_passes_through_the_library_s_values(page: Page) -> None:
    visit(page, "?functions=tanh&at=1")
    # One line per chart, from x = -6 to 6; its path is in pixels, the zero lines give the scale.
    for chart, at_three in (("value", 0.9950547536867305), ("slope", 0.009866037165440193)):
        path = page.locator(f"[data-chart={chart}] .mark-line path").get_attribute("d")
        assert path is not None
        points = [tuple(map(float, point.split(","))) for point in path.lstrip("M").split("L")]
        width, height = points[-1][0], max(y for _, y in points)
        assert len(points) == 241
        x, y = points[180]  # x = 3
        assert x == pytest.approx(0.75 * width, abs=0.01)
        ends = page.evaluate("chart => fetch('/api/activations?functions=tanh&at=1').then(r => r.json()).then(r => [r.signals[chart + '_low'], r.signals[chart + '_high']])", chart)  # noqa: E501  # fmt: skip
        plot = page.locator(f"[data-chart={chart}] .role-frame .background").first.bounding_box()
        assert plot is not None
        expected = (ends[1] - at_three) / (ends[1] - ends[0]) * plot["height"]
        assert y == pytest.approx(expected, abs=1.0)
        assert height <= plot["height"] + 1


def test_dragging_a_slider_moves_numbers_line_and_address(page: Page) -> None:
    visit(page, "?functions=swish&at=-1")
    before = page.locator("[data-chart=value] .mark-line path").get_attribute("d")
    slider = page.get_by_role("slider", name="Swish: beta")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.1, box["y"] + box["height"] / 2)
    page.mouse.down()
    for step in range(1, 9):
        page.mouse.move(box["x"] + box["width"] * 0.1 * step, box["y"] + box["height"] / 2)
    page.mouse.up()
    beta = float(slider.input_value())
    assert 7 < beta < 9
    wait_for_state(page, **{"swish.beta": f"{beta:g}"})
    playwright.expect(page.locator("[data-part=readings] tbody td").first).to_have_text(
        computed("swish", -1, beta=beta)[0]
    )
    assert page.locator("[data-chart=value] .mark-line path").get_attribute("d") != before
    assert f"{beta:g}" in page.locator("[data-part=formulas]").inner_text()


def test_hovering_reads_and_pressing_sets(page: Page) -> None:
    visit(page, "?functions=relu&at=1")
    plot = page.locator("[data-chart=value] .role-frame .background").first.bounding_box()
    assert plot is not None
    address, read = page.url, page.locator("[data-part=reading]").inner_text()
    page.mouse.move(plot["x"] + plot["width"] * 0.75, plot["y"] + 50)
    playwright.expect(page.locator("[data-part=reading]")).not_to_have_text(read)
    page.mouse.move(plot["x"] - 200, plot["y"] - 200)
    playwright.expect(page.locator("[data-part=reading]")).to_have_text(read)
    page.wait_for_timeout(300)  # the address follows a change after 200 ms
    assert page.url == address
    page.mouse.click(plot["x"] + plot["width"] * 0.75, plot["y"] + 50)
    page.mouse.move(plot["x"] - 200, plot["y"] - 200)
    page.wait_for_url(re.compile(r"at=3(&|$)"))
    page.get_by_role("button", name="Reset").click()
    page.wait_for_url(re.compile(r"/activations$"))
    playwright.expect(page.get_by_role("button", name="Reset")).to_be_hidden()


def test_the_crosshair_follows_the_pointer_on_both_charts(page: Page) -> None:
    visit(page, "?functions=sigmoid,relu")
    for chart in ("value", "slope"):
        plot = page.locator(f"[data-chart={chart}] .role-frame .background").first.bounding_box()
        assert plot is not None
        page.mouse.click(plot["x"] + plot["width"] * (0.25 if chart == "value" else 0.75), plot["y"] + 50)
        at = -3 if chart == "value" else 3
        page.wait_for_function("at => Math.abs(new URLSearchParams(location.search).get('at') - at) < 0.05", arg=at)
        exact = float(state(page)["at"])
        playwright.expect(page.locator("[data-part=readings] caption")).to_have_text(f"At x = {number(exact, 6)}")
        assert shown(page)["Sigmoid"][:2] == computed("sigmoid", exact)
        rules = [
            page.locator(f"[data-chart={c}] .mark-rule line[stroke-dasharray]").bounding_box()
            for c in ("value", "slope")
        ]
        plots = [
            page.locator(f"[data-chart={c}] .role-frame .background").first.bounding_box() for c in ("value", "slope")
        ]
        offsets = [rule["x"] - plot["x"] for rule, plot in zip(rules, plots, strict=True) if rule and plot]
        assert offsets[0] == pytest.approx(offsets[1], abs=1)


def test_the_keyboard_reaches_and_moves_everything(page: Page) -> None:
    visit(page, "?functions=relu,sigmoid,tanh,gelu")
    page.get_by_role("slider", name="Read at").focus()
    page.keyboard.press("ArrowRight")
    wait_for_state(page, at="-1.99")
    playwright.expect(page.locator("[data-part=readings]")).to_contain_text(computed("sigmoid", -1.99)[0])
    assert shown(page)["Sigmoid"][:2] == computed("sigmoid", -1.99)
    page.get_by_role("checkbox", name="Mish").focus()
    page.keyboard.press("Space")
    wait_for_state(page, functions="relu,sigmoid,tanh,gelu,mish")
    playwright.expect(page.locator("[data-part=readings]")).to_contain_text("Mish")
    page.get_by_role("button", name="Saturation").focus()
    page.keyboard.press("Enter")
    wait_for_state(page, at="10")
    playwright.expect(page.get_by_role("button", name="Saturation")).to_have_attribute("aria-pressed", "true")
    reached = set()
    page.locator("body").press("Home")
    for _ in range(120):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.tagName + ' ' + (document.activeElement.type ?? '')"))
    assert {"INPUT range", "INPUT number", "INPUT checkbox", "INPUT search", "BUTTON button", "SUMMARY "} <= reached


def test_number_fields_take_what_sliders_cannot(page: Page) -> None:
    visit(page, "?functions=softplus")
    page.get_by_role("spinbutton", name="Read at, as a number").fill("-37.123")
    wait_for_state(page, at="-37.123")
    playwright.expect(page.locator("[data-part=readings] tbody td").first).to_have_text(
        computed("softplus", -37.123)[0]
    )
    page.get_by_role("spinbutton", name="Read at, as a number").fill("500")  # outside its range: nothing moves
    page.wait_for_timeout(300)
    assert state(page)["at"] == "-37.123"


def test_a_link_restores_the_whole_state(page: Page) -> None:
    visit(page, "?functions=swish,relu&at=-0.5&swish.beta=5&from=-3&to=4&show=difference")
    assert page.get_by_role("slider", name="Swish: beta").input_value() == "5"
    assert page.get_by_role("checkbox", name="ReLU", exact=True).is_checked()
    assert not page.get_by_role("checkbox", name="Sigmoid", exact=True).is_checked()
    assert "less the first's" in page.locator("[data-part=readings]").inner_text()
    page.get_by_text("More controls").click()
    assert page.get_by_role("combobox", name="Show").input_value() == "difference"
    assert page.get_by_role("spinbutton", name="x from, as a number").input_value() == "-3"
    address = page.url
    page.reload()
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    assert page.url == address


def test_a_bad_link_says_what_is_wrong_with_it(page: Page) -> None:
    page.goto("/activations?at=500")
    playwright.expect(page.get_by_role("alert")).to_contain_text("at must lie between -100 and 100; it was 500.")


def test_a_function_of_one_s_own_stands_beside_the_others(page: Page) -> None:
    visit(page, "?functions=yours,relu&at=1.5")
    rows = shown(page)
    assert rows["my_activation"][:2] == ["1.5", "1"]
    playwright.expect(page.locator(".measured thead")).to_contain_text("my_activation")
    assert "my_activation" in (page.locator("[data-chart=value] svg").text_content() or "")


def test_the_picker_finds_by_alias(page: Page) -> None:
    visit(page)
    page.get_by_role("searchbox").fill("silu")
    labels = page.locator(".picker label.option:visible").all_inner_texts()
    assert [label.strip() for label in labels] == ["Swish", "Hard-swish"]


def test_the_landing_page_finds_by_alias_and_leads_on(page: Page) -> None:
    page.goto("/")
    playwright.expect(page.locator(".tile svg").first).to_be_visible()
    page.get_by_role("searchbox", name="Find a function").fill("SiLU")
    playwright.expect(page.locator(".tile:visible .name").first).to_have_text("Swish")
    playwright.expect(page.locator(".tile:visible", has_text="Mish")).to_have_count(0)
    page.keyboard.press("Enter")
    page.wait_for_url("**/functions/swish")
    playwright.expect(page.get_by_role("heading", level=1)).to_have_text("Swish")
    page.get_by_role("link", name="Draw it").click()
    page.wait_for_url("**/activations?functions=swish")


def test_the_live_region_says_the_reading_once_it_rests(page: Page) -> None:
    visit(page, "?functions=relu&at=1")
    page.get_by_role("spinbutton", name="Read at, as a number").fill("-1")
    playwright.expect(page.locator("[data-part=live]")).to_contain_text("At x = −1, ReLU has a slope of exactly 0")
    playwright.expect(page.locator("[data-part=reading]")).to_contain_text("At x = −1, ReLU has a slope of exactly 0")


def test_the_data_of_the_charts_is_a_table(page: Page) -> None:
    visit(page, "?functions=sigmoid")
    page.get_by_text("Data of the charts").click()
    rows = page.get_by_role("region", name="Data of the charts").locator("tbody tr")
    playwright.expect(rows.nth(30)).to_be_visible()
    assert rows.first.locator("th").inner_text() == "−6"
    assert rows.first.locator("td").all_inner_texts() == computed("sigmoid", -6.0)


def test_the_theme_is_kept(page: Page) -> None:
    visit(page)
    page.get_by_role("button", name="Dark").click()
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(20, 22, 26)"
    page.reload()
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    playwright.expect(page.locator("[data-chart=value] svg")).to_have_css("background-color", "rgb(20, 22, 26)")


@pytest.mark.parametrize(
    "path", ["/", "/activations", "/activations?functions=yours,selu,prelu,elu,swish&show=difference"]
)
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows_and_nothing_shifts(page: Page, path: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.add_init_script(
        "window.shift = 0; new PerformanceObserver(l => { for (const e of l.getEntries()) "
        "if (!e.hadRecentInput) window.shift += e.value; }).observe({ type: 'layout-shift', buffered: true });"
    )
    page.goto(path)
    playwright.expect(page.locator(".figure.ready, .tile svg").first).to_be_visible()
    page.wait_for_timeout(500)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("window.shift") < 0.02


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/", "/activations", "/nowhere"])
def test_axe_finds_nothing(page: Page, path: str, theme: Any) -> None:  # noqa: ANN401
    page.emulate_media(color_scheme=theme)
    page.goto(path)
    if path != "/nowhere":
        playwright.expect(page.locator(".figure.ready, .tile svg").first).to_be_visible()
        page.evaluate("document.querySelectorAll('details').forEach(fold => (fold.open = true))")
    assert violations(page) == []


def test_reduced_motion_moves_nothing(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")
    visit(page)
    assert page.evaluate("getComputedStyle(document.querySelector('.presets button')).transitionDuration") in {
        "0s",
        "0s, 0s",
    }
