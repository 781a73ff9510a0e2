"""Starting and stopping the explorer, from the command line and from Python."""

from __future__ import annotations

import contextlib
import signal
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, Self

from slopes._core.errors import MissingDependencyError, OptionError, UserFunctionError
from slopes.explorer.site.loading import Loading
from slopes.explorer.site.runtime import VegaRuntime
from slopes.explorer.yours.reference import check_reference

if TYPE_CHECKING:
    import uvicorn

HOST: Final = "127.0.0.1"
_TERMINATED: Final = 128 + signal.SIGTERM  # what a shell makes of it


class Explorer:
    """A running explorer.

    Attributes:
        url: Where it is.
    """

    def __init__(self, server: uvicorn.Server, listener: socket.socket) -> None:
        self._server = server
        self._listener = listener
        self._thread: threading.Thread | None = None
        self.url = f"http://{HOST}:{listener.getsockname()[1]}"

    def run(self) -> None:
        """Serve until stopped."""
        try:
            self._server.run(sockets=[self._listener])
        finally:
            self._listener.close()

    def start(self) -> Self:
        """Serve on a thread of its own."""
        self._thread = threading.Thread(target=self.run, daemon=True, name="slopes: explorer")
        self._thread.start()
        return self

    def wait(self) -> None:
        """Return when it has ended, or has been interrupted."""
        if self._thread:
            try:
                self._thread.join()
            except KeyboardInterrupt:
                self.stop()

    def stop(self) -> None:
        """End it."""
        self._server.should_exit = True
        if self._thread:
            self._thread.join(5)

    def _repr_html_(self) -> str:
        return f'<a href="{self.url}">{self.url}</a>'


def serve(port: int = 8000, *, open_browser: bool = True, functions: Sequence[str] = (), start: str = "") -> None:
    """Serve the explorer on this machine until it is interrupted.

    Args:
        port: Where; 0 takes a free one.
        open_browser: Whether to open the page.
        functions: Functions of one's own to draw, as `path/to/file.py:name` or `module:name`: an activation of one
            tensor, a loss of predictions and targets, or one of each.
        start: The page that is opened, where there are no functions.

    Raises:
        OptionError: The port is taken.
        UserFunctionError: One of `functions` does not say where a function is.
    """
    explorer = _explorer(port, functions, alone=True)
    start = "yours" if functions else start
    page = f"{explorer.url}/{start}" if start else explorer.url
    sys.stdout.write(f"slopes explorer: {page} (Ctrl+C ends it)\n")
    sys.stdout.flush()
    if open_browser:
        threading.Timer(0.2, webbrowser.open, [page]).start()
    # The server hands a signal on once it has shut down; by default this one would leave the visitor's files behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(_TERMINATED))
    with contextlib.suppress(KeyboardInterrupt):
        explorer.run()


def explore(*functions: Callable[..., Any], port: int = 0, open_browser: bool = True) -> Explorer:
    """Return a running explorer that draws functions of one's own beside the library's.

    Args:
        functions: An elementwise activation of one tensor, a loss of predictions and targets that gives one value for
            each, or one of each; slopes come from autograd.
        port: Where; 0 takes a free one.
        open_browser: Whether to open the page.

    Returns:
        The explorer, which serves on a thread: `.url` says where it is, `.wait()` serves until interrupted, `.stop()`
        ends it. It ends with the process.

    Raises:
        OptionError: The port is taken.
        UserFunctionError: One of `functions` cannot be called.
    """
    for function in functions:
        if not callable(function):
            kind = type(function).__name__
            text = f"explore: a function is of type {kind}, expected a callable; pass the function itself."
            raise UserFunctionError(text)
    explorer = _explorer(port, functions).start()
    if open_browser:
        webbrowser.open(f"{explorer.url}/yours" if functions else explorer.url)
    return explorer


def _explorer(port: int, functions: Sequence[str | Callable[..., Any]], *, alone: bool = False) -> Explorer:
    for function in functions:
        if isinstance(function, str):
            check_reference(function)
    listener = _listen(port)
    vega, loading = VegaRuntime(), Loading(functions, alone=alone)
    vega.start()  # takes longest, so it begins first

    try:
        import uvicorn  # noqa: PLC0415  while the other process bundles

        from slopes.explorer.site.application import Server  # noqa: PLC0415
    except ImportError as error:
        listener.close()
        text = (
            f"explore: needs {error.name}, not installed; the `explorer` extra has it: pip install 'slopes[explorer]'."
        )
        raise MissingDependencyError(text) from error

    app = Server(loading, vega).app()
    config = uvicorn.Config(app, log_level="warning", lifespan="off", server_header=False)
    loading.start()
    return Explorer(uvicorn.Server(config), listener)


def _listen(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen(128)  # from now on a browser waits for us, and is not turned away
    except (OSError, OverflowError) as error:
        listener.close()
        text = f"explore: port {port} cannot be used ({error}); choose another, or 0 for a free one."
        raise OptionError(text) from None
    return listener
