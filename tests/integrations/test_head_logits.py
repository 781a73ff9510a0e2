from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any, Final

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from tests.accuracy import assert_close, assert_close_to_scale
from torch import Tensor
from torch.utils import _pytree as pytree

from slopes import DtypeError, LinearLogits, SlopesError
from slopes.integrations.head_logits import HeadLogits

B, T, D, V = 2, 5, 4, 7
Operation = Callable[[Any], Any]


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
    "all that Gemma does": lambda z: (torch.tanh(z / 1.7) * 1.7)[:, :-1, :].contiguous().view(-1, V),
}

REFUSED: Final[dict[str, Operation]] = {
    "softmax": lambda z: z.softmax(-1),
    "torch.softmax": lambda z: torch.softmax(z, -1),
    "log_softmax": lambda z: F.log_softmax(z, -1),
    "argmax": lambda z: z.argmax(-1),
    "* -1.0": lambda z: z * -1.0,
    "* 0": lambda z: z * 0,
    "/ inf": lambda z: z / float("inf"),
    "/ nan": lambda z: z / float("nan"),
    "* a tensor []": lambda z: z * torch.tensor(2.0),
    "* True": lambda z: z * True,
    "tanh a second time": lambda z: z.tanh().tanh(),
    "+ a bias after a soft cap or a scale": lambda z: z / 2.0 + OFFSET,
    "+ a tensor [2, 5, 7]": lambda z: z + torch.zeros(B, T, V),
    "+ a tensor [1]": lambda z: z + torch.zeros(1),
    "+ 1.0": lambda z: z + 1.0,
    "an index [0]": lambda z: z[0],
    "an index [:, -1]": lambda z: z[:, -1],
    "an index [a tensor": lambda z: z[torch.ones(B, T, dtype=torch.bool)],
    "a slice of the vocabulary": lambda z: z[..., :3],
    "a slice of the vocabulary, all dimensions said": lambda z: z[:, :, :3],
    "a slice of the vocabulary, nothing left to spread": lambda z: z[:, :, :3, ...],
    "an assignment": lambda z: z.__setitem__((..., 0), 0.0),
    "iteration": list,
    "view(-1, 14)": lambda z: z.view(-1, 14),
    "view(10, -1)": lambda z: z.view(10, -1),
    "transpose": lambda z: z.transpose(1, 2),
    "float() of float64": lambda z: z.float(),
    "to(torch.bfloat16)": lambda z: z.to(torch.bfloat16),
    "to(device(type='meta'))": lambda z: z.to(torch.device("meta")),
    "F.cross_entropy with distributions": lambda z: F.cross_entropy(z.view(-1, V), torch.full((B * T, V), 1 / V)),
    "F.cross_entropy of more than two": lambda z: F.cross_entropy(z, torch.zeros(B, V, dtype=torch.int64)),
    "F.cross_entropy with size_average": lambda z: F.cross_entropy(z.view(-1, V), TARGETS.view(-1), reduce=False),
    "swap the arguments": lambda z: F.cross_entropy(torch.zeros(B * T, V), z.view(-1, V)),
}


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_gives_what_it_gives_on_tensors(name: str, bias: bool) -> None:  # noqa: FBT001
    given = logits(bias=bias)
    came, expected = OPERATIONS[name](given), OPERATIONS[name](F.linear(given.hidden, given.weight, given.bias))
    assert isinstance(came, HeadLogits)
    assert came.shape == expected.shape
    assert came.numel() == expected.numel()
    assert_close_to_scale(came.materialize(), expected, float(expected.abs().max()), what=name)


@pytest.mark.parametrize("name", REFUSED)
def test_an_operation_without_a_closed_form_is_refused(name: str) -> None:
    with pytest.raises(DtypeError) as caught:
        REFUSED[name](logits())
    message = str(caught.value)
    assert name.split(",", maxsplit=1)[0] in message
    if "swap" not in name:
        assert message.startswith("hand_over_logits: the model or the training loop asks for ")
        assert message.endswith("undo the hand-over.")


def test_a_refusal_reads() -> None:
    with pytest.raises(SlopesError) as caught:
        logits().softmax(-1)
    assert str(caught.value) == (
        "hand_over_logits: the model or the training loop asks for `softmax` of logits [2, 5, 7] that are not made, "
        "expected scaling by a number above 0, one tanh, a bias, slices and shapes that keep the whole vocabulary, "
        "F.cross_entropy, or a loss of slopes; take logits.materialize() if they fit into memory, or undo the "
        "hand-over."
    )


def test_hasattr_may_ask() -> None:
    assert not hasattr(logits(), "softmax")
    assert not hasattr(logits(), "__array__")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_float_changes_nothing_of_what_is_computed_in_float32(dtype: torch.dtype) -> None:
    given = logits(dtype=dtype)
    assert given.float() is given
    assert given.to(torch.float32) is given
    assert given.materialize().dtype == torch.float32


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weight", [None, CLASS_WEIGHT])
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


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])  # noqa: S301
def test_copies(copied: Callable[[HeadLogits], HeadLogits]) -> None:
    given = torch.tanh(logits() / 3.0)
    came = copied(given)
    assert isinstance(came, LinearLogits)
    assert torch.equal(came.materialize(), given.materialize())
