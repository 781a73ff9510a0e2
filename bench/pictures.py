"""The pictures of the README, taken of the real pages in headless Chromium: `python -m bench.pictures`.

It writes `docs/pictures/*.png`, each page light and dark.
"""

from __future__ import annotations

import sys
from typing import Final, Literal

from bench import machine
from bench.explorer import chromium, serving

FOLDER: Final = machine.ROOT / "docs" / "pictures"
PAGES: Final = {"plates": "/", "cross-entropy": "/cross-entropy", "book": "/book/surprise"}
SCHEMES: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")
SETTLED: Final = 1500  # ms after the last request: transitions are off, fonts and charts are drawn


def main() -> int:
    """Take the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with serving() as base, chromium() as browser:
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": 1280, "height": 760}, color_scheme=scheme, reduced_motion="reduce"
            )
            page = context.new_page()
            for name, path in PAGES.items():
                page.goto(base + path, wait_until="networkidle")
                page.wait_for_timeout(SETTLED)
                page.screenshot(path=FOLDER / f"{name}-{scheme}.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
