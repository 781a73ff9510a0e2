"""Two controls that say the same in two units: the one that is hidden follows the one that is moved."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

import pytest
from tests.later import Later

if TYPE_CHECKING:
    from playwright.sync_api import Page

playwright = Later("playwright.sync_api")

pytestmark = pytest.mark.browser


def test_the_logit_follows_the_probability_and_the_cursor_follows_the_axis(page: Page) -> None:
    page.goto("/cross-entropy")
    playwright.expect(page.locator(".figure.ready")).to_be_visible()
    field = page.get_by_label("Probability of y = 1, as a number")
    field.fill("0.2")
    playwright.expect(page.locator("[data-part=reading]")).to_contain_text("With 20 %")
    page.get_by_label("Over", exact=True).select_option("logit")
    logit = page.get_by_label("Logit of y = 1, as a number")
    playwright.expect(logit).to_have_value(str(round(-math.log(4), 3)))
    playwright.expect(field).to_be_hidden()
    playwright.expect(page.locator(".plate svg").first).to_contain_text("the logit")  # the axis is drawn, too
    frame = page.locator(".plate .role-frame .background").first
    box = frame.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 40)  # z = 4 of -8 to 8
    playwright.expect(page.locator("[data-part=reading]")).to_contain_text(re.compile(r"With a logit of (3\.9|4)"))
    playwright.expect(field).to_have_value(re.compile(r"0\.98"))  # what belongs to it comes with the answer
    page.get_by_label("Over", exact=True).select_option("probability")
    assert float(field.input_value()) == pytest.approx(1 / (1 + math.exp(-4)), abs=0.003)
