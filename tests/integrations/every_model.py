"""Every class of transformers that has a loss over a vocabulary, of a few thousand random weights.

A configuration's defaults are made small by the names of their fields; what the names alone do not settle stands in
`OTHERWISE`. Classes that cannot be built like this are in `NOT_BUILT`, each with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import torch
from tests.later import Later

if TYPE_CHECKING:
    from transformers import PreTrainedModel

transformers = Later("transformers")
modeling_auto = Later("transformers.models.auto.modeling_auto")
configuration_auto = Later("transformers.models.auto.configuration_auto")

B, T, V, D, LAYERS = 2, 8, 61, 16, 2

# Names by the size that they get, a name a word.
_NAMES: Final = (
    (
        D,
        """
        hidden_size d_model n_embd emb_dim dim embedding_size embedding_dim word_embed_proj_dim lru_width
        input_embedding_size output_embedding_size pooler_hidden_size encoder_hidden_size hidden_dim
        shape_embed_dim pronunciation_embed_dim
        """,
    ),
    (
        24,
        """
        intermediate_size moe_intermediate_size decoder_ffn_dim encoder_ffn_dim ffn_dim d_ff d_inner n_inner
        shared_expert_intermediate_size shared_intermediate_size shared_experts_intermediate_size
        ffn_hidden_size expert_ffn_hidden_size dff dim_ff intermediate_size_mlp dense_intermediate_size
        feed_forward_size moe_shared_expert_intermediate_size mlp_dim ext_pw_out_channel
        depthwise_separable_out_channel nemo_conv_channels
        """,
    ),
    (
        LAYERS,
        """
        num_hidden_layers n_layer n_layers num_layers num_blocks decoder_layers encoder_layers
        num_decoder_layers num_encoder_layers num_attention_heads n_head n_heads num_heads
        encoder_attention_heads decoder_attention_heads attention_heads num_encoder_attention_heads
        num_decoder_attention_heads num_key_value_heads num_kv_heads swa_num_key_value_heads
        swa_num_attention_heads linear_num_key_heads linear_num_value_heads linear_num_heads index_n_heads
        num_experts_per_tok num_experts_per_token moe_k moe_topk n_mamba_heads downsample_hidden_size
        output_channels
        """,
    ),
    (
        8,
        """
        head_dim dim_head d_kv d_head swa_head_dim kv_channels attention_head_size v_head_dim qk_nope_head_dim
        linear_key_head_dim linear_value_head_dim linear_head_dim mamba_d_head mamba_head_dim index_head_dim
        q_lora_rank kv_lora_rank o_lora_rank global_head_dim mamba_d_state ssm_state_size state_size
        mamba_chunk_size chunk_size sliding_window index_topk attention_head_dim router_hidden_size
        mamba_headdim embedding_rank
        """,
    ),
    (
        V,
        """
        vocab_size decoder_vocab_size src_vocab_size tgt_vocab_size vocab_size_per_layer_input entity_vocab_size
        pronunciation_vocab_size shape_vocab_size text_vocab_size audio_vocab_size
        """,
    ),
    (
        32,
        """
        max_position_embeddings n_positions n_ctx max_seq_len model_max_length context_length
        max_source_positions max_target_positions original_max_position_embeddings
        """,
    ),
    (
        4,
        """
        num_experts n_routed_experts num_local_experts moe_num_experts qk_rope_head_dim mamba_n_heads
        mamba_num_heads mamba_dt_rank time_step_rank rotary_dim
        """,
    ),
    (12, "qk_head_dim"),
    (1, "n_group topk_group num_expert_group n_groups mamba_n_groups first_k_dense_replace bos_token_id"),
    (0, "pad_token_id"),
    (2, "eos_token_id decoder_start_token_id"),
    (0.3, "initializer_range init_std"),
    (0.5, "initializer_factor"),
    (True, "output_router_logits"),
    (0.1, "router_aux_loss_coef aux_loss_coef moe_loss_weight router_z_loss_coef z_loss_coefficient"),
)
SIZES: Final = {name: size for size, names in _NAMES for name in names.split()}

_MIXED: Final = {"layer_types": ["linear_attention", "full_attention"]}
_LATENT: Final = {"head_dim": 4}
OTHERWISE: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "AXK1ForCausalLM": _LATENT,
        "BambaForCausalLM": {"attn_layer_indices": [1]},
        "DeepseekV2ForCausalLM": _LATENT | {"num_experts_per_tok": 2},
        "DeepseekV3ForCausalLM": _LATENT,
        "Dots1ForCausalLM": {"n_routed_experts": 4, "n_shared_experts": 1, "num_experts_per_tok": 2},
        "EsmForMaskedLM": {"vocab_size": V, "pad_token_id": 0, "mask_token_id": 3},
        "FalconH1ForCausalLM": {"mamba_d_ssm": 32, "ssm_multipliers": [1.0] * 5},
        "GraniteMoeHybridForCausalLM": _MIXED,
        "HunYuanDenseV1ForCausalLM": {"head_dim": 8},
        "HunYuanMoEV1ForCausalLM": {"head_dim": 8, "moe_topk": 2, "num_experts": 4},
        "JambaForCausalLM": {"attn_layer_period": 2, "attn_layer_offset": 1},
        "Lfm2MoeForCausalLM": {"layer_types": ["conv", "full_attention"]},
        "LongcatFlashForCausalLM": _LATENT,
        "Mamba2ForCausalLM": {"num_heads": 4},
        "MinistralForCausalLM": {"head_dim": 8},
        "NemotronForCausalLM": {"num_key_value_heads": 2},
        "RecurrentGemmaForCausalLM": {"block_types": ["recurrent", "attention"]},
        "ReformerModelWithLMHead": {"is_decoder": True, "axial_pos_shape": [2, 4], "axial_pos_embds_dim": [8, 8]},
        "ReformerForMaskedLM": {"axial_pos_shape": [2, 4], "axial_pos_embds_dim": [8, 8]},
        "XmodForCausalLM": {"default_language": "en_XX"},
        "XmodForMaskedLM": {"default_language": "en_XX"},
        "YoutuForCausalLM": _LATENT,
        "ZayaForCausalLM": {"num_experts_per_tok": 1},
        "CodeGenForCausalLM": {"n_head": 4},
        "CohereCompassForCausalLM": {
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 1, 1]}
            }
        },
        "DbrxForCausalLM": {
            "attn_config": {"kv_n_heads": 1, "rope_theta": 1e4, "clip_qkv": 8.0},
            "ffn_config": {"hidden_size": D, "ffn_hidden_size": 24, "moe_num_experts": 4, "moe_top_k": 2},
        },
        "EncoderDecoderModel": {
            "decoder_start_token_id": 1,
            "pad_token_id": 0,
            "decoder": {"is_decoder": True, "add_cross_attention": True},
        },
        "MobileBertForMaskedLM": {"hidden_size": 32, "true_hidden_size": D, "intra_bottleneck_size": D},
        "T5GemmaForConditionalGeneration": {"pad_token_id": 0, "bos_token_id": 1},
        "T5Gemma2ForConditionalGeneration": {"pad_token_id": 0, "bos_token_id": 1},
        "MiMoV2FlashForCausalLM": {"layer_types": ["full_attention"] * LAYERS},
        "Qwen4ExpForCausalLM": {
            "indexer_n_heads": 2,
            "indexer_kv_heads": 1,
            "indexer_head_dim": 8,
            "indexer_budget": 8,
            "indexer_compress_ratio": 4,
        },
        "ZambaForCausalLM": {"layers_block_type": ["linear_attention", "hybrid"]},
        "FlintForCausalLM": {"mlp_only_layers": [0]},
        "Gemma3nForCausalLM": {
            "intermediate_size": [24] * LAYERS,
            "vocab_size_per_layer_input": V,
            "num_kv_shared_layers": 0,
        },
        "LongT5ForConditionalGeneration": {"decoder_start_token_id": 0},
        "MT5ForConditionalGeneration": {"decoder_start_token_id": 0},
        "NeoMMEForMaskedLM": {
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 0.5},
                "sliding_attention": {"rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0},
            }
        },
        "SwitchTransformersForConditionalGeneration": {
            "decoder_start_token_id": 0,
            "num_sparse_encoder_layers": 1,
            "num_sparse_decoder_layers": 1,
        },
        "NllbMoeForConditionalGeneration": {"encoder_sparse_step": 2, "decoder_sparse_step": 2},
        "T5ForConditionalGeneration": {"decoder_start_token_id": 0},
        "TapasForMaskedLM": {"type_vocab_sizes": [3] * 7},
        "Zamba2ForCausalLM": {"attention_head_dim": 16, "attention_hidden_size": 32, "kv_channels": 16},
        "xLSTMForCausalLM": {"qk_dim_factor": 1.0},
    }
)
NOT_BUILT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BltForCausalLM": "a byte model of four parts, whose sizes depend on each other",
        "Dots3NoteForCausalLM": "its sliding layers have sizes that no field of the configuration sets",
        "Gemma3nForConditionalGeneration": "needs timm",
        "Gemma4AssistantForCausalLM": "reads the hidden states of another model",
        "Gemma4UnifiedAssistantForCausalLM": "reads the hidden states of another model",
        "GitForCausalLM": "needs pictures, whose places it cuts out of its logits",
        "MusicgenForCausalLM": "several codebooks of sound, no text",
        "MusicgenMelodyForCausalLM": "several codebooks of sound, no text",
        "Nemotron3_5TranscribeForConditionalGeneration": "needs sound",
        "PerceiverForMaskedLM": "a text of 2048 bytes and no other length",
        "VibeVoiceAsrForConditionalGeneration": "needs sound",
        "VoxtralRealtimeForConditionalGeneration": "needs sound",
        "Zamba2ForCausalLM": "its attention has sizes that no field of the configuration sets",
        "ZambaForCausalLM": "ties layers by a pattern that two layers do not have",
        "xLSTMForCausalLM": "keeps states of another size than its heads",
    }
)


def classes() -> Iterator[tuple[str, str]]:
    """Yield the name of each class with a loss over a vocabulary, and the type of its configuration."""
    seen = set()
    for mapping in (
        modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
        modeling_auto.MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
    ):
        for kind, names in mapping.items():
            for name in [names] if isinstance(names, str) else names:
                if name not in seen:
                    seen.add(name)
                    yield name, kind


def tiny_of(name: str, kind: str) -> PreTrainedModel:
    """Return a model of this class in training mode; the same weights at every call."""
    made = getattr(transformers, name)
    of = getattr(made, "config_class", None)
    of = of if of is not None and kind != of.model_type else configuration_auto.CONFIG_MAPPING[kind]
    config = of(**_merged(shrunk(of().to_dict()), OTHERWISE.get(name, {})))
    torch.manual_seed(0)
    model: PreTrainedModel = made(config).train()
    return model


def _merged(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of both, those of a configuration within it too."""
    both = dict(first) | dict(then)
    inner = [name for name in then if isinstance(then[name], Mapping) and "model_type" in first.get(name, {})]
    return both | {name: _merged(first[name], then[name]) for name in inner}


def shrunk(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a configuration that a small model has otherwise."""
    small: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping) and "model_type" in value:
            small[name] = shrunk(value) | {"model_type": value.get("model_type")}
        elif name in SIZES and value is not None and not isinstance(value, list):
            small[name] = SIZES[name]
        elif ("drop" in name or "jitter" in name) and isinstance(value, float):
            small[name] = 0.0
        elif isinstance(value, list) and len(value) > 4 and name != "architectures":
            small[name] = _short(value)
        elif name == "per_layer_config":
            small[name] = {}
    return small


def _short(layers: list[Any]) -> list[Any]:
    """Return a list with an entry for each layer, in which every kind of layer occurs that there is room for."""
    kinds = [json.loads(kind) for kind in dict.fromkeys(json.dumps(layer) for layer in layers)]
    return (kinds * LAYERS)[:LAYERS]
