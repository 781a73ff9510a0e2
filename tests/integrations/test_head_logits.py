from __future__ import annotations

import copy
import functools
import operator
import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from torch import Tensor
from torch.overrides import get_overridable_functions, resolve_name
from torch.utils import _pytree as pytree

from slopes import DtypeError, LinearLogits, SlopesError
from slopes.integrations.head_logits import HeadLogits
from slopes.integrations.unmade import UnmadeLogitsError

B, T, D, V = 2, 5, 4, 7
Operation = Callable[[Any], Any]


def logits_of_one_class() -> HeadLogits:
    return HeadLogits(torch.ones(B, T, D), torch.ones(1, D))


def logits(*, bias: bool = True, dtype: torch.dtype = torch.float64) -> HeadLogits:
    generator = torch.Generator().manual_seed(0)
    hidden, weight, offset = (
        torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for shape in ((B, T, D), (V, D), (V,))
    )
    return HeadLogits(hidden, weight, offset if bias else None)


OFFSET: Final = torch.linspace(-1, 2, V, dtype=torch.float64)
TARGETS: Final = torch.tensor([[0, 6, -100, 2, 1], [3, 3, 5, -100, 4]])
CLASS_WEIGHT: Final = torch.linspace(0.5, 2, V, dtype=torch.float64)

OPERATIONS: Final[dict[str, Operation]] = {
    "divided": lambda z: z / 3.0,
    "multiplied": lambda z: z * 0.3,
    "multiplied from the left": lambda z: 2 * z,
    "tanh": torch.tanh,
    "method tanh": lambda z: z.tanh(),
    "F.tanh": F.tanh,
    "soft cap": lambda z: torch.tanh(z / 1.7) * 1.7,
    "soft cap after a scale": lambda z: 1.7 * torch.tanh((z * 5.0) / 1.7),
    "scale after a soft cap": lambda z: torch.tanh(z / 1.7) * 1.7 / 0.4,
    "bias": lambda z: z + OFFSET,
    "bias as a row": lambda z: z + OFFSET.view(1, V),
    "bias from the left": lambda z: OFFSET + z,
    "shifted": lambda z: z[..., :-1, :],
    "shifted, vocabulary unsaid": lambda z: z[:, 1:],
    "rows of the batch": lambda z: z[1:],
    "all": lambda z: z[...],
    "flat": lambda z: z.view(-1, V),
    "flat by its size": lambda z: z.reshape(-1, z.size(-1)),
    "reshaped by a tuple": lambda z: z.reshape((T, B, V)),
    "shifted and flat": lambda z: z[..., :-1, :].contiguous().view(-1, z.shape[-1]),
    "to its dtype": lambda z: z.to(torch.float64),
    "to its device": lambda z: z.to("cpu", non_blocking=True),
    "a negative factor": lambda z: torch.tanh(z / 1.7) * -1.7,
    "a sign": lambda z: -z,
    "another sign of it": lambda z: torch.neg(torch.tanh(-z)),
    "each class by its own": lambda z: z * OFFSET,
    "each class by its own, scaled": lambda z: OFFSET.view(1, V) * (z / 2.0),
    "less a bias": lambda z: z - OFFSET,
    "a bias less": lambda z: OFFSET - z,
    "two": lambda z: z / 3.0 + 0.2 * z,
    "a difference of two": lambda z: z - z[..., :] * 0.5,
    "as LoRA and IA3 do": lambda z: (z + z * 0.5) * OFFSET,
    "torch's own functions": lambda z: torch.mul(torch.add(z, OFFSET), 2.0),
    "methods": lambda z: z.add(OFFSET).mul(2.0).div(3.0).sub(OFFSET * 0 + z),
    "a mask": lambda z: z[TARGETS != -100],
    "a mask of the batch": lambda z: z[torch.tensor([False, True])],
    "last token": lambda z: z[:, -1],
    "last tokens": lambda z: z[torch.arange(B), torch.tensor([2, 4])],
    "tokens by a list": lambda z: z[:, [0, 3, 3]],
    "one of the batch": lambda z: z[1],
    "one token": lambda z: z[0, 2],
    "a dimension more": lambda z: z[:, None, 1:],
    "the vocabulary, by its size": lambda z: z[..., :V],
    "flattened": lambda z: z.flatten(0, 1),
    "flattened by torch": lambda z: torch.flatten(z, end_dim=-2),
    "unflattened": lambda z: z.flatten(0, 1).unflatten(0, (T, B)),
    "squeezed": lambda z: z.unsqueeze(1).squeeze(1),
    "squeezed in a row": lambda z: z[:1].unsqueeze(0).squeeze((0, 1)),
    "all squeezed": lambda z: z[:1].squeeze(),
    "transposed": lambda z: z.transpose(0, 1),
    "transposed by torch": lambda z: torch.transpose(z, 0, -2),
    "swapped": lambda z: z.swapaxes(0, 1),
    "permuted": lambda z: z.permute(1, 0, 2),
    "expanded": lambda z: z[:1].expand(3, -1, V),
    "narrowed": lambda z: z.narrow(1, 1, 2),
    "selected": lambda z: z.select(1, -1),
    "selected by index": lambda z: z.index_select(1, torch.tensor([4, 0])),
    "the second part": lambda z: z.split(2, 1)[1],
    "the second chunk": lambda z: torch.chunk(z, 2)[1],
    "unbound": lambda z: z.unbind(1)[2],
    "iterated": lambda z: list(z)[1],
    "detached": lambda z: z.detach(),
    "their data": lambda z: z.data,
    "cloned": lambda z: z.clone(),
    "in double": lambda z: z.double(),
    "as another": lambda z: z.type_as(OFFSET),
    "all that Gemma does": lambda z: (torch.tanh(z / 1.7) * 1.7)[:, :-1, :].contiguous().view(-1, V),
}

REFUSED: Final[dict[str, Operation]] = {
    "softmax": lambda z: z.softmax(-1),
    "torch.softmax": lambda z: torch.softmax(z, -1),
    "log_softmax": lambda z: F.log_softmax(z, -1),
    "argmax": lambda z: z.argmax(-1),
    "/ inf": lambda z: z / float("inf"),
    "/ nan": lambda z: z / float("nan"),
    "* a tensor []": lambda z: z * torch.tensor(2.0),
    "* True": lambda z: z * True,
    "tanh a second time": lambda z: z.tanh().tanh(),
    "+ a bias after a soft cap or a scale": lambda z: z / 2.0 + OFFSET,
    "+ a tensor [2, 5, 7]": lambda z: z + torch.zeros(B, T, V),
    "+ a tensor [1]": lambda z: z + torch.zeros(1),
    "+ 1.0": lambda z: z + 1.0,
    "a slice of the vocabulary": lambda z: z[..., :3],
    "a slice of the vocabulary, all dimensions said": lambda z: z[:, :, :3],
    "a slice of the vocabulary, nothing left to spread": lambda z: z[:, :, :3, ...],
    "an assignment": lambda z: z.__setitem__((..., 0), 0.0),
    "view(-1, 14)": lambda z: z.view(-1, 14),
    "view(10, -1)": lambda z: z.view(10, -1),
    "transpose of the vocabulary": lambda z: z.transpose(1, 2),
    "flatten of the vocabulary": lambda z: z.flatten(),
    "squeeze()": lambda _: logits_of_one_class().squeeze(),
    "unsqueeze(-1)": lambda z: z.unsqueeze(-1),
    "permute(0, 2, 1)": lambda z: z.permute(0, 2, 1),
    "expand(2, 5, 14)": lambda z: z.expand(2, 5, 14),
    "select of the vocabulary": lambda z: z.select(-1, 0),
    "unbind of the vocabulary": lambda z: list(z[0, 0]),
    "an index [:, :, 0]": lambda z: z[:, :, 0],
    "an index [Ellipsis, None]": lambda z: z[..., None],
    "an index [a tensor [2, 5, 7]]": lambda z: z[torch.ones(B, T, V, dtype=torch.bool)],
    "an index [True]": lambda z: z[True],
    "/ 0": lambda z: z / 0,
    "* a vector after a soft cap": lambda z: z.tanh() * OFFSET,
    "* logits [2, 5, 7]": lambda z: z * z,
    "+ logits after a soft cap": lambda z: z + z.tanh(),
    "+ logits [2, 4, 7]": lambda z: z + z[:, 1:],
    "`add` with options": lambda z: z.add(OFFSET, alpha=2),
    "`div` with options": lambda z: z.div(2.0, rounding_mode="floor"),
    "`torch.cat`": lambda z: torch.cat([z, z]),
    "`__itruediv__`": lambda z: z.__itruediv__(2.0),
    "`__bool__`": bool,
    "`__float__`": float,
    "`__contains__`": lambda z: 1.0 in z,
    "`__array__`": np.asarray,
    "`__matmul__`": lambda z: z @ z,
    "`__pow__`": lambda z: z**2,
    "`__lt__`": lambda z: z < 0,
    "`==`": lambda z: z == 0.0,
    "`!=`": lambda z: z != 0.0,
    "float() of float64": lambda z: z.float(),
    "to(torch.bfloat16)": lambda z: z.to(torch.bfloat16),
    "to(device(type='meta'))": lambda z: z.to(torch.device("meta")),
    "F.cross_entropy with distributions": lambda z: F.cross_entropy(z.view(-1, V), torch.full((B * T, V), 1 / V)),
    "F.cross_entropy of more than two": lambda z: F.cross_entropy(z, torch.zeros(B, V, dtype=torch.int64)),
    "F.cross_entropy with size_average": lambda z: F.cross_entropy(z.view(-1, V), TARGETS.view(-1), reduce=False),
    "swap the arguments": lambda z: F.cross_entropy(torch.zeros(B * T, V), z.view(-1, V)),
}


@each("bias", [False, True])
@each("name", OPERATIONS)
def test_an_operation_gives_what_it_gives_on_tensors(name: str, bias: bool) -> None:  # noqa: FBT001
    given = logits(bias=bias)
    came, expected = OPERATIONS[name](given), OPERATIONS[name](F.linear(given.hidden, given.weight, given.bias))
    assert isinstance(came, HeadLogits)
    assert came.shape == expected.shape
    assert came.numel() == expected.numel()
    assert_close_to_scale(came.materialize(), expected, float(expected.abs().max()), what=name)


@each("name", REFUSED)
def test_an_operation_without_a_closed_form_is_refused(name: str) -> None:
    with pytest.raises(DtypeError) as caught:
        REFUSED[name](logits())
    message = str(caught.value)
    assert name.split(",", maxsplit=1)[0] in message
    if "swap" not in name:
        assert message.startswith("hand_over_logits: the model or the training loop asks for ")
        assert message.endswith("or let the model make them: HandOver(model).undo().")


def test_a_refusal_reads() -> None:
    with pytest.raises(SlopesError) as caught:
        logits().softmax(-1)
    assert str(caught.value) == (
        "hand_over_logits: the model or the training loop asks for `softmax` of logits [2, 5, 7] that are not made, "
        "expected scaling by a number or a vector of the vocabulary, one tanh, a bias, a sum of two, indices and "
        "shapes that leave the vocabulary whole and last, F.cross_entropy, or a loss of slopes; take "
        "logits.materialize() if they fit into memory, or let the model make them: HandOver(model).undo()."
    )


def test_hasattr_may_ask() -> None:
    assert not hasattr(logits(), "softmax")
    assert not hasattr(logits(), "__array_interface__")


def test_what_they_are_is_asked_without_making_them() -> None:
    given = logits()
    assert (given.ndim, len(given), given.nelement(), given.size(1)) == (3, B, B * T * V, T)
    assert given.is_floating_point()
    assert not given.is_cuda
    assert given is not None
    assert (given == None) is False  # noqa: E711  as torch answers


@each("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_float_changes_nothing_of_what_is_computed_in_float32(dtype: torch.dtype) -> None:
    given = logits(dtype=dtype)
    assert given.float() is given
    assert given.to(torch.float32) is given
    assert given.materialize().dtype == torch.float32


@each("reduction", ["mean", "sum", "none"])
@each("label_smoothing", [0.0, 0.2])
@each("weight", [None, CLASS_WEIGHT])
def test_cross_entropy_is_torchs(reduction: str, label_smoothing: float, weight: Tensor | None) -> None:
    given = logits().view(-1, V)
    options = {"weight": weight, "reduction": reduction, "label_smoothing": label_smoothing}
    expected = F.cross_entropy(F.linear(given.hidden, given.weight, given.bias), TARGETS.view(-1), **options)
    assert_close(F.cross_entropy(given, TARGETS.view(-1), **options), expected, size=V)


def test_the_module_of_cross_entropy_takes_them_and_another_ignored_index() -> None:
    given = logits().view(-1, V)
    targets = TARGETS.view(-1).masked_fill(TARGETS.view(-1) == -100, 3)
    expected = torch.nn.CrossEntropyLoss(ignore_index=3)(F.linear(given.hidden, given.weight, given.bias), targets)
    assert_close(torch.nn.CrossEntropyLoss(ignore_index=3)(given, targets), expected, size=V)


def test_a_tree_of_outputs_holds_the_hidden_states_and_keeps_the_rest() -> None:
    given = logits() / 2.0
    leaves, spec = pytree.tree_flatten({"loss": None, "logits": given})
    (hidden,) = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
    assert hidden is given.hidden
    again = pytree.tree_unflatten([leaf if leaf is None else leaf * 2 for leaf in leaves], spec)["logits"]
    assert torch.equal(again.hidden, given.hidden * 2)
    assert again.weight is given.weight
    assert (again.temperature, type(again)) == (2.0, HeadLogits)
    assert pytree.tree_map(lambda _: "leaf", given) == "leaf"


@each("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
def test_copies(copied: Callable[[HeadLogits], HeadLogits]) -> None:
    given = torch.tanh(logits() / 3.0)
    came = copied(given)
    assert isinstance(came, LinearLogits)
    assert torch.equal(came.materialize(), given.materialize())


# The law: whatever of torch's functions is called, the answer is that of made logits, or a refusal


def outcome(call: Callable[[], object]) -> object:
    """Return what a call gives; the error where it raises one, as an operator does that leaves it to the other side."""
    try:
        given = call()
    except Exception as error:  # noqa: BLE001  whatever torch raises
        return error
    return TypeError("not implemented") if given is NotImplemented else given


FUNCTIONS: Final = sorted(
    {
        f
        for found in get_overridable_functions().values()
        for f in found
        if "torch.Tensor." not in (resolve_name(f) or "torch.Tensor.")
    },
    key=lambda f: (resolve_name(f), id(f)),
)
GIVEN: Final = logits()
LARGEST: Final = float(GIVEN.materialize().abs().max())
ARGUMENTS: Final[tuple[Callable[[Any], tuple[Any, ...]], ...]] = (
    lambda z: (z,),
    lambda z: ([z, z],),
    lambda z: (z, z),
    lambda z: ((z, [z]), 0),
    lambda z: (z, 0),
    lambda z: (z, 1),
    lambda z: (z, -1),
    lambda z: (z, -2, 0),
    lambda z: (z, 0, 1),
    lambda z: (z, 2.0),
    lambda z: (z, OFFSET),
    lambda z: (OFFSET.clone(), z),
    lambda z: (OFFSET.clone(), [z, z]),
    lambda z: (z, (B * T, V)),
    lambda z: (z, 0, torch.tensor([1])),
    lambda z: (z, 1, 0, 2),
)


def judged(call: Callable[[Any], object]) -> str | None:
    """Return "answered" where a call gives of unmade logits what it gives of made ones, None where both refuse."""
    came = outcome(lambda: call(GIVEN))
    if isinstance(came, UnmadeLogitsError):
        return None
    expected = outcome(lambda: call(F.linear(GIVEN.hidden, GIVEN.weight, GIVEN.bias)))
    if isinstance(came, Exception) and isinstance(expected, Exception):  # a call that is wrong in any case
        return None
    pairs = zip(parts(came), parts(expected), strict=False)
    same = len(parts(came)) == len(parts(expected)) and all(alike(one, other) for one, other in pairs)
    return "answered" if same else f"{type(came).__name__} {came} where torch has {type(expected).__name__}"


def parts(value: object) -> list[Any]:
    return pytree.tree_leaves(
        list(value) if isinstance(value, Iterator) else value, is_leaf=lambda x: isinstance(x, LinearLogits)
    )


def alike(one: object, other: object) -> bool:
    if not isinstance(one, HeadLogits) or not isinstance(other, Tensor) or one.shape != other.shape:
        return type(one) is type(other) and (torch.equal(one, other) if isinstance(one, Tensor) else one == other)
    # Of a difference that cancels, errors are those of its terms.
    assert_close_to_scale(one.materialize(), other, max(float(other.abs().max()), LARGEST))
    return True


def assert_lawful(calls: Iterable[tuple[str, Callable[[Any], object]]], *, answered: set[str]) -> None:
    """Assert that every call is answered rightly or refused, and some of them answered."""
    said = [(name, judged(call)) for name, call in calls]
    assert "\n".join(f"{name}: {what}" for name, what in said if what not in {None, "answered"}) == ""
    assert answered <= {name for name, what in said if what == "answered"}


@pytest.mark.filterwarnings("ignore")  # torch's, about functions that it will drop
def test_every_function_of_torch_answers_as_for_made_logits_or_refuses() -> None:
    calls = [
        (resolve_name(f) or str(f), lambda z, f=f, arguments=arguments: f(*arguments(z)))
        for f in FUNCTIONS
        for arguments in ARGUMENTS
    ]
    assert len(calls) > 10_000
    assert_lawful(calls, answered={"torch.reshape", "torch.flatten", "torch.neg", "torch.mul", "torch.unbind"})


@pytest.mark.filterwarnings("ignore")  # likewise
def test_every_method_of_a_tensor_answers_as_for_made_logits_or_refuses() -> None:
    def called(name: str, arguments: Callable[[Any], tuple[Any, ...]], z: Any) -> object:  # noqa: ANN401  either kind
        own, *others = arguments(z)
        return getattr(own, name)(*others)

    names = [name for name in dir(Tensor) if name[0] != "_" or callable(vars(operator).get(name))]
    calls = [
        (name, functools.partial(called, name, arguments))
        for name in names
        for arguments in ARGUMENTS
        if isinstance(arguments("z")[0], str) and (name[0] != "_" or len(arguments("z")) == 2)
    ]
    assert len(calls) > 4_000
    assert_lawful(calls, answered={"view", "flatten", "__getitem__", "__sub__", "size", "detach", "to"})


@each(
    "name",
    [
        "cat",
        "concat",
        "concatenate",
        "stack",
        "hstack",
        "vstack",
        "dstack",
        "row_stack",
        "column_stack",
        "block_diag",
        "cartesian_prod",
        "broadcast_tensors",
        "atleast_1d",
        "meshgrid",
        "einsum",
    ],
)
def test_lists_of_logits_are_refused_by_name(name: str) -> None:
    function, z = getattr(torch, name), logits()
    calls = {
        "einsum": lambda: function("btv,btv->bt", z, z),
        **dict.fromkeys(("block_diag", "cartesian_prod", "broadcast_tensors"), lambda: function(z, z)),
    }
    with pytest.raises(UnmadeLogitsError, match="that are not made"):
        list(map(lambda _: calls.get(name, lambda: function([z, z]))(), range(2)))  # noqa: C417  `map` swallows a StopIteration
