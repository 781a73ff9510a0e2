"""The font of formulas: STIX Two Math out of the ziamath wheel, cut down to the characters that formulas have.

Whole it is 1.5 MB, cut 60 KB. Cutting takes a second, in a process of its own, and is done once for each version: what
came out stays in the user's cache, and where that cannot be written, in memory.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import subprocess
import sys
import threading
from importlib.metadata import version
from pathlib import Path
from typing import Final

from slopes._core.errors import MissingDependencyError

# Beside ASCII: signs, letters and accents that the formulas of cards, figures and chapters have, and some more.
_SIGNS: Final = (
    "\u00a0¬±·×÷―‖′″…⋯∂∇∈∉∑∏∫√∞−∓∣∥≠≈≡≤≥≪≫∝⊙⊕⋅∗∘←→↦⇒⟨⟩⌊⌋⌈⌉∼∧∨∩∪⊂⊤⧵\u0302\u0303\u0304\u0305\u20d7ˆ¯˜ϕϵϑℎℓℒℝ𝔼𝟙"
)
_RANGES: Final = (
    (0x20, 0x7E),
    (0x391, 0x3A1),  # Greek
    (0x3A3, 0x3C9),
    (0x1D434, 0x1D454),  # italics, which a browser takes for a letter that stands alone; ℎ is elsewhere
    (0x1D456, 0x1D467),
    (0x1D6FC, 0x1D715),
)
CHARACTERS: Final = frozenset(map(ord, _SIGNS)) | {c for low, high in _RANGES for c in range(low, high + 1)}
_CUT: Final = "import sys; from slopes.explorer.site.maths_font import cut; sys.stdout.buffer.write(cut())"


class MathsFont:
    """The font, made when a page first asks for it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or _cache()
        self._made: bytes | None = None
        self._making = threading.Lock()

    def woff2(self) -> bytes:
        """Return the font as WOFF2."""
        with self._making:
            if self._made is None:
                self._made = self._kept()
            return self._made

    def _kept(self) -> bytes:
        kept = self._folder / name()
        with contextlib.suppress(OSError):
            return kept.read_bytes()
        source()  # told here, and not by the other process
        made = subprocess.run([sys.executable, "-c", _CUT], capture_output=True, check=True).stdout  # noqa: S603  ours
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = kept.with_suffix(f".{os.getpid()}")
            beside.write_bytes(made)
            beside.replace(kept)
        return made


def name() -> str:
    """Return the font's name: other characters, or another version, are another one."""
    made_of = hash(tuple(sorted(CHARACTERS))) & 0xFFFFFF
    return f"stix-{version('ziamath')}-{made_of:06x}.woff2"


def source() -> Path:
    """Return where the whole font is."""
    found = {needed: importlib.util.find_spec(needed) for needed in ("ziamath", "fontTools", "brotli")}
    for needed, spec in found.items():
        if spec is None:
            text = (
                f"explore: needs {needed}, not installed; the `explorer` extra has it: pip install 'slopes[explorer]'."
            )
            raise MissingDependencyError(text)
    return Path(str(getattr(found["ziamath"], "origin", ""))).parent / "fonts" / "STIXTwoMath-Regular.ttf"


def cut() -> bytes:
    """Return the font with these characters, and with the tables that set formulas."""
    import io  # noqa: PLC0415  of the process that cuts

    from fontTools import subset  # noqa: PLC0415

    options = subset.Options(flavor="woff2", layout_features=["ssty", "dtls", "flac"], name_IDs=[], hinting=False)
    font = subset.load_font(str(source()), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=CHARACTERS)
    subsetter.subset(font)
    out = io.BytesIO()
    subset.save_font(font, out, options)
    return out.getvalue()


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slopes"
