"""Heads whose weights are sharded: gathered for the time of the loss, or refused with advice that helps."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest
import torch
import torch.distributed as dist
from tests.accuracy import assert_close, assert_close_to_scale
from tests.integrations.tiny_models import B, T, batch, tiny
from tests.later import Later
from torch import Tensor, nn

import slopes
from slopes import DtypeError
from slopes.integrations.hand_over import HandOver, hand_over_logits
from slopes.integrations.head_logits import HeadLogits
from slopes.integrations.output_head import gives

if TYPE_CHECKING:
    from torch.distributed.device_mesh import DeviceMesh

device_mesh = Later("torch.distributed.device_mesh")
fsdp = Later("torch.distributed.fsdp")
tensor = Later("torch.distributed.tensor")
parallel = Later("torch.distributed.tensor.parallel")

Shard = Callable[[nn.Module, "DeviceMesh"], nn.Module]


@pytest.fixture
def mesh() -> Iterator[DeviceMesh]:
    """A group of this process alone, in which FSDP gathers and frees as in a larger one."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    try:
        with slopes.chunks(rows=5):
            yield device_mesh.init_device_mesh("cpu", (1,))
    finally:
        dist.destroy_process_group()


def layers_and_root(model: Any, mesh: DeviceMesh, **options: Any) -> nn.Module:  # noqa: ANN401
    for layer in model.model.layers:
        fsdp.fully_shard(layer, mesh=mesh, **options)
    fsdp.fully_shard(model, mesh=mesh, **options)
    return model


def root_resharded(model: Any, mesh: DeviceMesh) -> nn.Module:  # noqa: ANN401
    return layers_and_root(model, mesh, reshard_after_forward=True)


def head_alone(model: Any, mesh: DeviceMesh) -> nn.Module:  # noqa: ANN401
    fsdp.fully_shard(model.lm_head, mesh=mesh, reshard_after_forward=True)
    fsdp.fully_shard(model, mesh=mesh)
    return model


def first_fsdp(model: Any, mesh: DeviceMesh) -> nn.Module:  # noqa: ANN401
    del mesh
    where = {"use_orig_params": True, "device_id": torch.device("cpu")}
    model.lm_head = fsdp.FullyShardedDataParallel(model.lm_head, **where)
    return fsdp.FullyShardedDataParallel(model, **where)


SHARDS: Final[dict[str, Shard]] = {f.__name__: f for f in (layers_and_root, root_resharded, head_alone, first_fsdp)}


def trained(wrapped: nn.Module, model: nn.Module) -> tuple[Any, dict[str, Tensor]]:
    outputs = wrapped(**batch())
    outputs.loss.backward()
    named = {name.replace("_fsdp_wrapped_module.", ""): p.grad for name, p in model.named_parameters()}
    return outputs, {name: getattr(g, "full_tensor", lambda g=g: g)() for name, g in named.items() if g is not None}


@pytest.mark.filterwarnings("ignore:.*FSDP:UserWarning", "ignore::FutureWarning", "ignore:.*scalar:UserWarning")
@pytest.mark.parametrize("before", [False, True], ids=["handed over after", "handed over before"])
@pytest.mark.parametrize("name", SHARDS)
def test_a_sharded_head_learns_what_a_whole_one_does(name: str, before: bool, mesh: DeviceMesh) -> None:  # noqa: FBT001
    plain = tiny("llama")
    expected, wanted = trained(plain, plain)
    model = tiny("llama")
    if before:
        hand_over_logits(model)
    wrapped = SHARDS[name](model, mesh)
    if not before:
        hand_over_logits(model)
    for _ in range(2):  # what a step frees is there in the next
        model.zero_grad()
        came, gradients = trained(wrapped, model)
    assert isinstance(came.logits, HeadLogits)
    assert_close(came.loss.detach(), expected.loss.detach().double(), size=B * T)
    assert gradients.keys() == wanted.keys()
    scale = max(float(g.abs().max()) for g in wanted.values())
    for key, gradient in gradients.items():
        assert_close_to_scale(gradient, wanted[key].double(), scale, size=B * T, what=key)
    with torch.no_grad():
        evaluated = wrapped(**batch())
        assert_close(evaluated.loss, expected.loss.detach().double(), size=B * T)
        assert torch.equal(evaluated.logits.argmax(-1), expected.logits.argmax(-1))
    HandOver(model).undo()
    assert not any(gives(module) for module in model.modules())
    assert isinstance(wrapped(**batch()).logits, Tensor)


def test_a_tied_head_is_gathered_too(mesh: DeviceMesh) -> None:
    plain, model = tiny("gpt2"), tiny("gpt2")
    expected, wanted = trained(plain, plain)
    fsdp.fully_shard(model, mesh=mesh, reshard_after_forward=True)
    hand_over_logits(model)
    came, gradients = trained(model, model)
    assert_close(came.loss.detach(), expected.loss.detach().double(), size=B * T)
    scale = max(float(g.abs().max()) for g in wanted.values())
    assert_close_to_scale(
        gradients["transformer.wte.weight"], wanted["transformer.wte.weight"].double(), scale, size=B * T
    )


def test_outputs_of_another_dtype_under_mixed_precision(mesh: DeviceMesh) -> None:
    losses = []
    for handing in (False, True):
        model = tiny("llama")
        for layer in model.model.layers:
            fsdp.fully_shard(layer, mesh=mesh, mp_policy=fsdp.MixedPrecisionPolicy(torch.bfloat16, torch.float32))
        policy = fsdp.MixedPrecisionPolicy(torch.bfloat16, torch.float32, output_dtype=torch.float32)
        fsdp.fully_shard(model, mesh=mesh, reshard_after_forward=True, mp_policy=policy)
        if handing:
            hand_over_logits(model)
        outputs = model(**batch())
        losses.append(slopes.losses.next_token(outputs.logits, batch()["input_ids"]))
    assert losses[0].dtype == losses[1].dtype == torch.float32
    assert_close(losses[1].detach(), losses[0].detach().double(), size=B * T)


def test_a_tensor_parallel_head_is_refused_and_the_advice_helps(mesh: DeviceMesh) -> None:
    plan = {"lm_head": parallel.ColwiseParallel(output_layouts=tensor.Replicate(), use_local_output=True)}
    model, given = tiny("llama"), batch()
    expected = model(**given).loss
    hand_over_logits(model)
    with warnings.catch_warnings(action="ignore"):
        parallel.parallelize_module(model, mesh, plan)
    with pytest.raises(slopes.OptionError, match=r"sharded over processes.*HandOver\(model\)\.undo\(\)\."):
        model(**given)
    HandOver(model).undo()
    assert_close(model(**given).loss.detach(), expected.detach().double(), size=B * T)


def test_a_wrapper_that_is_not_known_is_refused() -> None:
    model = tiny("llama")
    model.lm_head = nn.Sequential(model.lm_head)
    with pytest.raises(DtypeError, match="in wrappers of PEFT or FSDP"):
        hand_over_logits(model)
