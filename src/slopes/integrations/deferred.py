"""Logits that are made where somebody needs them: where nothing is learned, a loss goes without, and all else has them.

A `DeferredLogits` is a tensor to whoever looks at it, and `HeadLogits` to a loss. What has a closed form stays unmade;
the first operation that has none makes the logits, exactly as the output head would have made them, and from then on
they, and all that was sliced or scaled from them, are the tensors that they would have been from the beginning.

Dimension names: V is the vocabulary, D the width of the hidden states.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Self, cast

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils import _pytree as pytree

from slopes._core import check
from slopes._core.linear_logits import LinearLogits, bent
from slopes.integrations.head_logits import KINDS, HeadLogits
from slopes.integrations.unmade import UnmadeLogitsError

Function = Callable[..., Any]


class MadeLogits(Tensor):
    """Logits that have been made: every operation gets the tensor itself."""

    _value: Tensor

    def made(self) -> Tensor:
        """Return the logits."""
        return self._value

    @classmethod
    def __torch_function__(
        cls,
        function: Callable[..., Any],
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        """Give a function of torch the tensors."""
        del types
        return function(*_made(arguments), **_made(options or {}))

    # What reaches an operator past Python's functions, as collective communication does, gets them too.
    __torch_dispatch__ = __torch_function__  # type: ignore[assignment]


class DeferredLogits(HeadLogits, MadeLogits):  # type: ignore[misc, override]  # both have what a tensor has
    """`HeadLogits` without gradients, made where an operation has no closed form.

    Args:
        hidden: `[..., D]`: what went into the head.
        weight: `[V, D]`, dtype of `hidden`.
        bias: `[V]`, dtype of `hidden`.
        temperature: Divides the logits, above 0.
        soft_cap: Bounds them before that to (-soft_cap, soft_cap).

    Raises:
        UnmadeLogitsError: They are to be made after what they are made of was changed in place.

    Examples:
        >>> logits = DeferredLogits(torch.eye(2), torch.tensor([[4.0, 0.0], [0.0, 4.0], [0.0, 0.0]]))
        >>> half = logits[:1] / 2.0
        >>> torch.nn.functional.cross_entropy(half, torch.tensor([0])), type(half).__name__
        (tensor(0.2395), 'DeferredLogits')
        >>> half.argmax(-1), type(half).__name__
        (tensor([0]), 'MadeLogits')
    """

    _family: list[weakref.ref[DeferredLogits]]
    _parents: list[DeferredLogits]
    _recipe: Callable[[], Tensor]
    _dtype: torch.dtype

    def __new__(
        cls,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        *,
        temperature: float = 1.0,
        soft_cap: float | None = None,
    ) -> Self:
        """Return a tensor without memory of its own."""
        del bias, temperature, soft_cap
        shape = (*hidden.shape[:-1], weight.shape[0])
        return Tensor._make_wrapper_subclass(cls, shape, dtype=hidden.dtype, device=hidden.device)  # noqa: SLF001  torch's subclasses are made so

    def __post_init__(self) -> None:
        """Remember how the head makes them."""
        super().__post_init__()
        # Nothing refers to itself here: what is dropped unmade is freed at once, hidden states and all.
        recipe = functools.partial(_product, self.hidden, self.weight, self.bias, self.temperature, self.soft_cap)
        _set(self, _family=[weakref.ref(self)], _parents=[], _recipe=_guarded(recipe), _dtype=self.hidden.dtype)

    @classmethod
    def of(cls, hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Self:
        """Return the logits of a head as constants, which are made from the head's own tensors to the last bit."""
        z = cls(hidden.detach(), weight.detach(), None if bias is None else bias.detach())
        if z.weight.dtype == weight.dtype:  # no autocast is at work
            _set(z, _recipe=_guarded(functools.partial(_product, hidden, weight, bias, 1.0, None)))
        return z

    def made(self) -> Tensor:
        """Return the logits as a tensor; they, and all of their kin, are tensors from now on."""
        for parent in self._parents:
            parent.made()
        if type(self) is DeferredLogits:  # else a parent has made all of its kin
            value, family = self._recipe(), self._family
            vars(self).clear()
            _set(self, __class__=MadeLogits, _value=value)
            for kin in [kin for ref in family if (kin := ref()) is not None]:
                kin.made()
        return self._value

    def strict(self) -> HeadLogits:
        """Return the logits without the leave to make them."""
        return HeadLogits(self.hidden, self.weight, self.bias, temperature=self.temperature, soft_cap=self.soft_cap)

    @property
    def dtype(self) -> torch.dtype:  # type: ignore[override]
        """The dtype that the tensor has."""
        return self._dtype

    @property
    def requires_grad(self) -> bool:  # type: ignore[override]
        """They never do."""
        return False

    def clone(self, *, memory_format: torch.memory_format | None = None) -> Tensor:  # type: ignore[override]
        """Return the logits made: a copy is there to stay, whatever becomes of the weights."""
        return self.made().clone(memory_format=memory_format)

    def __iter__(self) -> Iterator[Any]:
        """Return the entries of the first dimension, one after the other."""
        return iter(self.unbind())

    def __repr__(self) -> str:  # type: ignore[override]
        """Return what a tensor shows."""
        return repr(self.made())

    @classmethod
    def __torch_function__(
        cls,
        function: Function,
        types: Sequence[type],
        arguments: tuple[Any, ...] = (),
        options: Mapping[str, Any] | None = None,
    ) -> object:
        """Answer in closed form, or with the tensors."""

        def closed(*given: Any, **named: Any) -> object:  # noqa: ANN401  whatever torch's function is given
            return HeadLogits.__torch_function__(function, types, given, named)

        return _answered(closed, function, arguments, options or {})


def _product(hidden: Tensor, weight: Tensor, bias: Tensor | None, temperature: float, soft_cap: float | None) -> Tensor:
    with torch.no_grad(), torch.autocast(hidden.device.type, enabled=False):
        return bent(F.linear(hidden, weight, bias), temperature, soft_cap)


def _guarded(recipe: functools.partial[Tensor]) -> Callable[[], Tensor]:
    """Return a recipe that refuses once its tensors were changed in place."""
    hidden, weight, *_ = recipe.args
    tensors = [t for t in recipe.args if isinstance(t, Tensor)]
    versions = [_version(t) for t in tensors]

    def made() -> Tensor:
        if [_version(t) for t in tensors] != versions:
            message = (
                f"hand_over_logits: logits [..., {len(weight)}] of hidden states {check.shape_of(hidden)} that were "
                f"left unmade are asked for after the model's weights were changed in place, expected the weights that "
                f"they belong to; make a copy before that, with logits.clone()."
            )
            raise UnmadeLogitsError(message)
        return recipe()

    return made


def _set(logits: object, **values: object) -> None:
    """Set attributes of what is frozen."""
    for name, value in values.items():
        object.__setattr__(logits, name, value)


def _version(t: Tensor) -> int:
    return 0 if t.is_inference() else t._version  # noqa: SLF001  as autograd asks for it


def _leaves(tree: object) -> list[Any]:
    return pytree.tree_leaves(tree, is_leaf=lambda each: isinstance(each, LinearLogits))


def _made(tree: Any) -> Any:  # noqa: ANN401  a tree of anything
    return pytree.tree_map(lambda each: each.made() if isinstance(each, MadeLogits) else each, tree)


def _strict(tree: Any) -> Any:  # noqa: ANN401  a tree of anything
    return pytree.tree_map(lambda each: each.strict() if type(each) is DeferredLogits else each, tree)


def _answered(closed: Function, plain: Function, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> Any:  # noqa: ANN401  whatever torch's function returns
    """Return the closed form where there is one, and what torch's function gives of the tensors where there is none."""
    try:
        if plain is torch.clone:
            return plain(*_made(arguments), **_made(options))
        answer = closed(*_strict(arguments), **_strict(options))
    except UnmadeLogitsError:
        return plain(*_made(arguments), **_made(options))

    def again(at: int | None) -> Tensor:
        came = plain(*_made(arguments), **_made(options))
        return cast("Tensor", came if at is None else came[at])

    parents = [each for each in _leaves((arguments, options)) if type(each) is DeferredLogits]
    dtype = _dtype_of(plain, arguments, options)
    if isinstance(answer, HeadLogits):
        return _derived(answer, parents, functools.partial(again, None), dtype)
    if isinstance(answer, tuple):
        return tuple(_derived(z, parents, functools.partial(again, at), dtype) for at, z in enumerate(answer))
    return answer


def _dtype_of(plain: Function, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> torch.dtype:
    """Return the dtype of what torch's function gives where there is a closed form."""
    leaves = _leaves((arguments, options))
    said = [each for each in leaves if isinstance(each, torch.dtype)]
    if said or plain is Tensor.float:
        return said[0] if said else torch.float32
    floats = [each.dtype for each in leaves if isinstance(each, Tensor) and each.dtype.is_floating_point]
    return floats[-1] if plain in {Tensor.to, Tensor.type_as} else functools.reduce(torch.promote_types, floats)


def _derived(
    logits: HeadLogits, parents: list[DeferredLogits], recipe: Callable[[], Tensor], dtype: torch.dtype
) -> DeferredLogits:
    """Return logits that a recipe makes of other ones, whose kin they are."""
    z = DeferredLogits(
        logits.hidden, logits.weight, logits.bias, temperature=logits.temperature, soft_cap=logits.soft_cap
    )
    refs = [weakref.ref(z), *(ref for parent in parents for ref in parent._family)]  # noqa: SLF001  its own kind
    family = list({id(ref): ref for ref in refs}.values())
    for kin in [kin for ref in family if (kin := ref()) is not None]:
        _set(kin, _family=family)
    _set(z, _parents=parents, _recipe=recipe, _dtype=dtype)
    return z


def _deferring(name: str) -> Function:
    """Return a method that has a closed form, or needs the tensor."""
    closed, plain = getattr(HeadLogits, name), getattr(Tensor, name)

    @functools.wraps(closed)
    def method(self: DeferredLogits, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401  as torch's
        return _answered(closed, plain, (self, *arguments), options)

    return method


_OWN: Final = {
    "__module__",
    "__doc__",
    "__hash__",
    "__getattr__",
    "__iter__",
    "clone",
    "__torch_function__",
    "data",
    "ndim",
    "is_cuda",
}
for _name in sorted({name for kind in KINDS for name in vars(kind)} - _OWN):
    if hasattr(Tensor, _name):
        setattr(DeferredLogits, _name, _deferring(_name))
