from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.later import Later

from slopes.explorer import Explorer, explore
from slopes.explorer.yours.reference import load

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

playwright_api = Later("playwright.sync_api")

EXAMPLE = Path(__file__).parents[2] / "examples" / "my_activation.py"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        missing = "no chromium in PATH: `apt-get install chromium`, or your system's package of it"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    with playwright_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def explorer() -> Iterator[Explorer]:
    explorer = explore(load(f"{EXAMPLE}:my_activation"), open_browser=False)
    yield explorer
    explorer.stop()


def is_wrong(said: ConsoleMessage) -> bool:
    """Whether the console complains of something else than a 4xx, which some tests ask for."""
    return said.type in {"error", "warning"} and "Failed to load resource" not in said.text


@pytest.fixture
def context(chromium: Browser, explorer: Explorer) -> Iterator[BrowserContext]:
    """A window that fails its test on any error, refused policy, or request that leaves the machine."""
    context = chromium.new_context(base_url=explorer.url, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(20_000)
    playwright_api.expect.set_options(timeout=20_000)  # a loaded machine draws late, and that is not what is tested
    wrong: list[str] = []
    context.on("request", lambda request: request.url.startswith((explorer.url, "data:")) or wrong.append(request.url))
    context.on("console", lambda said: wrong.append(said.text) if is_wrong(said) else None)
    context.on("weberror", lambda error: wrong.append(str(error.error)))
    yield context
    context.close()
    assert wrong == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
