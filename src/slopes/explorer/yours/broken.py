"""What went wrong in a function of the visitor's, with the frames that the visitor can act on."""

from __future__ import annotations

import sys
import threading
import traceback
from pathlib import Path
from typing import Final

from slopes._core.errors import UserFunctionError

# The rooms that call the function and draw it: their frames are not what the user can act on.
_OURS: Final = tuple(str(Path(__file__).parents[2] / room) for room in ("explorer", "shown"))


class BrokenFunctionError(UserFunctionError):
    """A function of the user's that could not be drawn, with the traceback of its own frames."""

    def __init__(self, text: str, shown: str = "") -> None:
        super().__init__(text)
        self.traceback = shown


def own_frames(error: BaseException) -> str:
    """The traceback from the first frame outside this package on: what the user can act on."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if not f.filename.startswith((*_OURS, "<frozen importlib"))]
    body = traceback.format_list(own)
    return "".join(["Traceback (most recent call last):\n", *body, *traceback.format_exception_only(error)])


def stack_of(thread: threading.Thread) -> str:
    """Return where a thread is, in frames of the visitor's."""
    frame = sys._current_frames().get(thread.ident or 0)  # noqa: SLF001  the documented way to see another thread
    if frame is None:
        return ""
    own = [f for f in traceback.extract_stack(frame) if not f.filename.startswith(_OURS)]
    own = [f for f in own if not f.filename.endswith("threading.py")]
    return "".join(["Where it was when it was stopped:\n", *traceback.format_list(own)])
