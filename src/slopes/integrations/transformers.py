"""What connects slopes with models and the `Trainer` of Hugging Face's transformers.

A head that hands its logits over instead of making them, and losses for `Trainer(compute_loss_func=...)`. In a loop of
one's own it is three lines:

    hand_over_logits(model)
    loss = slopes.losses.next_token(model(input_ids).logits, input_ids, mask=attention_mask.bool())
    loss.backward()

Dimension names: B is the batch, T the number of tokens, V the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

from slopes.integrations.hand_over import HandOver, hand_over_logits
from slopes.integrations.head_logits import HeadLogits
from slopes.integrations.trainer_losses import TrainerLoss, masked_lm_loss, next_token_loss

__all__ = ["HandOver", "HeadLogits", "TrainerLoss", "hand_over_logits", "masked_lm_loss", "next_token_loss"]
