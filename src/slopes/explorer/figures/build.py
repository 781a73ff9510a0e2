"""A figure made ready to compute, out of its folder and what it may use."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from slopes.catalog import CATALOG
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.cost import Costs
from slopes.explorer.figures.figure import Figure
from slopes.explorer.figures.page import Page


def built(page: Page, context: Context) -> Figure:
    """Return the figure of a page."""
    figure: Figure = import_module(f"{page.folder}.figure").build(context)
    return figure


@cache
def library_figure(page: Page) -> Figure:
    """Return the figure of a page with the library's own functions alone, for a notebook."""
    return built(page, Context(catalog=CATALOG, costs=Costs(lambda x: x, {})))
