from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from slopes.explorer import explore
from slopes.explorer.loading import Loaded, load
from slopes.explorer.schema import Demo


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return load()


@pytest.fixture(scope="session")
def demo(loaded: Loaded) -> Demo:
    return loaded.demos["activations"]


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    explorer = explore(open_browser=False)
    with httpx.Client(base_url=explorer.url, timeout=60) as client:
        yield client
    explorer.stop()
