"""What needs torch, brought in while the pages are already served: the catalogue, the demonstrations, the plates."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from slopes.explorer.cost import Costs
    from slopes.explorer.schema import Demo


@dataclass
class Loaded:
    """What there is once torch is imported."""

    demos: dict[str, Demo]
    costs: Costs
    make_plates: Callable[[], str]

    def plates(self) -> str:
        """Return the landing page's plates, drawn once."""
        return self._plates

    @cached_property
    def _plates(self) -> str:
        return self.make_plates()


class Loading:
    """A thread that imports torch and builds the demonstrations.

    Args:
        reference: Where the visitor's own function is, as typed on the command line.
        function: The function itself, where Python handed it over.
    """

    def __init__(self, reference: str | None = None, function: Callable[..., Any] | None = None) -> None:
        self._reference = reference
        self._function = function
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
            self._loaded = load(self._reference, self._function)
        except Exception as error:  # noqa: BLE001  every request that waits is told
            self._error = error
        finally:
            self._done.set()


def load(reference: str | None = None, function: Callable[..., Any] | None = None) -> Loaded:
    """Import torch and the library, and build everything that is shown."""
    import torch  # noqa: PLC0415  here begins what needs torch

    from slopes.catalog import CATALOG  # noqa: PLC0415
    from slopes.explorer import user  # noqa: PLC0415
    from slopes.explorer.cost import Costs, Step, forward_and_backward  # noqa: PLC0415
    from slopes.explorer.demos import activations  # noqa: PLC0415
    from slopes.explorer.demos.activations_entries import entries  # noqa: PLC0415
    from slopes.explorer.plates import plates  # noqa: PLC0415

    torch.set_num_threads(1)  # holds for this thread; a few thousand numbers are slower on more
    yours, broken = None, None
    if reference or function:
        try:
            found = function or user.load(reference or "")
            name = (reference or "").rpartition(":")[2] or getattr(found, "__name__", "your function")
            yours = user.Guarded(found, name)
        except user.BrokenFunctionError as error:
            broken = error
    by_name = {entry.name: entry for entry in entries(CATALOG, yours, reference or "")}
    steps: dict[str, Step] = {
        name: entry.guarded or forward_and_backward(entry.function()) for name, entry in by_name.items()
    }
    costs = Costs(steps["relu"], steps)
    demo = activations.build(CATALOG, costs, yours=yours, reference=reference or "", broken=broken)
    if yours is None:
        demo.compute(demo.default())  # the first of everything is slow; nobody should wait for it
    return Loaded(demos={demo.id: demo}, costs=costs, make_plates=partial(plates, CATALOG))


def check_reference(reference: str) -> None:
    """Refuse what cannot be a reference to a function, before anything is started.

    Raises:
        UserFunctionError: It is not of the form `path.py:name` or `module:name`, or the file is not there.
    """
    where, _, name = reference.rpartition(":")
    if where and name.isidentifier() and (not where.endswith(".py") or Path(where).is_file()):
        return
    from slopes.explorer.user import load as load_function  # noqa: PLC0415  only to say what is wrong

    load_function(reference)
