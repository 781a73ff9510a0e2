"""Logits that are never made give what logits that are made give: values, gradients, refusals, in any circumstances."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mpmath
import pytest
import torch
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.later import Later
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.utils.checkpoint import checkpoint

import slopes
from slopes import DtypeError, LinearLogits, OptionError, ShapeError, ValuesError
from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes._core.linear_logits import Logits
from slopes.kernels.blocks import blockwise
from slopes.kernels.blocks.operators import Nodes, packed

common = Later("torch._dynamo.backends.common")
functorch_aot = Later("torch._functorch.aot_autograd")

B, T, D, V = 3, 5, 8, 37  # no chunk of rows divides B · T

Loss = Callable[[Logits], Tensor]
IDS = torch.randint(V, (B, T), generator=torch.Generator().manual_seed(1))
SOME_IGNORED = IDS.masked_fill(torch.rand(B, T, generator=torch.Generator().manual_seed(2)) < 0.4, -100)
SOFT = torch.rand(B, T, V, dtype=torch.float64, generator=torch.Generator().manual_seed(3)).softmax(-1)
CLASSES = torch.rand(V, dtype=torch.float64, generator=torch.Generator().manual_seed(4)) + 0.1
WEIGHT = torch.rand(B, T, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
TEACHER = torch.randn(B, T, V, dtype=torch.float64, generator=torch.Generator().manual_seed(6))

LOSSES: dict[str, Loss] = {
    "cross_entropy": lambda x: L.cross_entropy(x, IDS),
    "some ignored": lambda x: L.cross_entropy(x, SOME_IGNORED),
    "for each row": lambda x: L.cross_entropy(x, SOME_IGNORED, reduction="none"),
    "sum": lambda x: L.cross_entropy(x, IDS, reduction="sum"),
    "mask": lambda x: L.cross_entropy(x, IDS, mask=WEIGHT > 0.5),
    "weight": lambda x: L.cross_entropy(x, IDS, weight=WEIGHT),
    "denominator": lambda x: L.cross_entropy(x, IDS, denominator=7.0),
    "class weights": lambda x: L.cross_entropy(x, SOME_IGNORED, class_weight=CLASSES),
    "smoothed": lambda x: L.cross_entropy(x, SOME_IGNORED, label_smoothing=0.1, class_weight=CLASSES),
    "smoothed over others": lambda x: L.cross_entropy(x, IDS, label_smoothing=0.1, smooth_over="others"),
    "soft": lambda x: L.cross_entropy(x, SOFT, class_weight=CLASSES, label_smoothing=0.1),
    "softmax_focal": lambda x: L.softmax_focal(x, IDS, gamma=1.5),
    "z-loss": lambda x: L.cross_entropy(x, SOME_IGNORED, z_loss=0.3, class_weight=CLASSES),
    "z-loss of soft targets": lambda x: L.cross_entropy(x, SOFT, z_loss=0.3, label_smoothing=0.1),
    "next_token": lambda x: L.next_token(x, IDS),
    "masked_lm": lambda x: L.masked_lm(x, SOME_IGNORED),
    "sft": lambda x: L.sft(x, IDS, IDS > 5),
    "perplexity": lambda x: L.perplexity(x, IDS).log(),
    "token_log_probs": lambda x: L.token_log_probs(x, IDS),
    "sequence_log_prob": lambda x: L.sequence_log_prob(x, IDS, mask=IDS > 3, average=True),
    "distillation": lambda x: L.distillation(x, TEACHER, IDS),
    "dpo": lambda x: L.dpo(
        *L.sequence_log_prob(x, IDS)[:2], *torch.tensor([-20.0, -21.0], dtype=torch.float64), beta=0.01
    ),
}


@pytest.fixture(autouse=True)
def _small_chunks() -> Iterator[None]:
    with slopes.chunks(budget=1200):  # four rows of float64
        yield


def head(dtype: torch.dtype = torch.float64, *, seed: int = 0, learn: tuple[bool, bool, bool] = (True, True, True)) -> list[Tensor]:  # noqa: E501  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    shapes = ((B, T, D), (V, D), (V,))
    made = [torch.randn(shape, dtype=torch.float64, generator=generator).to(dtype) for shape in shapes]
    return [t.requires_grad_(wanted) for t, wanted in zip(made, learn, strict=True)]


def gradients(value: Tensor, tensors: list[Tensor], upstream: Tensor | None = None) -> list[Tensor]:
    wanted = [t for t in tensors if t.requires_grad]
    return list(torch.autograd.grad(value, wanted, torch.ones_like(value) if upstream is None else upstream))


def assert_alike(mine: Tensor, theirs: Tensor) -> None:
    """Assert closeness of gradients, whose entries are sums over rows, to the size of the largest."""
    assert_close_to_scale(mine, theirs.detach(), max(float(theirs.detach().abs().max()), 1e-30), size=B * T)


def reach(result: Tensor, made: Tensor, tensors: Sequence[Tensor], temperature: float = 1.0) -> Tensor:
    """Return what one last place of every term of the logits moves each entry of a result by, with its own last place.

    Two products that add up in another order differ by so much in their logits, and what is made of them by their
    slopes: an entropy of a sure row is far smaller than the logits that it comes from.
    """
    sizes = [t.detach().abs() for t in tensors]
    terms = torch.nn.functional.linear(*sizes) / temperature
    slopes_ = [torch.autograd.grad(entry, made, retain_graph=True)[0] for entry in result.flatten()]
    moved = [(slope.abs() * terms).sum() for slope in slopes_]
    return torch.stack(moved).reshape(result.shape) + result.detach().abs()


def assert_same(loss: Loss, tensors: list[Tensor], upstream: Tensor | None = None, **bends: float) -> None:
    logits = LinearLogits(*tensors, **bends)
    made = logits.materialize()
    chunked, whole = loss(logits), loss(made)
    assert_close_to_scale(chunked, whole, reach(whole, made, tensors, bends.get("temperature", 1.0)))
    found = zip(gradients(chunked, tensors, upstream), gradients(whole, tensors, upstream), strict=True)
    for mine, theirs in found:
        assert_alike(mine, theirs)


@each("name", LOSSES)
@each("bends", [{}, {"temperature": 0.7}, {"soft_cap": 3.0}, {"temperature": 2.0, "soft_cap": 5.0}])
def test_every_loss_gives_what_made_logits_give(name: str, bends: dict[str, float]) -> None:
    assert_same(LOSSES[name], head(), **bends)


@each("learn", [c for c in itertools.product((True, False), repeat=3) if any(c)])
@each("name", ["some ignored", "for each row"])
def test_any_part_may_be_frozen(name: str, learn: tuple[bool, bool, bool]) -> None:
    assert_same(LOSSES[name], head(learn=learn))


def test_both_sides_of_a_distillation_may_be_unmade() -> None:
    student, teacher = head(), head(seed=1)
    made = [LinearLogits(*side) for side in (student, teacher)]
    chunked = L.distillation(made[0], made[1], IDS)
    whole = L.distillation(made[0].materialize(), made[1].materialize(), IDS)
    assert_close(chunked, whole)
    for mine, theirs in zip(
        gradients(chunked, [*student, *teacher]), gradients(whole, [*student, *teacher]), strict=True
    ):
        assert_alike(mine, theirs)


def test_value_against_fifty_digits() -> None:
    tensors = head()
    loss = L.cross_entropy(LinearLogits(*tensors), IDS)
    hidden, weight, bias = (t.detach().tolist() for t in tensors)
    with mpmath.workdps(50):
        total = mpmath.mpf(0)
        for rows, targets in zip(hidden, IDS.tolist(), strict=True):
            for h, target in zip(rows, targets, strict=True):
                z = [mpmath.fdot(h, w) + b for w, b in zip(weight, bias, strict=True)]
                total += mpmath.log(mpmath.fsum(mpmath.exp(v - z[target]) for v in z))
        assert mpmath.almosteq(total / (B * T), loss.item(), rel_eps=1e-13)


def test_rows_that_softmax_cannot_do_are_made_again() -> None:
    """Leads of hundreds, among ordinary rows of the same chunk: both ends of what float32 can say."""
    hidden, weight, _ = head(torch.float32)
    hidden = hidden.detach().reshape(-1, D)
    hidden[::3] *= 200
    hidden.requires_grad_()
    targets = IDS.reshape(-1)
    with torch.no_grad():
        sure = (hidden @ weight.t()).argmax(-1)
    for chosen in (targets, sure):
        logits = LinearLogits(hidden, weight)
        chunked, whole = (L.cross_entropy(x, chosen, reduction="none") for x in (logits, logits.materialize()))
        assert_close_to_scale(chunked, whole.detach(), float(whole.detach().abs().max()))
        one, other = (L.cross_entropy(x, chosen) for x in (logits, logits.materialize()))
        for mine, theirs in zip(gradients(one, [hidden, weight]), gradients(other, [hidden, weight]), strict=True):
            assert_alike(mine, theirs)


def test_any_upstream() -> None:
    tensors = head()
    assert_same(LOSSES["cross_entropy"], tensors, torch.tensor(-2.5, dtype=torch.float64))
    assert_same(LOSSES["for each row"], tensors, torch.randn(B, T, dtype=torch.float64))


def test_a_second_backward_pass_gives_the_same() -> None:
    tensors = head()
    loss = L.cross_entropy(LinearLogits(*tensors), IDS)
    first = torch.autograd.grad(loss, tensors, retain_graph=True)
    kept = [t.clone() for t in first]
    for t in first:
        t.zero_()  # the caller may do what he likes with what he was given
    for mine, again in zip(kept, torch.autograd.grad(loss, tensors), strict=True):
        assert_alike(mine, again)


def test_second_derivatives() -> None:
    def of(*tensors: Tensor) -> Tensor:
        return L.cross_entropy(LinearLogits(*tensors, temperature=0.8, soft_cap=4.0), SOME_IGNORED)

    assert torch.autograd.gradcheck(of, head(), fast_mode=True)
    assert torch.autograd.gradgradcheck(of, head(), fast_mode=True)


@each("targets", [torch.full((B, T), -100), torch.zeros(0, T, dtype=torch.int64)])
def test_nothing_that_counts_is_zero_with_a_graph(targets: Tensor) -> None:
    hidden, weight, bias = head()
    hidden = hidden[: targets.shape[0]].detach().requires_grad_()
    loss = L.cross_entropy(LinearLogits(hidden, weight, bias), targets)
    assert loss.item() == 0
    assert all(g.abs().sum() == 0 for g in torch.autograd.grad(loss, [hidden, weight, bias]))


def test_the_last_position_which_predicts_nothing_leaves_no_trace() -> None:
    hidden, weight, bias = head()
    broken = hidden.detach().clone()
    broken[:, -1] = torch.inf
    broken.requires_grad_()
    log_probs = L.token_log_probs(LinearLogits(broken, weight, bias), IDS)
    assert_close(log_probs, L.token_log_probs(LinearLogits(hidden, weight, bias), IDS))
    assert all(g.isfinite().all() for g in torch.autograd.grad(log_probs.sum(), [broken, weight, bias]))


def test_an_ignored_row_leaves_no_trace() -> None:
    tensors = head()
    broken = tensors[0].detach().clone()
    broken[SOME_IGNORED == -100] = torch.nan
    broken.requires_grad_()
    loss = L.cross_entropy(LinearLogits(broken, *tensors[1:]), SOME_IGNORED)
    found = torch.autograd.grad(loss, [broken, *tensors[1:]])
    assert_close(loss, L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED))
    assert all(g.isfinite().all() for g in found)
    assert (found[0][SOME_IGNORED == -100] == 0).all()


def of_some(hidden: Tensor, weight: Tensor, reduction: Any) -> Tensor:  # noqa: ANN401
    return L.cross_entropy(LinearLogits(hidden, weight), SOME_IGNORED, reduction=reduction)


@each("reduction", ["mean", "none"])
def test_an_ignored_row_leaves_no_trace_where_the_logits_are_made(reduction: str) -> None:
    """A second derivative and torch.func make them, and 0 · inf is in the product that gives the weight's gradient."""
    hidden, weight, _ = head()
    broken = hidden.detach().clone()
    broken[SOME_IGNORED == -100] = torch.inf
    broken.requires_grad_()
    found, expected = [], []
    for states, kept in ((broken, found), (hidden, expected)):
        loss = of_some(states, weight, reduction).sum()
        first = torch.autograd.grad(loss, [states, weight], create_graph=True)
        kept += [*first, *torch.autograd.grad(sum((g**2).sum() for g in first), [states, weight])]
        kept.append(torch.func.grad(lambda w, h: of_some(h, w, reduction).sum())(weight.detach(), states.detach()))
    for mine, theirs in zip(found, expected, strict=True):
        assert_alike(mine.detach(), theirs)


@each("targets", [torch.tensor(3), torch.tensor(-100)])
@each("reduction", ["mean", "none"])
def test_one_row_without_a_batch(targets: Tensor, reduction: Any) -> None:  # noqa: ANN401
    hidden = torch.randn(D, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(V, D, dtype=torch.float64, requires_grad=True)
    assert_same(lambda x: L.cross_entropy(x, targets, reduction=reduction), [hidden, weight])


def test_hidden_states_of_no_length_leave_the_bias() -> None:
    hidden, weight = (torch.zeros(rows, 0, dtype=torch.float64, requires_grad=True) for rows in (4, V))
    bias = torch.randn(V, dtype=torch.float64, requires_grad=True)
    loss = L.cross_entropy(LinearLogits(hidden, weight, bias), torch.arange(4))
    made = L.cross_entropy(bias.expand(4, V), torch.arange(4))
    assert_close(loss, made)
    shares = torch.autograd.grad(loss, [bias, hidden, weight])
    assert_alike(shares[0], torch.autograd.grad(made, bias)[0])
    assert [t.shape for t in shares[1:]] == [hidden.shape, weight.shape]


@pytest.mark.filterwarnings("ignore:.*has one class:slopes.SuspiciousInputWarning")
@each(("rows", "classes"), [(1, V), (B * T, 1), (1, 1)])
def test_one_row_and_one_class(rows: int, classes: int) -> None:
    hidden = torch.randn(rows, D, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(classes, D, dtype=torch.float64, requires_grad=True)
    assert_same(lambda x: L.cross_entropy(x, torch.zeros(rows, dtype=torch.int64)), [hidden, weight])


def test_non_contiguous_and_transposed() -> None:
    hidden, weight, _ = head()
    turned = weight.detach().t().contiguous().requires_grad_()
    strided = torch.stack([hidden.detach()] * 2, -1).requires_grad_()
    one = L.cross_entropy(LinearLogits(strided[..., 0], turned.t()), IDS)
    two = L.cross_entropy(LinearLogits(hidden, weight), IDS)
    assert_close(one, two)
    by_strided, by_turned = torch.autograd.grad(one, [strided, turned])
    by_hidden, by_weight = torch.autograd.grad(two, [hidden, weight])
    assert_alike(by_strided[..., 0], by_hidden)
    assert_alike(by_turned.t(), by_weight)


def test_tied_embeddings_get_both_gradients() -> None:
    embedding = nn.Embedding(V, D, dtype=torch.float64)

    def gradient(*, made: bool) -> Tensor:
        logits = LinearLogits(embedding(IDS), embedding.weight)
        loss = L.next_token(logits.materialize() if made else logits, IDS)
        return torch.autograd.grad(loss, embedding.weight)[0]

    assert_alike(gradient(made=False), gradient(made=True))


@each("dtype", [torch.float16, torch.bfloat16])
def test_sixteen_bits_are_summed_in_float32(dtype: torch.dtype) -> None:
    tensors = head(dtype)
    loss = L.cross_entropy(LinearLogits(*tensors), IDS)
    assert loss.dtype == torch.float32
    exact = L.cross_entropy(LinearLogits(*(t.detach().double() for t in tensors)), IDS)
    assert abs(loss.double() - exact) < 8 * torch.finfo(dtype).eps
    for gradient, t in zip(torch.autograd.grad(loss, tensors), tensors, strict=True):
        assert gradient.dtype == t.dtype
        assert gradient.isfinite().all()


@each("dtype", [torch.float16, torch.bfloat16])
def test_products_beyond_float16_and_a_common_offset(dtype: torch.dtype) -> None:
    hidden = torch.full((4, D), 100.0, dtype=dtype, requires_grad=True)
    weight = torch.full((V, D), 100.0, dtype=dtype, requires_grad=True)  # logits of 80,000 each
    loss = L.cross_entropy(LinearLogits(hidden, weight), torch.arange(4))
    assert_close(loss, torch.tensor(float(V)).log())
    assert all(g.isfinite().all() for g in torch.autograd.grad(loss, [hidden, weight]))
    bias = torch.full((V,), 1e6, dtype=torch.float64)
    tensors = head()[:2]
    assert abs(L.cross_entropy(LinearLogits(*tensors, bias), IDS) - L.cross_entropy(LinearLogits(*tensors), IDS)) < 1e-8


@each("dtype", [torch.float32, torch.bfloat16])
def test_autocast_casts_what_it_casts_of_a_linear_layer(dtype: torch.dtype) -> None:
    """Hidden states may come out of an autocast layer while the weight is float32: F.linear takes both, and so here."""
    hidden, weight, bias = head(torch.float32)
    given = hidden.detach().to(dtype).requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        made = L.cross_entropy(nn.functional.linear(given, weight, bias), IDS)
        loss = L.cross_entropy(LinearLogits(given, weight, bias), IDS)
    assert loss.dtype == torch.float32
    assert abs(loss - made) < 0.02
    for mine, theirs in zip(gradients(loss, [given, weight]), gradients(made, [given, weight]), strict=True):
        assert mine.dtype == theirs.dtype
        assert (mine - theirs).abs().max() <= 0.02 * theirs.abs().max()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert LinearLogits(*head()).dtype == torch.float64


def test_logits_made_before_autocast_keep_their_dtype_inside() -> None:
    tensors = head(torch.float32)
    logits = LinearLogits(*tensors)
    outside = [logits.materialize(), *torch.autograd.grad(L.cross_entropy(logits, IDS), tensors)]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        inside = [logits.materialize()]
        inside += torch.autograd.grad(L.cross_entropy(logits, IDS), tensors, create_graph=True)
    for mine, theirs in zip(inside, outside, strict=True):
        assert_alike(mine.detach(), theirs)


@pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")
@each("name", ["some ignored", "token_log_probs"])
def test_compiled_equals_eager(name: str) -> None:
    tensors = head()

    def of(hidden: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return LOSSES[name](LinearLogits(hidden, weight, bias))

    torch.compiler.reset()
    with slopes.checks(values=False):
        compiled = torch.compile(of, fullgraph=True)(*tensors)
    assert_close(compiled, of(*tensors))
    for mine, theirs in zip(gradients(compiled, tensors), gradients(of(*tensors), tensors), strict=True):
        assert_alike(mine, theirs)


def test_under_torch_func() -> None:
    hidden, weight, _ = (t.detach() for t in head())
    of = torch.func.grad(lambda w: L.cross_entropy(LinearLogits(hidden, w), IDS))
    weight.requires_grad_()
    loss = L.cross_entropy(LinearLogits(hidden, weight), IDS)
    assert_alike(of(weight.detach()), torch.autograd.grad(loss, weight)[0])


@pytest.mark.filterwarnings("ignore:`torch.jit.script.*` is deprecated:DeprecationWarning")
def test_a_denominator_may_be_mapped_and_have_a_tangent() -> None:
    logits, denominators = LinearLogits(*head()), torch.tensor([2.0, 3.0, 5.0], dtype=torch.float64)

    def of(denominator: Tensor) -> Tensor:
        return L.cross_entropy(logits, IDS, denominator=denominator)

    total = of(torch.tensor(1.0, dtype=torch.float64)).detach()
    assert_close(torch.func.vmap(of)(denominators), total / denominators)
    with forward_ad.dual_level():
        tangent = forward_ad.unpack_dual(of(forward_ad.make_dual(denominators[1], torch.ones_like(total)))).tangent
    assert tangent is not None
    assert_close(tangent, -total / 9)


@each("name", ["some ignored", "for each row"])
def test_many_upstream_gradients_at_once(name: str) -> None:
    """As `torch.autograd.functional.jacobian(..., vectorize=True)` hands them in."""
    tensors = head()
    loss = LOSSES[name](LinearLogits(*tensors))
    upstream = torch.randn(3, *loss.shape, dtype=torch.float64)
    found = torch.autograd.grad(loss, tensors, upstream, is_grads_batched=True, retain_graph=True)
    for i, one in enumerate(upstream):
        for mine, theirs in zip(found, torch.autograd.grad(loss, tensors, one, retain_graph=True), strict=True):
            assert_alike(mine[i], theirs)


@each("learn", [True, False])
def test_torch_func_may_be_at_work_on_something_else(learn: bool) -> None:  # noqa: FBT001  a parameter
    logits = LinearLogits(*head(learn=(learn, learn, learn)))
    loss = L.cross_entropy(logits, IDS).detach()
    factors = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert_close(torch.func.vmap(lambda x: x * L.cross_entropy(logits, IDS))(factors), loss * factors)
    assert_close(torch.func.grad(lambda x: x * L.cross_entropy(logits, IDS))(factors[1]), loss)


def test_under_checkpoint() -> None:
    tensors = head()

    def of(*given: Tensor) -> Tensor:
        return L.cross_entropy(LinearLogits(*given), IDS)

    checkpointed = checkpoint(of, *tensors, use_reentrant=False)
    for mine, theirs in zip(gradients(checkpointed, tensors), gradients(of(*tensors), tensors), strict=True):
        assert_alike(mine, theirs)


def test_accumulation_adds_up_to_the_full_batch() -> None:
    tensors = head()
    whole = gradients(L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED), tensors)
    count = (SOME_IGNORED != -100).sum()
    for t in tensors:
        t.grad = None
    for i in range(B):
        part = LinearLogits(tensors[0][i], *tensors[1:])
        L.cross_entropy(part, SOME_IGNORED[i], denominator=count).backward()
    for t, gradient in zip(tensors, whole, strict=True):
        assert t.grad is not None
        assert_alike(t.grad, gradient)


def test_nothing_of_the_caller_s_is_written_to() -> None:
    tensors = head()

    def digest() -> list[str]:
        return [hashlib.sha256(t.detach().numpy().tobytes()).hexdigest() for t in (*tensors, IDS, SOFT, CLASSES)]

    before = digest()
    for loss in LOSSES.values():
        value = loss(LinearLogits(*tensors, soft_cap=5.0))
        gradients(value, tensors)
    assert digest() == before


def test_memory_grows_with_the_chunk() -> None:
    """Of what the forward pass makes, nothing is as large as the logits."""
    hidden, weight = torch.randn(400, 8, requires_grad=True), torch.randn(1000, 8, requires_grad=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        L.cross_entropy(LinearLogits(hidden, weight), torch.zeros(400, dtype=torch.int64)).backward()
    largest = max(event.cpu_memory_usage for event in profile.events())
    assert 0 < largest < 400 * 1000  # bytes; the logits would have four times as many


@each(
    ("arguments", "options", "error", "words"),
    [
        ((torch.zeros(2, 3), torch.zeros(4, 5)), {}, ShapeError, r"`weight` has shape \[4, 5\], expected \[C, D\]"),
        ((torch.zeros(2, 3), torch.zeros(3)), {}, ShapeError, r"`weight` has shape \[3\]"),
        ((torch.zeros(2, 3), torch.zeros(4, 3), torch.zeros(3)), {}, ShapeError, r"`bias` has shape \[3\], expected"),
        ((torch.zeros(2, 3), torch.zeros(4, 3).double()), {}, DtypeError, "expected one dtype"),
        ((torch.zeros(2, 3).long(), torch.zeros(4, 3)), {}, DtypeError, "`hidden` has dtype torch.int64"),
        ((torch.zeros(2, 3), None), {}, DtypeError, "`weight` is None, expected"),
        ((torch.zeros(2, 3), nn.Linear(3, 4)), {}, DtypeError, "`weight` is Linear, .*; pass weight.weight."),
        ((torch.zeros(2, 3), torch.zeros(4, 3)), {"temperature": 0.0}, OptionError, "`temperature` is 0.0"),
        ((torch.zeros(2, 3), torch.zeros(4, 3)), {"soft_cap": -1.0}, OptionError, "`soft_cap` is -1.0"),
        ((torch.zeros(2, 3), torch.zeros(4, 3)), {"soft_cap": float("nan")}, OptionError, "`soft_cap` is nan"),
    ],
)  # fmt: skip
def test_what_is_no_linear_map_is_refused(
    arguments: tuple[Tensor, ...], options: dict[str, float], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        LinearLogits(*arguments, **options)


def test_targets_out_of_range_are_refused() -> None:
    with pytest.raises(ValuesError, match="cross_entropy: `targets` holds 37"):
        L.cross_entropy(LinearLogits(*head()), IDS.masked_fill(IDS[0, 0] == IDS, V))


def test_losses_of_one_logit_want_a_tensor() -> None:
    words = r"`logits` is LinearLogits, expected a torch\.Tensor; make the logits with logits\.materialize\(\)\."
    with pytest.raises(DtypeError, match=words):
        L.binary_cross_entropy(LinearLogits(*head()), SOFT)  # type: ignore[arg-type]


class TestScores:
    """Log-probability, entropy and likeliest token from one pass."""

    def test_they_are_what_torch_makes_of_the_logits(self) -> None:
        tensors = head()
        scores = L.token_scores(LinearLogits(*tensors, temperature=0.7, soft_cap=3.0), IDS)
        made = LinearLogits(*tensors, temperature=0.7, soft_cap=3.0).materialize()
        logits = made[:, :-1]
        picked = torch.distributions.Categorical(logits=logits, validate_args=False)
        for one, other in ((scores.entropy, picked.entropy()), (scores.log_probs, picked.log_prob(IDS[:, 1:]))):
            assert_close_to_scale(one, other, reach(other, made, tensors, 0.7))
        assert torch.equal(scores.likeliest, logits.argmax(-1))
        mine = (scores.entropy * WEIGHT[:, 1:]).sum() + (scores.log_probs**2).sum()
        theirs = (picked.entropy() * WEIGHT[:, 1:]).sum() + (picked.log_prob(IDS[:, 1:]) ** 2).sum()
        for one, other in zip(gradients(mine, tensors), gradients(theirs, tensors), strict=True):
            assert_alike(one, other)

    def test_made_logits_give_the_same(self) -> None:
        tensors = head()
        made = LinearLogits(*tensors).materialize()
        mine, theirs = (L.token_scores(logits, IDS) for logits in (LinearLogits(*tensors), made))
        for one, other in zip(mine[:2], theirs[:2], strict=True):
            assert_close_to_scale(one, other, reach(other, made, tensors))
        assert torch.equal(mine.likeliest, theirs.likeliest)

    def test_second_derivatives(self) -> None:
        def of(*tensors: Tensor) -> tuple[Tensor, Tensor]:
            return L.token_scores(LinearLogits(*tensors), IDS)[:2]

        assert torch.autograd.gradgradcheck(of, head(), fast_mode=True)

    def test_what_does_not_count_is_nothing(self) -> None:
        hidden, weight, bias = head()
        mask = IDS > 10
        broken = hidden.detach().clone()
        broken[:, :-1][~mask[:, 1:]] = torch.nan
        scores = L.token_scores(LinearLogits(broken.requires_grad_(), weight, bias), IDS, mask=mask)
        assert (scores.entropy[~mask[:, 1:]] == 0).all()
        assert (scores.entropy[mask[:, 1:]] > 0).all()
        (gradient,) = torch.autograd.grad(scores.entropy.sum(), broken)
        assert gradient.isfinite().all()

    def test_a_sure_row_keeps_the_digits_of_its_entropy(self) -> None:
        """At a lead of 40 nats in float32 the entropy is 41 e^-40, not 0."""
        logits = torch.tensor([[[40.0, 0.0], [0.0, 0.0]]], requires_grad=True)
        entropy = L.token_scores(logits, torch.tensor([[0, 0]])).entropy
        assert_close(entropy, 41 * torch.exp(torch.tensor([[-40.0]])), size=41)
        (gradient,) = torch.autograd.grad(entropy.sum(), logits)
        assert_close(gradient[0, 0], torch.tensor([-40.0, 40.0]) * torch.exp(torch.tensor(-40.0)), size=41)


class TestOneNode:
    """`torch.compile` sees operators, and nothing of the size of the logits."""

    @each("name", ["some ignored", "smoothed", "distillation", "for each row", "token_log_probs"])
    def test_the_operators_pass_torch_s_own_check(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Assert that `opcheck` finds nothing: schema, fake tensors, autograd, tracing with fixed and free sizes."""
        checked: list[str] = []

        def total(self: Nodes, tensors: Any, extras: Any, factor: Tensor) -> Tensor:  # noqa: ANN401
            wanted = [t.requires_grad for t in tensors if t is not None]
            torch.library.opcheck(self._total, (*packed(tensors, extras), factor, wanted))
            checked.append("total")
            return self._total(*packed(tensors, extras), factor, wanted)[0]

        def rows(self: Nodes, tensors: Any, extras: Any) -> Tensor:  # noqa: ANN401
            torch.library.opcheck(self._rows, packed(tensors, extras))
            checked.append("rows")
            return self._rows(*packed(tensors, extras))

        monkeypatch.setattr(blockwise, "is_one_node", lambda: True)
        monkeypatch.setattr(Nodes, "total", total)
        monkeypatch.setattr(Nodes, "rows", rows)
        LOSSES[name](LinearLogits(*head()))
        assert checked == ["rows" if "row" in name or "token" in name else "total"]

    @pytest.mark.filterwarnings("ignore:.* should not be instantiated:DeprecationWarning")
    @each("name", ["some ignored", "for each row", "smoothed", "soft", "z-loss", "next_token", "distillation", "dpo"])
    def test_nothing_as_large_as_the_logits_is_in_the_graph(self, name: str) -> None:
        tensors = [t.detach().requires_grad_() for t in head()]
        sizes: list[int] = []

        def noted(traced: torch.fx.GraphModule, _: list[Tensor]) -> Callable[..., Any]:
            values = (node.meta.get("val") for node in traced.graph.nodes if node.op == "call_function")
            sizes.extend(v.numel() for v in values if isinstance(v, Tensor))
            return functorch_aot.make_boxed_func(traced.forward)

        backend = common.aot_autograd(fw_compiler=noted, bw_compiler=noted)
        torch.compiler.reset()
        with slopes.checks(values=False):
            value = torch.compile(lambda *t: LOSSES[name](LinearLogits(*t)), fullgraph=True, backend=backend)(*tensors)
            expected = LOSSES[name](LinearLogits(*tensors))
        for mine, theirs in zip(gradients(value, tensors), gradients(expected, tensors), strict=True):
            assert_alike(mine, theirs)
        assert sizes
        given = B * T * V if name in ("soft", "distillation", "z-loss of soft targets") else 0  # targets that exist
        assert given or max(sizes) < B * (T - 1) * V


class TestChunks:
    """How many rows of logits exist at a time, and what `slopes.explain()` says of it."""

    def test_rows_and_budget_are_obeyed(self) -> None:
        logits = LinearLogits(*head())
        for setting, size in (({"rows": 6}, 6), ({"budget": 2 * V * 8}, 2), ({}, B * T)):
            with slopes.chunks(**setting):
                L.cross_entropy(logits, IDS)
            run = slopes.explain().runs[-1]
            assert (run.chunk_rows, run.chunks, run.rows, run.counted) == (size, -(-B * T // size), B * T, B * T)

    def test_the_size_of_a_chunk_changes_nothing(self) -> None:
        tensors = head()
        with slopes.chunks(rows=1):
            one = gradients(L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED), tensors)
        with slopes.chunks(rows=1000):
            all_at_once = gradients(L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED), tensors)
        for mine, theirs in zip(one, all_at_once, strict=True):
            assert_alike(mine, theirs)

    def test_a_block_leaves_nothing_behind(self) -> None:
        with slopes.chunks(rows=3):
            pass
        L.cross_entropy(LinearLogits(*head()), IDS)
        assert slopes.explain().runs[-1].chunk_rows == 1200 // (V * 8)  # what the fixture set

    def test_the_three_regimes_are_told(self) -> None:
        tensors = head()
        with slopes.chunks(rows=8):
            L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED).backward()
            (reduced,) = slopes.explain().runs[-1:]
            L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED, reduction="none").sum().backward()
            forth, back = slopes.explain().runs[-2:]
            with torch.no_grad():
                L.cross_entropy(LinearLogits(*tensors), SOME_IGNORED)
            (constant,) = slopes.explain().runs[-1:]
        assert [run.did.partition(",")[0] for run in (reduced, forth, back, constant)] == [
            "value and gradients in one pass",
            "values alone",
            "value and gradients in one pass",
            "values alone",
        ]
        counted = int((SOME_IGNORED != -100).sum())
        assert f"{counted} of {B * T} rows, {V} classes" in str(reduced)
        assert "since slopes.chunks set 8 rows" in str(slopes.explain())

    def test_a_budget_that_is_not_kept_is_told(self) -> None:
        """A chunk has at least 64 rows, if there are so many, unless the budget is the caller's."""
        logits = LinearLogits(torch.zeros(128, 1), torch.zeros(300_000, 1))
        with slopes.chunks():
            L.cross_entropy(logits, torch.zeros(128, dtype=torch.int64))
        told = str(slopes.explain().runs[-1])
        assert "2 chunks of 64 rows" in told
        assert "73.2 MiB of logits at a time" in told
        assert "since fewer rows than 64, which the budget of 64.0 MiB asks for, make slow products" in told

    def test_no_logits_at_all_are_told(self) -> None:
        L.cross_entropy(LinearLogits(*head()), torch.full_like(IDS, -100))
        told = str(slopes.explain().runs[-1])
        assert f"0 of {B * T} rows, {V} classes" in told
        assert "\n  no logits at all, since no row counts" in told

    def test_logits_that_are_made_are_told(self) -> None:
        hidden, weight, _ = (t.detach() for t in head())
        torch.func.grad(lambda w: L.cross_entropy(LinearLogits(hidden, w), IDS))(weight)
        assert "logits made as a whole" in str(slopes.explain().runs[-1])

    @each(
        ("setting", "words"),
        [
            ({"rows": 0}, "chunks: `rows` is 0, expected"),
            ({"budget": 1.5}, "chunks: `budget` is 1.5 of type float, expected"),
            ({"rows": 2, "budget": 2}, "both `rows` .2. and `budget` .2. are given, expected one"),
        ],
    )
    def test_what_is_no_size_is_refused(self, setting: dict[str, Any], words: str) -> None:
        with pytest.raises(OptionError, match=words):
            slopes.chunks(**setting)
