"""The masking of tokens that a masked language model learns from.

Dimension names: `...` is any shape, of token ids.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import torch
import torch.fx
from torch import Tensor

from slopes._core import check
from slopes._core.spec import UNIT, Equivalent, Input, Source, Spec
from slopes.losses.class_targets import IGNORE


class MaskedTokens(NamedTuple):
    """What `mask_tokens` returns: the ids that go in, and the labels of `masked_lm`."""

    token_ids: Tensor
    labels: Tensor


def mask_tokens(
    token_ids: Tensor,
    *,
    mask_id: int,
    vocabulary: int,
    special: Tensor | None = None,
    probability: float = 0.15,
    mask_share: float = 0.8,
    random_share: float = 0.1,
    generator: torch.Generator | None = None,
) -> MaskedTokens:
    """Return token ids with some masked out, as BERT does it, and the labels that ask for them back.

    Args:
        token_ids: `[...]` int64.
        mask_id: The id of the mask token.
        vocabulary: V, the number of ids that a random token is drawn from.
        special: `[...]` boolean, True where a token must stay as it is: padding (`~attention_mask.bool()`), separators.
        probability: Of a token to be chosen.
        mask_share: Share of the chosen tokens that become `mask_id`.
        random_share: Share of the chosen tokens that become a random one; the rest stay as they are.
        generator: Source of chance.

    Returns:
        `(token_ids, labels)`, both `[...]` int64; labels are -100 where nothing was chosen. The input is not changed.

    Raises:
        ShapeError: `special` has another shape than `token_ids`.
        DtypeError: `token_ids` is not int64, or `special` not boolean.
        OptionError: An option is outside its domain.

    Notes:
        The defaults are BERT's: 15 % chosen, of which 80 % masked, 10 % random, 10 % kept.

    Examples:
        >>> ids = torch.arange(1000)
        >>> masked = mask_tokens(ids, mask_id=1000, vocabulary=1000, generator=torch.Generator().manual_seed(0))
        >>> (masked.labels != -100).sum().item(), (masked.token_ids == 1000).sum().item()
        (152, 123)
    """
    check.tensor("mask_tokens", token_ids=token_ids)
    check.integers("mask_tokens", "token_ids", token_ids, token_ids.shape, "tokens")
    vocabulary = check.count("mask_tokens", "vocabulary", vocabulary)
    mask_id = check.index("mask_tokens", "mask_id", mask_id)
    probability = check.option("mask_tokens", "probability", probability, UNIT)
    mask_share = check.option("mask_tokens", "mask_share", mask_share, UNIT)
    random_share = check.option("mask_tokens", "random_share", random_share, UNIT)
    check.option("mask_tokens", "mask_share + random_share", mask_share + random_share, UNIT)
    check.generator("mask_tokens", generator, token_ids=token_ids)
    chance: dict[str, Any] = {"device": token_ids.device}
    if generator is not None:  # named only where there is one: with symbolic sizes torch.compile refuses None
        chance["generator"] = generator
    draw = torch.rand(token_ids.shape, **chance)
    chosen = draw < probability
    if special is not None:
        check.boolean("mask_tokens", "special", special, token_ids.shape, "the shape of `token_ids`")
        check.same_device("mask_tokens", token_ids=token_ids, special=special)
        chosen &= ~special
    fate = torch.rand(token_ids.shape, **chance)
    noise = torch.randint(vocabulary, token_ids.shape, **chance)
    changed = torch.where(chosen & (fate < mask_share), mask_id, token_ids)
    changed = torch.where(chosen & (fate >= mask_share) & (fate < mask_share + random_share), noise, changed)
    return MaskedTokens(changed, torch.where(chosen, token_ids, IGNORE))


SPECS: Final = (
    Spec(
        title="Token masking",
        tool=True,
        family="language",
        function=mask_tokens,
        summary="15 % of the tokens, of which 80 % masked, 10 % random, 10 % kept.",
        formula=r"x_i \to \text{mask, random or itself, with } 0.8,\ 0.1,\ 0.1",
        inputs=(Input("token_ids", ("...",), "token"),),
        aliases=("masking", "mlm collator"),
        equivalents=(Equivalent("transformers", "DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)"),),
        sources=(Source("Devlin, Chang, Lee, Toutanova 2018, BERT", "appendix A.1"),),
    ),
)

for _spec in SPECS:  # leaves of torch.fx.symbolic_trace
    torch.fx.wrap(_spec.name)
