"""What a model's own loss adds to its cross-entropy: terms of routers and entities, and a z-loss.

The Trainer keeps the labels from a model where a `compute_loss_func` takes them. The model then returns these terms
beside its logits, each without its coefficient, and adds none of them up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final, NoReturn

import torch
from torch import Tensor, nn

from slopes import losses
from slopes._core.errors import OptionError
from slopes._core.linear_logits import LinearLogits, Logits
from slopes._core.tensors import wide

# What a field of the outputs is multiplied by: an attribute of the model, or of its configuration.
_COEFFICIENTS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"aux_loss": ("router_aux_loss_coef", "aux_loss_coef"), "z_loss": ("router_z_loss_coef",)}
)
_STACKS: Final = ("", "encoder_", "decoder_")
_ROUTERS: Final = ("encoder_router_logits", "decoder_router_logits")
_COUNTED_AS_THEY_ARE: Final = frozenset({"mep_loss"})  # LUKE's masked entities
_CROSS_ENTROPY: Final = frozenset({"mlm_loss"})  # what the logits tell already


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the model of transformers under adapters, data parallelism and compilation."""
    base = getattr(model, "get_base_model", None)
    inner = base() if callable(base) else getattr(model, "_orig_mod", getattr(model, "module", None))
    return unwrapped(inner) if isinstance(inner, nn.Module) else model


def own_terms(function: str, model: nn.Module | None, outputs: Any, logits: Logits) -> Tensor | float:  # noqa: ANN401  every model has a class of its own for its outputs
    """Return the sum of what the model's own loss adds to its cross-entropy, with the model's coefficients.

    Raises:
        OptionError: There is a term that cannot be counted.
    """
    fields = outputs if isinstance(outputs, Mapping) else getattr(outputs, "__dict__", {})
    found = [name for name, value in fields.items() if value is not None and _is_a_term(name, fields)]
    if model is None:
        _ask_for_the_model(function, outputs, found)
        return 0.0
    model = unwrapped(model)
    total: Tensor | float = _z_loss(model, logits)
    for name in found:
        term = fields[name]
        coefficient = _coefficient(function, model, name)
        total = total + coefficient * (term.to(logits.device) if isinstance(term, Tensor) else term)
    return total


def _is_a_term(name: str, fields: Mapping[str, Any]) -> bool:
    """Whether a field of the outputs takes part in the model's own loss, beside the logits."""
    if name in _ROUTERS:  # NLLB-MoE makes a loss of them where it has labels
        return len(fields[name]) > 0 and fields.get(name.removesuffix("router_logits") + "aux_loss") is None
    return (name.endswith("_loss") and name not in _CROSS_ENTROPY) or name == "logits_ngram"


def _coefficient(function: str, model: nn.Module, name: str) -> float:
    if name in _COUNTED_AS_THEY_ARE:
        return 1.0
    config = getattr(model, "config", None)
    for kind, attributes in _COEFFICIENTS.items():
        if name in {stack + kind for stack in _STACKS}:
            for place in (model, config, getattr(config, "text_config", None)):
                for attribute in attributes:
                    if (value := getattr(place, attribute, None)) is not None:
                        return float(value)
    return _refuse(function, model, name)


def _z_loss(model: nn.Module, logits: Logits) -> Tensor | float:
    """Return Bamba's z-loss, of which the outputs say nothing: the mean over all positions, ignored ones too."""
    coefficient = getattr(model, "z_loss_coefficient", None)
    return float(coefficient) * _log_sum_exp(logits).square().mean() if coefficient else 0.0


def _log_sum_exp(logits: Logits) -> Tensor:
    """Return log Σ exp(logits) of each row."""
    if isinstance(logits, Tensor):
        return logits.to(wide(logits.dtype)).logsumexp(-1)
    # Of logits that are not made it is -log p of some class, plus that class's logit.
    first = torch.zeros(logits.shape[:-1], dtype=torch.int64, device=logits.device)
    return losses.cross_entropy(logits, first, reduction="none") + _first(logits)


def _first(logits: LinearLogits) -> Tensor:
    bias = None if logits.bias is None else logits.bias[:1]
    return replace(logits, weight=logits.weight[:1], bias=bias).materialize().squeeze(-1)


def _ask_for_the_model(function: str, outputs: object, found: list[str]) -> None:
    """Raise `OptionError` where the outputs are those of a model that may have terms of its own."""
    if not found and all(base.__name__ != "ModelOutput" for base in type(outputs).__mro__):
        return
    having = f" with {', '.join(f'`{name}`' for name in found)}" if found else ""
    message = (
        f"{function}: `model` is None and `outputs` is {type(outputs).__name__}{having}, expected the model, which "
        f"knows what its own loss adds to the cross-entropy; make the loss with {function}(model)."
    )
    raise OptionError(message)


def _refuse(function: str, model: nn.Module, name: str) -> NoReturn:
    message = (
        f"{function}: the outputs of {type(model).__name__} have `{name}`, which takes part in the model's own loss, "
        f"expected terms whose coefficients are known; leave compute_loss_func out, and the model's own loss counts it."
    )
    raise OptionError(message)
