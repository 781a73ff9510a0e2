"""Negative log-likelihoods of a number: location, scale and shape as the network gives them."""

from __future__ import annotations

from typing import Final

from slopes._core.spec import Spec
from slopes.losses.distributions import bounded, location, several

SPECS: Final[tuple[Spec, ...]] = (*location.SPECS, *bounded.SPECS, *several.SPECS)
