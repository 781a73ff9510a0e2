"""The demonstrations, in the order of the tour, one to a folder.

A demonstration is a pure function from declared parameters to data and text. Its folder says what it shows (`page.py`),
how that is drawn (`charts.py`) and what the numbers are (`demo.py`, with `build(context)`).
"""

from __future__ import annotations

from typing import Final

from slopes.explorer.demos.activations.page import PAGE as ACTIVATIONS
from slopes.explorer.demos.binary_losses.page import PAGE as BINARY_LOSSES
from slopes.explorer.demos.confidence.page import PAGE as CONFIDENCE
from slopes.explorer.demos.contrastive_forces.page import PAGE as CONTRASTIVE_FORCES
from slopes.explorer.demos.cross_entropy.page import PAGE as CROSS_ENTROPY
from slopes.explorer.demos.depth.page import PAGE as DEPTH
from slopes.explorer.demos.focal.page import PAGE as FOCAL
from slopes.explorer.demos.info_nce.page import PAGE as INFO_NCE
from slopes.explorer.demos.kl.page import PAGE as KL
from slopes.explorer.demos.landscape.page import PAGE as LANDSCAPE
from slopes.explorer.demos.line_fit.page import PAGE as LINE_FIT
from slopes.explorer.demos.pairing.page import PAGE as PAIRING
from slopes.explorer.demos.preference.page import PAGE as PREFERENCE
from slopes.explorer.demos.regression_losses.page import PAGE as REGRESSION_LOSSES
from slopes.explorer.demos.softmax_temperature.page import PAGE as SOFTMAX_TEMPERATURE
from slopes.explorer.demos.worked_examples.page import PAGE as WORKED_EXAMPLES
from slopes.explorer.schema import Page

PAGES: Final[tuple[Page, ...]] = (
    ACTIVATIONS,
    DEPTH,
    SOFTMAX_TEMPERATURE,
    REGRESSION_LOSSES,
    LINE_FIT,
    CROSS_ENTROPY,
    CONFIDENCE,
    LANDSCAPE,
    PAIRING,
    KL,
    BINARY_LOSSES,
    FOCAL,
    CONTRASTIVE_FORCES,
    INFO_NCE,
    PREFERENCE,
    WORKED_EXAMPLES,
)
BY_ID: Final = {page.id: page for page in PAGES}
