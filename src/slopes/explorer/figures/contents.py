"""The figures, in an order that tells the story, one to a folder.

A figure is a pure function from declared parameters to data and text. Its folder says what it shows (`page.py`),
how that is drawn (`charts.py`) and what the numbers are (`figure.py`, with `build(context)`).
"""

from __future__ import annotations

from typing import Final

from slopes.explorer.figures.activations.page import PAGE as ACTIVATIONS
from slopes.explorer.figures.binary_losses.page import PAGE as BINARY_LOSSES
from slopes.explorer.figures.calibration.page import PAGE as CALIBRATION
from slopes.explorer.figures.confidence.page import PAGE as CONFIDENCE
from slopes.explorer.figures.contrastive_forces.page import PAGE as CONTRASTIVE_FORCES
from slopes.explorer.figures.cross_entropy.page import PAGE as CROSS_ENTROPY
from slopes.explorer.figures.depth.page import PAGE as DEPTH
from slopes.explorer.figures.focal.page import PAGE as FOCAL
from slopes.explorer.figures.gates.page import PAGE as GATES
from slopes.explorer.figures.info_nce.page import PAGE as INFO_NCE
from slopes.explorer.figures.kl.page import PAGE as KL
from slopes.explorer.figures.landscape.page import PAGE as LANDSCAPE
from slopes.explorer.figures.layers.page import PAGE as LAYERS
from slopes.explorer.figures.line_fit.page import PAGE as LINE_FIT
from slopes.explorer.figures.line_up.page import PAGE as LINE_UP
from slopes.explorer.figures.noise.page import PAGE as NOISE
from slopes.explorer.figures.one_weight.page import PAGE as ONE_WEIGHT
from slopes.explorer.figures.page import Page
from slopes.explorer.figures.pairing.page import PAGE as PAIRING
from slopes.explorer.figures.ppo_clip.page import PAGE as PPO_CLIP
from slopes.explorer.figures.preference.page import PAGE as PREFERENCE
from slopes.explorer.figures.regression_losses.page import PAGE as REGRESSION_LOSSES
from slopes.explorer.figures.softmax_temperature.page import PAGE as SOFTMAX_TEMPERATURE
from slopes.explorer.figures.tokens.page import PAGE as TOKENS
from slopes.explorer.figures.two_players.page import PAGE as TWO_PLAYERS
from slopes.explorer.figures.worked_examples.page import PAGE as WORKED_EXAMPLES

PAGES: Final[tuple[Page, ...]] = (
    ONE_WEIGHT,
    LAYERS,
    ACTIVATIONS,
    DEPTH,
    GATES,
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
    CALIBRATION,
    CONTRASTIVE_FORCES,
    INFO_NCE,
    LINE_UP,
    TOKENS,
    PREFERENCE,
    PPO_CLIP,
    NOISE,
    TWO_PLAYERS,
    WORKED_EXAMPLES,
)
BY_ID: Final = {page.id: page for page in PAGES}
