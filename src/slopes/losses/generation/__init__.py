"""Losses of models that generate: by noise and flow, by two players, by codes."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec

SPECS: Final[tuple[Spec, ...]] = ()
