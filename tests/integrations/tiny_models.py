"""Models of transformers of a few thousand random weights, without dropout; the same weights at every call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import torch
from tests.later import Later
from torch import Tensor

if TYPE_CHECKING:
    from transformers import PreTrainedModel

transformers = Later("transformers")

B, T, V, D = 4, 16, 331, 16  # more rows than a hidden state is wide, so that logits are larger than the head's weight

_DECODER: Final = {
    "vocab_size": V,
    "hidden_size": D,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "max_position_embeddings": T,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "initializer_range": 0.5,  # logits far enough from 0 for a scale or a cap to matter
}


def llama() -> PreTrainedModel:
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**_DECODER))


def gemma2() -> PreTrainedModel:
    config = transformers.Gemma2Config(**_DECODER, head_dim=8, final_logit_softcapping=1.7, attention_dropout=0.0)
    return transformers.Gemma2ForCausalLM(config)


def cohere() -> PreTrainedModel:
    return transformers.CohereForCausalLM(transformers.CohereConfig(**_DECODER, logit_scale=0.3))


def granite() -> PreTrainedModel:
    return transformers.GraniteForCausalLM(transformers.GraniteConfig(**_DECODER, logits_scaling=3.0))


def gpt2() -> PreTrainedModel:
    config = transformers.GPT2Config(
        vocab_size=V,
        n_positions=T,
        n_embd=D,
        n_layer=2,
        n_head=2,
        n_inner=24,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=1,
        eos_token_id=2,
        initializer_range=0.5,
    )
    return transformers.GPT2LMHeadModel(config)


def bert() -> PreTrainedModel:
    config = transformers.BertConfig(
        vocab_size=V,
        hidden_size=D,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=T,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.5,
    )
    model = transformers.BertForMaskedLM(config)
    torch.nn.init.normal_(model.cls.predictions.bias)
    return model


def qwen3_moe() -> PreTrainedModel:
    config = transformers.Qwen3MoeConfig(
        **_DECODER,
        head_dim=8,
        moe_intermediate_size=24,
        num_experts=4,
        num_experts_per_tok=2,
        router_aux_loss_coef=0.1,
        output_router_logits=True,
    )
    return transformers.Qwen3MoeForCausalLM(config)


def t5() -> PreTrainedModel:
    config = transformers.T5Config(
        vocab_size=V,
        d_model=D,
        d_kv=8,
        d_ff=24,
        num_layers=1,
        num_heads=2,
        dropout_rate=0.0,
        pad_token_id=0,
        decoder_start_token_id=0,
        initializer_factor=0.5,
    )
    return transformers.T5ForConditionalGeneration(config)


_TWO_STACKS: Final = {
    "vocab_size": V,
    "d_model": D,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 24,
    "decoder_ffn_dim": 24,
    "dropout": 0.0,
    "max_position_embeddings": T,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 2,
    "init_std": 0.5,
}


def bart() -> PreTrainedModel:
    model = transformers.BartForConditionalGeneration(transformers.BartConfig(**_TWO_STACKS))
    torch.nn.init.normal_(model.final_logits_bias)
    return model


def mbart() -> PreTrainedModel:
    return transformers.MBartForConditionalGeneration(transformers.MBartConfig(**_TWO_STACKS))


def blenderbot() -> PreTrainedModel:
    """Return an encoder-decoder that has no way of its own to make its decoder's inputs of labels."""
    return transformers.BlenderbotForConditionalGeneration(transformers.BlenderbotConfig(**_TWO_STACKS))


CAUSAL: Final[Mapping[str, Callable[[], PreTrainedModel]]] = MappingProxyType(
    {"llama": llama, "gpt2": gpt2, "gemma2": gemma2, "cohere": cohere, "granite": granite}
)
OTHERS: Final[Mapping[str, Callable[[], PreTrainedModel]]] = MappingProxyType({"bert": bert, "t5": t5, "bart": bart})
MORE: Final[Mapping[str, Callable[[], PreTrainedModel]]] = MappingProxyType(
    {"qwen3_moe": qwen3_moe, "mbart": mbart, "blenderbot": blenderbot}
)


def tiny(name: str) -> PreTrainedModel:
    """Return a model in training mode."""
    torch.manual_seed(0)
    model: PreTrainedModel = {**CAUSAL, **OTHERS, **MORE}[name]().train()
    return model


def batch() -> dict[str, Tensor]:
    """Return token ids, and labels of which some are ignored."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(3, V, (B, T), generator=generator)
    return {"input_ids": ids, "labels": ids.masked_fill(torch.rand(B, T, generator=generator) < 0.3, -100)}


def gradients(model: PreTrainedModel, loss: Tensor) -> dict[str, Tensor]:
    """Return the gradient of every weight that has one."""
    named: dict[str, Any] = dict(model.named_parameters())
    found = torch.autograd.grad(loss, list(named.values()), allow_unused=True)
    return {name: g for name, g in zip(named, found, strict=True) if g is not None}
