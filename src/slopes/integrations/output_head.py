"""Output heads that hand their logits over instead of making them, plain, wrapped by PEFT, or sharded.

Dimension names: V is the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

import functools
from typing import Any, Final, cast

import torch
from torch import Tensor, nn

from slopes._core.errors import OptionError
from slopes._core.settings import is_recorded, is_transformed
from slopes.integrations.deferred import DeferredLogits
from slopes.integrations.head_logits import HeadLogits

_SHARDING_WRAPPER: Final = "FullyShardedDataParallel"
_TOKENS: Final = "TrainableTokensLayer"


class OutputHead(nn.Linear):
    """The last layer of a model, whose logits are not made where a loss will learn from them."""

    deferring = False  # whether logits that nobody learns from are left unmade: a model's hooks say so, call by call

    def forward(self, hidden: Tensor) -> Tensor:
        """Return `HeadLogits` in training mode where gradients are recorded, and the logits elsewhere."""
        if not isinstance(self, OutputHead):  # taken back, while another tool kept this method
            return nn.functional.linear(hidden, self.weight, self.bias)
        return self.product(hidden, self.weight, self.bias)

    def product(self, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return hidden · weightᵀ + bias, unmade where that is wanted."""
        if torch.is_grad_enabled():
            if not self.training:
                return nn.functional.linear(hidden, weight, bias)
            _check_whole(self, weight)
            bias = None if bias is None else _lasting(self, bias)
            return cast("Tensor", HeadLogits(_lasting(self, hidden), _lasting(self, weight), bias))
        if not self.deferring or _is_transformed(self, hidden, weight):
            return nn.functional.linear(hidden, weight, bias)
        if _is_sharded(self):
            weight, bias = weight.clone(), None if bias is None else bias.clone()
        return DeferredLogits.of(hidden, weight, bias)


def heads_in(module: nn.Module | None) -> list[nn.Module]:
    """Return the layers whose logits add up to those of an output head; none where it is of a kind that is not known.

    A linear layer is one; LoRA's B makes logits too; and of PEFT's trained tokens it is the layer that replaces rows.
    """
    if module is None or _is_linear(module):
        return [] if module is None else [module]
    if type(module).__name__ == _SHARDING_WRAPPER:
        return heads_in(cast("nn.Module", module.module))
    base = module
    while _is_of_peft(base):
        base = cast("nn.Module", base.original_module if hasattr(base, "original_module") else base.base_layer)
    if base is module or not _is_linear(base):
        return []
    return [layer for name, layer in module.named_modules() if _makes_logits(name, layer, base)]


def take_back(module: nn.Module) -> None:
    """Make a layer that hands its logits over the layer that it was."""
    if isinstance(module, OutputHead):
        vars(module).pop("deferring", None)
        module.__class__ = rebased(cast("Any", type(module)), giving=False)
    elif gives(module):
        module.__class__ = _kind(module)


def gives(module: nn.Module) -> bool:
    """Whether a layer hands its logits over."""
    return isinstance(module, OutputHead) or _kind(module) is not type(module)


def _kind(module: nn.Module) -> type:
    """Return the class that a layer has without us."""
    return cast("type", getattr(type(module), "slopes_replaces", type(module)))


def _is_linear(module: nn.Module) -> bool:
    """Whether a layer is an `nn.Linear` and no more, but for what `fully_shard` makes of its class."""
    kinds = {type(module)} if not hasattr(module, "unshard") else set(type(module).__bases__)
    return bool(kinds & {nn.Linear, OutputHead}) and "forward" not in vars(module)


def _is_of_peft(module: nn.Module) -> bool:
    wraps = hasattr(module, "base_layer") or hasattr(module, "original_module")
    return wraps and _kind(module).__module__.partition(".")[0] == "peft"


def _makes_logits(name: str, layer: nn.Module, base: nn.Module) -> bool:
    if _is_linear(layer):
        return layer.out_features == base.out_features and "lora_A" not in name.split(".")
    return _kind(layer).__name__ == _TOKENS and _is_of_peft(layer)


@functools.cache
def rebased(kind: Any, *, giving: bool) -> Any:  # noqa: ANN401  classes, which the type checker does not find hashable
    """Return a class with the other base, as the class that `fully_shard` makes of a layer's has one."""
    old, new = (nn.Linear, OutputHead) if giving else (OutputHead, nn.Linear)
    if kind is old or old not in kind.__bases__:
        return new if kind is old else kind
    bases = tuple(new if base is old else base for base in kind.__bases__)
    return type(kind.__name__, bases, {key: value for key, value in vars(kind).items() if key != "__dict__"})


def _check_whole(head: OutputHead, weight: Tensor) -> None:
    """Raise `OptionError` where the head's weight will not be there as a whole when the loss is computed."""
    if getattr(head, "_is_replica", False):
        came, fix = "a replica of nn.DataParallel", "use DistributedDataParallel"
    elif hasattr(weight, "ds_id"):
        came, fix = "partitioned by stage 3 of ZeRO", "use stage 2, or FSDP"
    elif hasattr(weight, "device_mesh"):
        came = "sharded over processes"
        fix = "leave the head out of tensor parallelism, or call a model of FSDP's itself and not its `forward`"
    else:
        return
    message = (
        f"hand_over_logits: the output head's weight is {came}, expected the whole weight on its device until the loss "
        f"is computed; {fix}, or let the model make its logits: HandOver(model).undo()."
    )
    raise OptionError(message)


def _is_transformed(head: OutputHead, hidden: Tensor, weight: Tensor) -> bool:
    """Whether what looks at the logits is no eager code, or not in this process alone: it gets them made."""
    plain = type(hidden) is Tensor and type(weight) in {Tensor, nn.Parameter} and not hasattr(weight, "ds_id")
    # torch.jit.is_tracing is not typed.
    recorded = torch.compiler.is_compiling() or torch._C._is_tracing() or is_recorded()  # noqa: SLF001
    return not plain or recorded or getattr(head, "_is_replica", False) or is_transformed(hidden, weight)


def _lasting(head: OutputHead, t: Tensor) -> Tensor:
    """Return a tensor of the forward pass that is there when the loss is computed, whole, and a result of that pass.

    What FSDP gathers for the forward pass is gone after it, so a copy is kept until the backward pass. A result:
    DistributedDataParallel with find_unused_parameters=True follows the graph back from the outputs, and takes a
    parameter that is itself an output for an unused one.
    """
    return t.clone() if _is_sharded(head) else t.view_as(t)


def _is_sharded(head: OutputHead) -> bool:
    """Whether FSDP, first or second, gathers the head for the forward pass alone."""
    return bool(getattr(head, "_is_fsdp_managed_module", False))
