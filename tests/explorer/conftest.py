from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, settings

from slopes.explorer import explore
from slopes.explorer.figures.figure import Figure
from slopes.explorer.site.loading import Loaded, load


def pytest_configure(config: pytest.Config) -> None:
    """Ask for more examples where the long tests are asked for."""
    often = {"deadline": None, "derandomize": True, "suppress_health_check": list(HealthCheck)}
    settings.register_profile("brief", max_examples=25, **often)
    settings.register_profile("long", max_examples=200, **often)
    settings.load_profile("long" if re.search(r"\blong or\b|^long\b", config.option.markexpr) else "brief")


@pytest.fixture(scope="session")
def loaded() -> Loaded:
    return load()


@pytest.fixture(scope="session")
def figure(loaded: Loaded) -> Figure:
    return loaded.figures["activations"]


@pytest.fixture(scope="session")
def client() -> Iterator[httpx.Client]:
    explorer = explore(open_browser=False)
    with httpx.Client(base_url=explorer.url, timeout=60) as client:
        yield client
    explorer.stop()
