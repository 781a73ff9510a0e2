"""What connects slopes with models and the `Trainer` of Hugging Face's transformers.

A head that hands its logits over instead of making them, and losses for `Trainer(compute_loss_func=...)`. In a loop of
one's own it is four lines:

    hand_over_logits(model)
    logits = model(input_ids, attention_mask=attention_mask).logits
    loss = slopes.losses.next_token(logits, input_ids, attention_mask=attention_mask.bool())
    loss.backward()

The model needs the attention mask so that no token sees a pad, the loss so that none is predicted from one. With
padding on the left a model that has learnt its positions by number (GPT-2) also has to be told where each text begins,
by `position_ids=(attention_mask.cumsum(-1) - 1).clamp(min=0)`.

Under the Trainer it is `compute_loss_func=next_token_loss(model)`, or `masked_lm_loss(model)` for a masked model and
for an encoder-decoder, whose collator `with_decoder_inputs` completes.

Dimension names: B is the batch, T the number of tokens, V the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

from slopes.integrations.hand_over import HandOver, hand_over_logits
from slopes.integrations.head_logits import HeadLogits
from slopes.integrations.model_kinds import with_decoder_inputs
from slopes.integrations.trainer_losses import TrainerLoss, masked_lm_loss, next_token_loss

__all__ = [
    "HandOver",
    "HeadLogits",
    "TrainerLoss",
    "hand_over_logits",
    "masked_lm_loss",
    "next_token_loss",
    "with_decoder_inputs",
]
