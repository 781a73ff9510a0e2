"""The table of contents: every `Spec`, by hand. Laws, explorer and CLI read it."""

from __future__ import annotations

import difflib
from typing import Final

from slopes._core.errors import UnknownFunctionError
from slopes._core.spec import Spec
from slopes.activations import (
    bounded,
    clipped,
    curved,
    gated,
    normalized,
    rectified,
    sampled,
    saturating,
    shrinking,
    smooth,
    sparse,
)
from slopes.losses import (
    binary,
    boxes,
    categorical,
    classes,
    contrast,
    counts,
    distill,
    distributional,
    distributions,
    divergence,
    embedding,
    feedback,
    forecasts,
    generation,
    language,
    margin,
    masking,
    mining,
    ordinal,
    policy,
    preference,
    ranking,
    regression,
    robust,
    segmentation,
    sequence,
    survival,
    tokens,
    value,
)

CATALOG: Final[tuple[Spec, ...]] = (
    *saturating.SPECS,
    *bounded.SPECS,
    *rectified.SPECS,
    *clipped.SPECS,
    *shrinking.SPECS,
    *smooth.SPECS,
    *curved.SPECS,
    *normalized.SPECS,
    *sparse.SPECS,
    *sampled.SPECS,
    *gated.SPECS,
    *regression.SPECS,
    *distributional.SPECS,
    *robust.SPECS,
    *forecasts.SPECS,
    *distributions.SPECS,
    *counts.SPECS,
    *survival.SPECS,
    *binary.SPECS,
    *categorical.SPECS,
    *margin.SPECS,
    *classes.SPECS,
    *ordinal.SPECS,
    *ranking.SPECS,
    *segmentation.SPECS,
    *boxes.SPECS,
    *sequence.SPECS,
    *language.SPECS,
    *masking.SPECS,
    *tokens.SPECS,
    *distill.SPECS,
    *embedding.SPECS,
    *contrast.SPECS,
    *mining.SPECS,
    *divergence.SPECS,
    *generation.SPECS,
    *preference.SPECS,
    *feedback.SPECS,
    *policy.SPECS,
    *value.SPECS,
)


def find(name: str, *, function: str = "find") -> Spec:
    """Return the spec of a function by its name, or by any name that the field has for it.

    Args:
        name: `"gelu"`, `"SiLU"`, `"smooth l1"`, `"L1"`, ...; case, spaces, hyphens and underscores do not matter.
        function: Who asks, for the error's text.

    Raises:
        UnknownFunctionError: Nothing has that name; the message suggests what is near.

    Examples:
        >>> find("SiLU").name
        'swish'
    """
    wanted = _plain(name)
    for names in (lambda s: (s.name, s.title), lambda s: s.aliases):
        for spec in CATALOG:
            if wanted in map(_plain, names(spec)):
                return spec
    known = {_plain(n): spec.name for spec in CATALOG for n in (spec.name, spec.title, *spec.aliases)}
    near = list(dict.fromkeys(known[n] for n in difflib.get_close_matches(wanted, known, n=5)))
    hint = f"did you mean {' or '.join(near)}?" if near else "`slopes list` shows all names."
    message = f"{function}: `name` is {name!r}, expected a function of the catalogue or an alias of one; {hint}"
    raise UnknownFunctionError(message)


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
