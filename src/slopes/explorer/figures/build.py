"""A figure made ready to compute, out of its folder and what it may use."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from slopes.catalog import CATALOG
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.schema import Demo, Page


def built(page: Page, context: Context) -> Demo:
    """Return the figure of a page."""
    demo: Demo = import_module(f"{page.folder}.demo").build(context)
    return demo


@cache
def demonstration(page: Page) -> Demo:
    """Return the figure of a page with the library's own functions alone, for a notebook."""
    return built(page, Context(catalog=CATALOG, costs=Costs(lambda x: x, {})))
