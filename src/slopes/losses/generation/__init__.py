"""Losses of models that generate: by noise and flow, by two players, by codes."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.generation import codes, flow, noise, players

SPECS: Final[tuple[Spec, ...]] = (*noise.SPECS, *flow.SPECS, *players.SPECS, *codes.SPECS)
