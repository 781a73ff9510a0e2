"""What PEFT puts around an output head, where it computes logits past the head itself. Imported where PEFT is."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, cast

import torch.nn.functional as F  # noqa: N812
from peft.tuners.trainable_tokens.layer import TrainableTokensLayer
from torch import Tensor
from torch.overrides import TorchFunctionMode

from slopes.integrations.output_head import OutputHead


class OutputTokens(TrainableTokensLayer):
    """PEFT's layer of trained tokens, which computes the product with the rows replaced by itself."""

    slopes_replaces: ClassVar[type] = TrainableTokensLayer

    def forward_adapters(self, x: Tensor, active_adapters: Any, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  PEFT's own arguments
        """Return what PEFT's own code gives, its product unmade."""
        with _Products(cast("OutputHead", self.base_layer)):
            return super().forward_adapters(x, active_adapters, *arguments, **options)


class _Products(TorchFunctionMode):
    """Hand over the logits of every product that is made with `F.linear`."""

    def __init__(self, head: OutputHead) -> None:
        super().__init__()
        self._head = head

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        """Answer `F.linear` by the head, and run everything else."""
        del types
        if function is F.linear:
            return _handed(self._head, *arguments, **(options or {}))
        return function(*arguments, **(options or {}))


def _handed(head: OutputHead, input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:  # noqa: A002  torch's name
    return head.product(input, weight, bias)
