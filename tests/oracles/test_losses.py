"""Every loss against its definition: value and gradient, row by row, on ordinary numbers and on awkward ones.

Where the terms of a definition cancel (a divergence of near-equal distributions, 1 - cos of near-parallel
vectors) no formula on rounded inputs can keep the last places of the difference, and the error is counted in
the last place of the terms instead; `terms` gives their size.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch
from mpmath import mp
from tests import families
from tests.accuracy import assert_close, assert_close_to_scale
from tests.each import each
from tests.oracles import losses as oracles
from tests.oracles.case import DTYPES, Case, pairs, with_options
from tests.oracles.precision import exact, gradient, remembered_gradient
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes.catalog import CATALOG

LOGITS: Final = (-90.0, -30.0, -5.5, -1.0, -0.125, 0.0, 0.75, 2.5, 17.0, 44.0, 600.0)
RESIDUALS: Final = (-300.0, -3.0, -0.5, 0.0625, 0.75, 1.5, 40.0)
ROWS: Final = ([0.5, -1.25, 2.0, 0.125], [30.0, 1.0, -4.0, 29.5], [0.0, 0.0, 0.0, 0.0], [-300.0, 5.0, 2.0, 1.0])
P: Final = ([0.125, 0.5, 0.25, 0.125], [0.0, 1.0, 0.0, 0.0], [0.25, 0.25, 0.5, 0.0])
POINTS: Final = ([0.5, -1.0, 2.0], [1.5, 0.25, -0.75], [-2.0, 0.5, 0.125], [3.0, 1.0, 1.0])
FOUR: Final = [(-5.0, -7.5, -4.0, -6.0), (-90.0, -20.0, -30.0, -40.0), (-1.0, -300.0, -2.0, -1.5), (-8.0,) * 4]


def log_rows(dtype: torch.dtype) -> list[tuple[list[float], list[float]]]:
    """Return pairs of rows of log-probabilities, as the dtype holds them."""
    generator = torch.Generator().manual_seed(23)
    rows = torch.randn(4, 2, 5, generator=generator, dtype=torch.float64).mul(2).log_softmax(-1).to(dtype)
    return [(a, b) for a, b in rows.double().tolist()]


def columns(rows: Sequence[tuple[Any, ...]], dtype: torch.dtype, moved: tuple[int, ...]) -> list[Tensor]:
    """Stack the rows' arguments into tensors, those that move with a graph."""
    stacked = []
    for number, entries in enumerate(zip(*rows, strict=True)):
        plain = torch.tensor(entries)
        tensor = torch.tensor(entries, dtype=dtype) if plain.is_floating_point() else plain
        stacked.append(tensor.requires_grad_() if number in moved else tensor)
    return stacked


def hard(rows: Sequence[Any]) -> list[tuple[Any, int]]:
    return [(row, target) for row in rows for target in (0, 2)]


CASES: Final = (
    Case("mse", L.mse, oracles.mse, pairs(RESIDUALS, (0.0, 0.25)), (0, 1)),
    Case("mae", L.mae, oracles.mae, pairs(RESIDUALS, (0.0, 0.25)), (0, 1)),
    Case("huber", L.huber, oracles.huber, pairs(RESIDUALS, (0.0, 0.25)), (0, 1)),
    Case(
        "huber 2.5", with_options(L.huber, delta=2.5), with_options(oracles.huber, delta=2.5), pairs(RESIDUALS, (0.25,))
    ),
    Case("smooth_l1", L.smooth_l1, oracles.smooth_l1, pairs(RESIDUALS, (0.0, 0.25)), (0, 1)),
    Case(
        "smooth_l1 0.25",
        with_options(L.smooth_l1, beta=0.25),
        with_options(oracles.smooth_l1, beta=0.25),
        pairs(RESIDUALS, (0.125,)),
    ),
    Case(
        "quantile",
        lambda p, t, **o: L.quantile(p.unsqueeze(-1), t, (0.875,), **o).squeeze(-1),
        with_options(oracles.quantile, level=0.875),
        pairs(RESIDUALS, (0.0, 0.25)),
        (0, 1),
    ),
    Case(
        "gaussian_nll",
        L.gaussian_nll,
        oracles.gaussian_nll,
        [(0.5, -2.0, 1.75), (-3.0, 4.0, 1.0), (0.0, 0.5, 0.25), (8.0, -6.0, 7.5)],
        (0, 1, 2),
        terms=64.0,
    ),
    Case(
        "gaussian_nll full",
        with_options(L.gaussian_nll, full=True),
        with_options(oracles.gaussian_nll, full=True),
        [(0.5, -2.0, 1.75), (-3.0, 4.0, 1.0)],
        (0, 1, 2),
        terms=64.0,
    ),
    Case(
        "binary_cross_entropy",
        L.binary_cross_entropy,
        oracles.binary_cross_entropy,
        pairs(LOGITS, (0.0, 1.0)),
    ),
    Case(
        "binary_cross_entropy soft",
        L.binary_cross_entropy,
        oracles.binary_cross_entropy,
        pairs(LOGITS, (0.125, 0.5)),
        terms=1.0,
    ),
    *(
        Case(
            f"binary_cross_entropy smoothed {weight}",
            with_options(L.binary_cross_entropy, label_smoothing=smoothing, pos_weight=weight),
            with_options(oracles.binary_cross_entropy, label_smoothing=smoothing, pos_weight=weight),
            pairs(LOGITS, (0.0, 0.25, 1.0)),
            terms=700.0,
        )
        for smoothing, weight in ((0.125, 1.0), (1e-9, 3.0))
    ),
    Case("cross_entropy", L.cross_entropy, oracles.cross_entropy, hard(ROWS)),
    Case(
        "cross_entropy of distributions",
        L.cross_entropy,
        oracles.cross_entropy,
        [(row, p) for row in ROWS[:3] for p in P],
        terms=32.0,
    ),
    *(
        Case(
            f"cross_entropy smoothed over {over}",
            with_options(L.cross_entropy, label_smoothing=0.125, smooth_over=over),
            with_options(oracles.cross_entropy, label_smoothing=0.125, smooth_over=over),
            hard(ROWS),
            terms=256.0,
        )
        for over in ("all", "others")
    ),
    Case(
        "cross_entropy with z-loss",
        with_options(L.cross_entropy, z_loss=0.0625),
        with_options(oracles.normalised_cross_entropy, z_loss=0.0625),
        hard(ROWS),
        terms=64.0,
    ),
    Case(
        "entropy of tokens",
        lambda x, t, **_: L.token_scores(x.unsqueeze(1).expand(-1, 2, -1), torch.stack([t, t], 1)).entropy.squeeze(-1),
        lambda row, _, **__: oracles.row_entropy(row),
        hard(ROWS),
        terms=64.0,
    ),
    *(
        Case(
            f"focal {gamma} {alpha}",
            with_options(L.focal, gamma=gamma, alpha=alpha),
            with_options(oracles.focal, gamma=gamma, alpha=alpha),
            [(z, float(y)) for z, y in pairs(LOGITS, (0.0, 1.0))],
        )
        for gamma, alpha in ((0.0, None), (0.5, 0.25), (2.0, None), (2.0, 0.25), (5.0, 0.5))
    ),
    Case("softmax_focal", L.softmax_focal, oracles.softmax_focal, hard(ROWS)),
    Case(
        "softmax_focal 0.5",
        with_options(L.softmax_focal, gamma=0.5),
        with_options(oracles.softmax_focal, gamma=0.5),
        hard(ROWS),
    ),
    *(
        Case(
            f"asymmetric {clip}",
            with_options(L.asymmetric, clip=clip),
            with_options(oracles.asymmetric, clip=clip),
            pairs(LOGITS, (0.0, 1.0)),
        )
        for clip in (0.0, 0.0625)
    ),
    Case("hinge", L.hinge, oracles.hinge, pairs((-90.0, -0.75, 0.0, 0.5, 1.5, 44.0), (-1.0, 1.0))),
    Case(
        "hinge 0.25",
        with_options(L.hinge, margin=0.25),
        with_options(oracles.hinge, margin=0.25),
        pairs((-90.0, -0.75, 0.0, 0.5, 1.5, 44.0), (-1.0, 1.0)),
    ),
    Case("multiclass_hinge", L.multiclass_hinge, oracles.multiclass_hinge, hard([ROWS[0], ROWS[1], ROWS[3]])),
    Case(
        "gaussian_kl",
        L.gaussian_kl,
        oracles.gaussian_kl,
        [([0.5, -1.0], [0.25, -2.0]), ([3.0, 0.0], [-5.0, 1.0])],
        (0, 1),
        terms=4.0,
    ),
    *(
        Case(
            f"triplet {kind}",
            with_options(L.triplet, distance=kind, margin=4.0),
            with_options(oracles.triplet, kind=kind, margin=4.0),
            [(POINTS[0], POINTS[1], POINTS[2]), (POINTS[3], POINTS[0], POINTS[1])],
            (0, 1, 2),
            terms=8.0,
        )
        for kind in ("euclidean", "squared", "cosine")
    ),
    Case(
        "contrastive",
        with_options(L.contrastive, margin=6.0),
        with_options(oracles.contrastive, margin=6.0),
        [(POINTS[0], POINTS[1], True), (POINTS[2], POINTS[3], False)],
        (0, 1),
        terms=8.0,
    ),
    Case(
        "cosine_embedding",
        with_options(L.cosine_embedding, margin=0.125),
        with_options(oracles.cosine_embedding, margin=0.125),
        [(POINTS[0], POINTS[1], True), (POINTS[1], POINTS[3], False), (POINTS[0], POINTS[3], False)],
        (0, 1),
        terms=1.0,
    ),
    *(
        Case(
            f"distillation {direction}",
            with_options(L.distillation, direction=direction, temperature=4.0, alpha=0.25),
            with_options(oracles.distillation, direction=direction, temperature=4.0, alpha=0.25),
            [(ROWS[0], ROWS[2], 1), (ROWS[1], ROWS[0], 2), (ROWS[2], ROWS[1], 0)],
            terms=256.0,
        )
        for direction in ("forward", "reverse")
    ),
    Case("bradley_terry", L.bradley_terry, oracles.bradley_terry, pairs(LOGITS[1:-1], (0.25, -2.0)), (0, 1)),
    Case(
        "bradley_terry 0.5",
        with_options(L.bradley_terry, margin=0.5),
        with_options(oracles.bradley_terry, margin=0.5),
        pairs(LOGITS[1:-1], (0.25,)),
        (0, 1),
    ),
    Case("dpo", L.dpo, oracles.dpo, FOUR, (0, 1)),
    Case(
        "dpo smoothed",
        with_options(L.dpo, label_smoothing=0.125, beta=0.5),
        with_options(oracles.dpo, label_smoothing=0.125, beta=0.5),
        FOUR,
        (0, 1),
        terms=128.0,
    ),
    Case("ipo", with_options(L.ipo, beta=0.25), with_options(oracles.ipo, beta=0.25), FOUR, (0, 1)),
    Case(
        "kto",
        lambda p, r, d, **o: L.kto(p, r, d, torch.tensor(0.5, dtype=p.dtype), desirable_weight=1.5, **o),
        with_options(oracles.kto, kl=0.5, desirable_weight=1.5),
        [(-5.0, -6.0, True), (-5.0, -6.0, False), (-90.0, -20.0, True), (-9.0, -200.0, False)],
    ),
    Case(
        "orpo",
        with_options(L.orpo, lam=0.25),
        with_options(oracles.orpo, lam=0.25),
        [(-0.5, -1.5, 0.5), (-2.0, -0.125, 1.0), (-0.0078125, -40.0, 0.25)],
        (0, 1, 2),
        terms=2.0,
    ),
    Case(
        "ppo",
        with_options(L.ppo, clip=0.25),
        with_options(oracles.ppo, clip=0.25),
        [(-1.0, -1.125, 2.0), (-1.0, -3.0, 2.0), (-3.0, -1.0, 2.0), (-1.0, -3.0, -2.0), (-3.0, -1.0, -2.0)],
    ),
    *(
        Case(
            f"kl_penalty {estimator}",
            with_options(L.kl_penalty, estimator=estimator),
            with_options(oracles.kl_penalty, estimator=estimator),
            [(-1.0, -1.125), (-1.0, -3.0), (-9.0, -1.0), (-2.0, -2.0)],
            terms=256.0 if estimator == "k3" else None,
        )
        for estimator in ("k1", "k2", "k3")
    ),
    Case(
        "value_clip",
        with_options(L.value_clip, clip=0.25),
        with_options(oracles.value_clip, clip=0.25),
        [(2.0, 1.0, 3.0), (2.0, 1.0, 0.0), (1.125, 1.0, 3.0), (-4.0, 1.0, 0.5)],
    ),
    *families.sequence("CASES"),
)


@each("name", [spec.name for spec in CATALOG if spec.kind == "loss"])
def test_every_loss_is_held_to_its_definition_here(name: str) -> None:
    """A definition in `oracles` that nothing calls beside the loss says nothing."""
    files = [__file__, *(family.__file__ for family in families.FAMILIES)]
    called = {word for file in files for word in re.findall(r"\bL\.\w+|\"\w+\"", Path(str(file)).read_text("utf-8"))}
    assert {f"L.{name}", f'"{name}"'} & called


@each("dtype", DTYPES, ids=lambda dtype: str(dtype).removeprefix("torch."))
@each("case", CASES, ids=lambda case: case.name)
def test_value_and_gradient(case: Case, dtype: torch.dtype) -> None:
    inputs = columns(case.rows, dtype, case.moved)
    rows = list(zip(*(exact(tensor) for tensor in inputs), strict=True))
    loss = case.call(*inputs, reduction="none")
    assert_as_defined(case, loss, [case.oracle(*row) for row in rows], "value")
    found = torch.autograd.grad(loss.sum(), [inputs[number] for number in case.moved])
    for number, slope in zip(case.moved, found, strict=True):
        wanted = [remembered_gradient(case.oracle, *row, argument=number) for row in rows]
        assert_as_defined(case, slope, wanted, f"gradient of input {number}, entry")


def assert_as_defined(case: Case, actual: Tensor, expected: object, what: str) -> None:
    """Assert closeness in the last places of the number, or of the terms where the case says that they cancel."""
    if case.terms is None:
        assert_close(actual, expected, size=case.size, what=what)
    else:
        assert_close_to_scale(actual, expected, case.terms, size=case.size, what=what)


@functools.cache
def mean_over_a_batch(name: str, temperature: float) -> Callable[..., Any]:
    """Return the definition's mean, the same function each time: by it the gradients are remembered."""
    other = 1 / temperature if name == "clip" else temperature  # which has its scale, a factor

    def mean(first: object, second: object) -> Any:  # noqa: ANN401
        found = getattr(oracles, name)(first, second, **{"logit_scale" if name == "clip" else "temperature": other})
        return sum(found) / len(found)

    return mean


@each("dtype", DTYPES, ids=lambda dtype: str(dtype).removeprefix("torch."))
class TestWholeRowsAndBatches:
    def test_divergences(self, dtype: torch.dtype) -> None:
        rows = log_rows(dtype)
        log_p, log_q = columns(rows, dtype, (0, 1))
        for name in ("kl_divergence", "js_divergence"):
            loss = getattr(L, name)(log_p, log_q, reduction="none")
            definition = getattr(oracles, name)
            assert_close_to_scale(loss, [definition(*row) for row in rows], 1.0, size=5)
            for number, slope in enumerate(torch.autograd.grad(loss.sum(), (log_p, log_q))):
                wanted = [gradient(definition, *row, argument=number) for row in rows]
                assert_close_to_scale(slope, wanted, 1.0, size=5)
        loss = L.entropy(log_p, reduction="none")
        assert_close(loss, [oracles.entropy(row) for row, _ in rows], size=5)
        wanted = [gradient(oracles.entropy, row) for row, _ in rows]
        assert_close_to_scale(torch.autograd.grad(loss.sum(), log_p)[0], wanted, 1.0, size=5)

    @each("temperature", [0.5, 0.0625])
    def test_contrast_over_a_batch(self, dtype: torch.dtype, temperature: float) -> None:
        first = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
        second = torch.tensor(POINTS[::-1], dtype=dtype).add(0.25).requires_grad_()
        rows = exact(first), exact(second)
        # A cosine is right to its last place, and divided by the temperature that error is what the loss sees.
        scale = 4 / temperature
        for name, call in (
            ("info_nce", with_options(L.info_nce, temperature=temperature)),
            ("clip", lambda a, b, **o: L.clip(a, b, 1 / temperature, **o)),
            ("nt_xent", with_options(L.nt_xent, temperature=temperature)),
        ):
            loss, mean = call(first, second), mean_over_a_batch(name, temperature)
            assert_close_to_scale(loss, mean(*rows), scale)
            for number, slope in enumerate(torch.autograd.grad(loss, (first, second))):
                assert_close_to_scale(slope, remembered_gradient(mean, *rows, argument=number), scale)

    def test_chosen_positives_and_raw_similarities(self, dtype: torch.dtype) -> None:
        query = torch.tensor(POINTS[:2], dtype=dtype, requires_grad=True)
        keys = torch.tensor(POINTS, dtype=dtype, requires_grad=True)
        loss = L.info_nce(query, keys, torch.tensor([3, 0]), temperature=2.0, normalize=False, reduction="none")
        wanted = oracles.info_nce(exact(query), exact(keys), [3, 0], 2.0, normalize=False)
        assert_close_to_scale(loss, wanted, 8.0)

    @each("kind", ["euclidean", "squared", "cosine"])
    def test_triplets_of_a_batch(self, dtype: torch.dtype, kind: str) -> None:
        points = torch.tensor((*POINTS, [0.25, 0.5, 1.0]), dtype=dtype, requires_grad=True)
        labels = [0, 1, 0, 1, 1]
        every = oracles.batch_triplet(exact(points), labels, 1.0, kind)
        loss = L.batch_triplet(points, torch.tensor(labels), margin=1.0, mining="all", distance=kind)
        assert_close_to_scale(loss, sum(every) / len(every), 16.0)

    def test_language(self, dtype: torch.dtype) -> None:
        generator = torch.Generator().manual_seed(29)
        logits = torch.randn(2, 5, 7, generator=generator, dtype=torch.float64).mul(6).to(dtype).requires_grad_()
        ids = torch.randint(7, (2, 5), generator=generator)
        mask = torch.tensor([[True, True, False, True, True], [True, False, False, True, False]])
        rows = list(zip(exact(logits), ids.tolist(), mask.tolist(), strict=True))
        scores = L.token_log_probs(logits, ids)
        assert_close(scores, [oracles.token_log_probs(z, k) for z, k, _ in rows], size=7)
        for average in (False, True):
            total = L.sequence_log_prob(logits, ids, mask=mask, average=average)
            assert_close(total, [oracles.sequence_log_prob(*row, average=average) for row in rows], size=7)
        counted = [sum(m[1:]) for _, _, m in rows]
        pooled = sum(oracles.next_token(*row) * n for row, n in zip(rows, counted, strict=True)) / sum(counted)
        loss = L.next_token(logits, ids, mask=mask)
        assert_close(loss, pooled, size=7)
        assert_close(L.sft(logits, ids, mask), pooled, size=7)
        perplexity = L.perplexity(logits, ids, mask=mask)
        # The exponential multiplies a relative error by the size of its argument.
        assert_close(perplexity, mp.exp(pooled), size=7 * 256)
        slope = torch.autograd.grad(loss, logits)[0]

        wanted = [
            [
                [entry / sum(counted) for entry in oracles.cross_entropy_gradient(z[t], k[t + 1])]
                if t < 4 and m[t + 1]
                else [mp.zero] * 7
                for t in range(5)
            ]
            for z, k, m in rows
        ]
        assert_close(slope, wanted, size=7)

    def test_masked_language(self, dtype: torch.dtype) -> None:
        logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(37), dtype=torch.float64)
        logits = logits.mul(6).to(dtype).requires_grad_()
        labels = [3, -100, 0, 6, -100]
        loss = L.masked_lm(logits, torch.tensor(labels))
        assert_close(loss, oracles.masked_lm(exact(logits), labels), size=7)
        wanted = gradient(oracles.masked_lm, exact(logits), labels)
        assert_close(torch.autograd.grad(loss, logits)[0], wanted, size=7)

    def test_generalized_advantages(self, dtype: torch.dtype) -> None:
        generator = torch.Generator().manual_seed(31)
        rewards = torch.randn(2, 6, generator=generator, dtype=torch.float64).to(dtype)
        values = torch.randn(2, 7, generator=generator, dtype=torch.float64).to(dtype)
        done = torch.tensor([[False, False, True, False, False, False], [False] * 6])
        for ends in (None, done):
            found = L.generalized_advantages(rewards, values, gamma=0.875, lam=0.75, done=ends)
            rows = zip(exact(rewards), exact(values), ends.tolist() if ends is not None else [None] * 2, strict=True)
            wanted = [oracles.generalized_advantages(r, v, 0.875, 0.75, d) for r, v, d in rows]
            assert_close_to_scale(found, wanted, 4.0)
