"""What line-ups take, checked: matrices of embeddings, which key belongs to which query, a scale.

Dimension names: N queries (or pairs), M keys, D the length of an embedding.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import DtypeError, ShapeError, ValuesError
from slopes._core.settings import constant, reads_values
from slopes._core.spec import SCALE
from slopes._core.tensors import wide


def check_sides(function: str, **sides: Tensor) -> None:
    """Check matrices of embeddings: two dimensions each, one length D of at least 1."""
    check.floating(function, **sides)
    check.same_device(function, **sides)
    check.same_precision(function, **sides)
    for name, side in sides.items():
        if side.dim() != 2:  # noqa: PLR2004  rows and their length
            message = (
                f"{function}: `{name}` has shape {check.shape_of(side)}, expected two dimensions, one embedding a "
                f"row; {_as_rows(name, sides)}."
            )
            raise ShapeError(message)
        check.filled(function, name, side, "[N, D]", "check the size of the embedding layer")
    (name, one), (other_name, other) = sides.items()
    if one.shape[1] != other.shape[1]:
        message = (
            f"{function}: `{name}` {check.shape_of(one)} and `{other_name}` {check.shape_of(other)} have embeddings "
            f"of different lengths, expected one length; project them into one space first."
        )
        raise ShapeError(message)


def _as_rows(name: str, sides: Mapping[str, Tensor]) -> str:
    """Return how one gets rows out of something that has another number of dimensions."""
    if sides[name].dim() < 2:  # noqa: PLR2004  rows and their length
        return f"pass {name}.reshape(1, -1)"
    if len({side.shape[:-1] for side in sides.values()}) == 1:  # each row of one has its own in the other
        return "pass " + " and ".join(f"{each}.flatten(0, -2)" for each in sides)
    return (  # flattened, row i would belong to query i no longer
        "where each query has a line-up of its own, its positive first, pass torch.einsum('nd,nkd->nk', query, keys) "
        "over the temperature to cross_entropy, with targets of 0; where all share one, flatten the keys and say with "
        "`positives` which is whose"
    )


def positives_of(query: Tensor, keys: Tensor, positives: Tensor | None, keep: Tensor | None) -> Tensor:
    """Return the column of each query's positive key; of a query that does not count it may be anything."""
    count, choices = query.shape[0], keys.shape[0]
    if positives is None:
        if count > choices:
            message = (
                f"info_nce: `keys` {check.shape_of(keys)} has fewer rows than `query` {check.shape_of(query)}, "
                f"expected a key for each query in the same row; pass `positives` to say which key is whose."
            )
            raise ShapeError(message)
        return torch.arange(count, device=query.device)
    if isinstance(positives, Tensor) and positives.dtype == torch.bool and positives.dim() == 1:
        message = (
            "info_nce: `positives` has dtype torch.bool, expected torch.int64 (the row of `keys` that belongs to each "
            "query); pass numbers of rows, of a mask over queries and keys positives.int().argmax(-1)."
        )
        raise DtypeError(message)
    check.integers("info_nce", "positives", positives, (count,), "the row of `keys` that belongs to each query")
    check.same_device("info_nce", query=query, positives=positives)
    if keep is not None:
        positives = torch.where(keep, positives, 0)
    if reads_values(positives):
        wrong = (positives < 0) | (positives >= choices)
        if bool(wrong.any()):
            message = (
                f"info_nce: `positives` holds {int(positives[wrong][0])}, expected rows of `keys` in [0, {choices}); "
                f"check how the keys were gathered."
            )
            raise ValuesError(message)
    return positives


def scale_of(logit_scale: Tensor | float, images: Tensor) -> Tensor:
    """Return the multiplier of `clip` as a 0-d tensor beside the images."""
    if not isinstance(logit_scale, Tensor):
        number = constant(check.option("clip", "logit_scale", logit_scale, SCALE))
        return torch.full((), number, dtype=wide(images.dtype), device=images.device)
    check.floating("clip", logit_scale=logit_scale)
    check.has_shape("clip", "logit_scale", logit_scale, (), "one number for all pairs")
    check.same_device("clip", images=images, logit_scale=logit_scale)
    check.same_precision("clip", images=images, logit_scale=logit_scale)
    check.within("clip", "logit_scale", logit_scale, SCALE, "pass the multiplier itself, .exp() of its logarithm")
    return logit_scale.to(wide(images.dtype))
