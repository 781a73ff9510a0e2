"""Our losses, as the Trainer calls them, are the own loss of every class of transformers that has one."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.integrations.every_model import NOT_BUILT, B, T, V, classes, tiny_of
from tests.later import Later
from torch import Tensor

from slopes import DtypeError, OptionError, SuspiciousInputWarning
from slopes.integrations.head_logits import UnmadeLogitsError
from slopes.integrations.model_kinds import UNSHIFTED_DECODERS
from slopes.integrations.transformers import (
    TrainerLoss,
    hand_over_logits,
    masked_lm_loss,
    next_token_loss,
    with_decoder_inputs,
)

if TYPE_CHECKING:
    from transformers import PreTrainedModel

modeling_auto = Later("transformers.models.auto.modeling_auto")

# Neither their outputs' class nor their own tells that they do not shift.
UNSHIFTED: Final = UNSHIFTED_DECODERS | {"XLMWithLMHeadModel", "FlaubertWithLMHeadModel", "XLNetLMHeadModel"}

# What takes part in their own loss and cannot be counted: one is told.
TOLD: Final = MappingProxyType(
    {
        "NllbMoeForConditionalGeneration": "coder_router_logits",
        "ProphetNetForCausalLM": "logits_ngram",
        "ProphetNetForConditionalGeneration": "logits_ngram",
    }
)

# Their code asks of logits what has no closed form, and one is told.
NEED_LOGITS: Final = frozenset(
    {
        "BambaForCausalLM",  # log-sum-exp
        "ProphetNetForCausalLM",  # log-softmax
        "ProphetNetForConditionalGeneration",
    }
)

# Of these it is the forward pass that asks for them, whatever the loss.
FORWARD_NEEDS_LOGITS: Final = frozenset({"ProphetNetForCausalLM", "ProphetNetForConditionalGeneration"})

# Their head is no linear layer: it is not handed over.
NO_HEAD: Final = frozenset({"FSMTForConditionalGeneration"})


def batch_for(model: PreTrainedModel) -> dict[str, Tensor]:
    """Return texts of which the second ends early, and labels that leave some tokens out."""
    ids = torch.randint(3, V - 10, (B, T), generator=torch.Generator().manual_seed(1))
    counted = torch.ones(B, T, dtype=torch.int64)
    counted[1, -2:] = 0
    labels = ids.masked_fill(counted == 0, -100)
    if not model.config.is_encoder_decoder:  # there they would be tokens that the decoder reads
        labels[0, 2:4] = -100
    given = {"input_ids": ids, "attention_mask": counted, "output_router_logits": torch.tensor(True)}
    taken = inspect.signature(model.forward).parameters
    return {name: value for name, value in given.items() if name in taken} | {"labels": labels}


def counted_by_the_trainer(model: PreTrainedModel, labels: Tensor, *, shift: bool) -> dict[str, Tensor]:
    """Return the number of predictions, for those models that the Trainer tells it."""
    accepts = getattr(model, "accepts_loss_kwargs", None)
    if accepts is None:
        accepts = any(p.kind == p.VAR_KEYWORD for p in inspect.signature(model.forward).parameters.values())
    return {"num_items_in_batch": (labels[:, shift:] != -100).sum()} if accepts else {}


def own_inputs(model: PreTrainedModel, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what a model's own loss is computed of; FSMT's decoder would read the source, labels or not."""
    return without_labels(model, given) | given if type(model).__name__ == "FSMTForConditionalGeneration" else given


def without_labels(model: PreTrainedModel, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return what the Trainer gives a model where a loss of ours takes the labels, and a collator that knows it."""
    inputs = {name: value for name, value in given.items() if name != "labels"}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = with_decoder_inputs(model, dict)(given)["decoder_input_ids"]
    return inputs


class Learned(NamedTuple):
    """A loss, its gradient over all weights in one vector, and which weights have one."""

    loss: Tensor
    gradient: Tensor
    reached: list[str]


def learned(model: PreTrainedModel, loss_of: Callable[[], Tensor]) -> Learned:
    """Return a loss and its gradient."""
    torch.manual_seed(0)  # some models hash, or mix, at random
    loss = loss_of()
    weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
    found = zip(weights, torch.autograd.grad(loss, list(weights.values()), allow_unused=True), strict=True)
    gradients = {name: g for name, g in found if g is not None}
    return Learned(loss.detach(), torch.cat([g.flatten() for g in gradients.values()]), list(gradients))


def assert_same(came: Learned, expected: Learned, what: str) -> None:
    assert came.reached == expected.reached, what
    assert_close(came[0], expected[0].double(), size=B * T, what=what)
    scale = float(expected[1].abs().max())
    assert_close_to_scale(came[1], expected[1].double(), scale, size=B * T, what=f"{what}, gradient")


def losses_of(name: str, model: PreTrainedModel) -> tuple[TrainerLoss, TrainerLoss]:
    """Return the loss that is a model's own, and the other one."""
    masked = modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES.values()
    pair = next_token_loss(model), masked_lm_loss(model)
    unshifted = model.config.is_encoder_decoder or name in UNSHIFTED or name in masked
    return pair[::-1] if unshifted else pair


def check_one(name: str, kind: str) -> None:
    """Assert all that is to be asserted of one class."""
    model = tiny_of(name, kind)
    given = batch_for(model)
    ours, other = losses_of(name, model)
    count = counted_by_the_trainer(model, given["labels"], shift=ours.shift)
    inputs = without_labels(model, given) | count

    def own() -> Tensor:
        loss: Tensor = model(**own_inputs(model, given), **count).loss
        return loss

    def trained() -> Tensor:
        return ours(model(**inputs), given["labels"], **count)

    expected = learned(model, own)
    if name in TOLD:
        with pytest.raises(OptionError, match=TOLD[name]):
            trained()
    else:
        assert_same(learned(model, trained), expected, "without hand-over")
    if name not in UNSHIFTED and name not in TOLD:
        with torch.no_grad(), pytest.warns(SuspiciousInputWarning, match="make the loss with"):
            other(model(**inputs), given["labels"])
    check_handed_over(name, model, expected, own, trained)


def check_handed_over(
    name: str,
    model: PreTrainedModel,
    expected: Learned,
    own: Callable[[], Tensor],
    trained: Callable[[], Tensor],
) -> None:
    if name in NO_HEAD:
        with pytest.raises(DtypeError, match="hand_over_logits: the output head of"):
            hand_over_logits(model)
        return
    with hand_over_logits(model):
        with told(name in NEED_LOGITS):
            assert_same(learned(model, own), expected, "own loss, handed over")
        if name not in TOLD:
            with told(name in FORWARD_NEEDS_LOGITS):
                assert_same(learned(model, trained), expected, "handed over")


def told(allowed: bool) -> contextlib.AbstractContextManager[None]:  # noqa: FBT001
    """Expect the error that says that logits are not made, where their code asks for them."""
    return pytest.raises(UnmadeLogitsError) if allowed else contextlib.nullcontext()


# Those for which something is said above or in the models' own terms, and of the others one in six.
SAID: Final = UNSHIFTED | TOLD.keys() | NEED_LOGITS | FORWARD_NEEDS_LOGITS | NO_HEAD
FEW: Final = 6


@pytest.mark.filterwarnings("ignore:Version v4.12.0 introduces:FutureWarning")  # EncoderDecoderModel has labels
@pytest.mark.parametrize("every", [False, pytest.param(True, marks=pytest.mark.long)], ids=["some", "every"])
def test_our_losses_are_the_models_own(every: bool) -> None:  # noqa: FBT001
    """One test for all: it is red with the list of the classes for which it does not hold."""
    wrong = {}
    for place, (name, kind) in enumerate(classes()):
        if name not in NOT_BUILT and (every or name in SAID or place % FEW == 0):
            try:
                check_one(name, kind)
            except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001  what cannot be built is one of them
                wrong[name] = f"{type(error).__name__}: {error}"
    assert not wrong, "\n".join(f"{name}: {said}" for name, said in wrong.items())


def test_every_class_that_is_left_out_is_there() -> None:
    assert NOT_BUILT.keys() <= {name for name, _ in classes()}
