"""What needs torch, brought in while the pages are already served: the catalogue, the figures, the plates."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slopes.explorer.atlas.cards import Card
    from slopes.explorer.figures.cost import Costs
    from slopes.explorer.figures.figure import Figure


@dataclass
class Loaded:
    """What there is once torch is imported."""

    figures: dict[str, Figure]
    costs: Costs
    make_plates: Callable[[], str]
    make_tables: Callable[[], str]
    card: Callable[[str], Card | None]
    yours: str
    lasting: bool  # whether a state is always answered in the same way, which a visitor's function need not

    def plates(self) -> str:
        """Return the landing page's plates, drawn once."""
        return self._plates

    def tables(self) -> str:
        """Return the reference tables of all functions, made once."""
        return self._tables

    @cached_property
    def _plates(self) -> str:
        return self.make_plates()

    @cached_property
    def _tables(self) -> str:
        return self.make_tables()


class Loading:
    """A thread that imports torch and builds the figures.

    Args:
        functions: The visitor's own: where one is, as typed on the command line, or itself, as Python hands it over.
        alone: Whether the process is the explorer's own.
    """

    def __init__(self, functions: Sequence[str | Callable[..., Any]] = (), *, alone: bool = False) -> None:
        self._functions = functions
        self._alone = alone
        self._done = threading.Event()
        self._loaded: Loaded | None = None
        self._error: Exception | None = None

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, daemon=True, name="slopes: load").start()

    def now(self) -> Loaded | None:
        """Return what there is, or None while there is nothing."""
        return self._loaded

    def wait(self) -> Loaded:
        """Return what there is, as soon as there is something."""
        self._done.wait()
        if self._loaded is None:
            text = "the library could not be loaded"
            raise RuntimeError(text) from self._error
        return self._loaded

    def _run(self) -> None:
        try:
            self._loaded = load(self._functions)
            if self._alone:
                gc.freeze()  # what is there now stays; looking through it again and again would slow every answer
        except Exception as error:  # noqa: BLE001  every request that waits is told
            self._error = error
        finally:
            self._done.set()


def load(functions: Sequence[str | Callable[..., Any]] = ()) -> Loaded:
    """Import torch and the library, and build everything that is shown."""
    import torch  # noqa: PLC0415  here begins what needs torch

    from slopes.catalog import CATALOG  # noqa: PLC0415
    from slopes.explorer.atlas import cards  # noqa: PLC0415
    from slopes.explorer.atlas.plates import plates  # noqa: PLC0415
    from slopes.explorer.figures.activations.entries import entries  # noqa: PLC0415
    from slopes.explorer.figures.build import built  # noqa: PLC0415
    from slopes.explorer.figures.contents import PAGES  # noqa: PLC0415
    from slopes.explorer.figures.context import Context  # noqa: PLC0415
    from slopes.explorer.figures.cost import Costs, Step, forward_and_backward  # noqa: PLC0415
    from slopes.explorer.yours.own import owned  # noqa: PLC0415

    torch.set_num_threads(1)  # holds for this thread; a few thousand numbers are slower on more
    own = owned(functions)
    if own.broken is not None:  # its page says it too; here it is for whoever watches the terminal
        sys.stderr.write(f"slopes explorer: {own.broken}\n")
    by_name = {entry.name: entry for entry in entries(CATALOG, own.activation, own.activation_from)}
    steps: dict[str, Step] = {
        name: entry.guarded or forward_and_backward(entry.function()) for name, entry in by_name.items()
    }
    context = Context(catalog=CATALOG, costs=Costs(steps["relu"], steps), **vars(own))
    figures = {page.id: built(page, context) for page in PAGES}
    if not functions:
        first = figures["activations"]
        first.compute(first.default())  # the first of everything is slow; nobody should wait for it
    return Loaded(
        figures=figures,
        costs=context.costs,
        make_plates=partial(plates, CATALOG),
        make_tables=partial(cards.tables, CATALOG),
        card=cards.card,
        yours="regression-losses" if own.loss and not own.activation else "activations",
        lasting=not functions,
    )
