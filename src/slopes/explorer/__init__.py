"""The explorer: every function drawn in the browser, every number computed by the library itself.

Importing this package does not import torch, so that `serve` can show its page before torch is there.
"""

from __future__ import annotations

from slopes.explorer.site.launch import Explorer, explore, serve

__all__ = ["Explorer", "explore", "serve"]
