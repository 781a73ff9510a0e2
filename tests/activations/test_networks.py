"""Activations inside networks: SELU through fifty layers, and the gated block beside that of `transformers`."""

from __future__ import annotations

from typing import Final

import torch
from tests.each import each
from tests.later import Later
from torch import Tensor, nn

import slopes
from slopes import activations as A  # noqa: N812  the name that the documentation uses

transformers = Later("transformers")
modeling_gemma = Later("transformers.models.gemma.modeling_gemma")
modeling_llama = Later("transformers.models.llama.modeling_llama")

LAYERS: Final = 50
WIDTH: Final = 512
BATCH: Final = 512


def through(activation: nn.Module, *between: nn.Module) -> list[tuple[float, float]]:
    """Return mean and variance of the activations after each layer of a deep network that LeCun initialised."""
    x = torch.randn(BATCH, WIDTH)
    found = []
    with torch.no_grad():
        for _ in range(LAYERS):
            layer = nn.Linear(WIDTH, WIDTH)
            nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
            nn.init.zeros_(layer.bias)
            x = activation(layer(x))
            for module in between:
                x = module(x)
            found.append((x.mean().item(), x.var().item()))
    return found


def test_selu_keeps_mean_0_and_variance_1_through_fifty_layers() -> None:
    for mean, variance in through(A.SELU()):
        assert abs(mean) < 0.1
        assert 0.85 < variance < 1.15


def test_selu_keeps_them_under_alpha_dropout() -> None:
    for mean, variance in through(A.SELU(), nn.AlphaDropout(0.1)):
        assert abs(mean) < 0.15
        assert 0.8 < variance < 1.2


@each("activation", [A.ELU(), A.ReLU(), A.Tanh()], ids=str)
def test_others_do_not(activation: nn.Module) -> None:
    mean, variance = through(activation)[-1]
    assert abs(mean) > 0.15 or not 0.8 < variance < 1.2


def test_plain_dropout_breaks_selu() -> None:
    assert any(not 0.8 < variance < 1.2 for _, variance in through(A.SELU(), nn.Dropout(0.1)))


@each("exact", [False, True], ids=["default", "exact"])
def test_the_gated_block_is_that_of_llama(exact: bool) -> None:  # noqa: FBT001
    theirs = modeling_llama.LlamaMLP(
        transformers.LlamaConfig(hidden_size=24, intermediate_size=56, num_attention_heads=2)
    )
    ours = A.GatedFFN(24, 56)
    assert ours.load_state_dict(theirs.state_dict()) == ([], [])
    assert_same(ours, theirs, exact=exact)


def test_the_gated_block_with_gelu_is_that_of_gemma() -> None:
    configuration = transformers.GemmaConfig(
        hidden_size=24, intermediate_size=56, hidden_activation="gelu_pytorch_tanh"
    )
    theirs = modeling_gemma.GemmaMLP(configuration)
    ours = A.GatedFFN(24, 56, activation="gelu_tanh")
    ours.load_state_dict(theirs.state_dict())
    assert_same(ours, theirs, exact=False)


def assert_same(ours: nn.Module, theirs: nn.Module, *, exact: bool) -> None:
    """Assert equal outputs, and equal gradients by the input and every weight."""
    x = torch.randn(2, 5, 24)
    results: list[list[Tensor]] = []
    for block in (ours, theirs):
        at = x.clone().requires_grad_()
        with slopes.exact(exact):
            y = block(at)
            results.append([y, *torch.autograd.grad(y.square().sum(), [at, *block.parameters()])])
    for came, wanted in zip(*results, strict=True):
        assert torch.allclose(came, wanted, rtol=1e-5, atol=1e-6)


@each(
    ("d_model", "multiple_of", "d_hidden"),
    [(64, 8, 168), (4096, 256, 11008), (768, 8, 2048), (1, 8, 8), (4096, 1, 10923)],
)
def test_the_hidden_size_keeps_the_number_of_parameters(d_model: int, multiple_of: int, d_hidden: int) -> None:
    block = A.GatedFFN(d_model, multiple_of=multiple_of, device="meta")
    assert block.d_hidden == d_hidden
    plain = 2 * d_model * 4 * d_model
    rounding = 3 * d_model * multiple_of
    assert abs(sum(p.numel() for p in block.parameters()) - plain) <= rounding


@each(
    ("activation", "gate"),
    [("swish", A.swish), ("gelu", A.gelu), ("sigmoid", A.sigmoid)],
    ids=["swish", "gelu", "sigmoid"],
)
def test_the_gated_block_by_its_definition(activation: str, gate: object) -> None:
    block = A.GatedFFN(6, 10, activation=activation, dtype=torch.float64)
    x = torch.randn(3, 6, dtype=torch.float64)
    wanted = block.down_proj(gate(block.gate_proj(x)) * block.up_proj(x))
    assert torch.allclose(block(x), wanted, rtol=1e-13)
    assert f"activation='{activation}'" in repr(block)
    assert {name for name, _ in block.named_parameters()} == {f"{part}_proj.weight" for part in ("gate", "up", "down")}
