"""The browser's runtime out of an installed wheel: Vega from vl-convert.

Nothing is fetched and no third-party code lies in this repository. Bundling takes more than a second and holds the
interpreter, so that another process does it while this one serves.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
import threading
from typing import Final

_SNIPPET: Final = "window.vegaEmbed = vegaEmbed; window.vega = vega;"
_BUNDLE: Final = f"""
import sys, vl_convert
sys.stdout.buffer.write(vl_convert.javascript_bundle({_SNIPPET!r}).encode())
"""


class VegaRuntime:
    """Vega, Vega-Lite and Vega-Embed as one script, made once and kept compressed in memory."""

    def __init__(self) -> None:
        self._packed: bytes | None = None
        self._made = threading.Event()

    def start(self) -> None:
        """Begin to make the bundle, in another process."""
        threading.Thread(target=self._make, daemon=True, name="slopes: vega").start()

    def packed(self) -> bytes:
        """Return the gzipped script, waiting for it where need be."""
        self._made.wait()
        if self._packed is None:
            text = "the Vega runtime could not be made out of vl-convert"
            raise RuntimeError(text)
        return self._packed

    def _make(self) -> None:
        try:
            done = subprocess.run([sys.executable, "-c", _BUNDLE], capture_output=True, check=True)  # noqa: S603  ours
            self._packed = gzip.compress(done.stdout, 6, mtime=0)
        finally:
            self._made.set()
