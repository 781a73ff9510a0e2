"""Agreement with TRL's trainers: what their own code answered stands in `golden/trl.json`.

All is float64, except ORPO, which TRL casts to float32. Each test calls ours so that it means what the peer's
call in `case.call` means: the conversion is the test.
"""

from __future__ import annotations

import torch
from tests.each import each
from tests.oracles.peers import Answer, Case, answer, assert_agrees, by_position, of, one
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that users give it

PAIR = ("chosen", "rejected")


class TestDPOTrainer:
    @each("case", of("trl", "DPOTrainer sigmoid"))
    def test_dpo(self, case: Case) -> None:
        ours = answer(lambda **given: L.dpo(*_sums(given), beta=case.options["beta"]), case.inputs, POLICY)
        assert_agrees(case, ours, size=20)

    def test_dpo_with_label_smoothing_is_the_conservative_form(self) -> None:
        """TRL keeps it in `aot`, which for one pair is DPO's: (1 - ε) and ε weigh the two orders."""
        case = one("trl", "DPOTrainer aot", "1 pairs")
        ours = answer(lambda **given: L.dpo(*_sums(given), **case.options), case.inputs, POLICY)
        assert_agrees(case, ours, size=20)

    def test_its_robust_form_is_another(self) -> None:
        """`robust` is ((1 - ε) · loss - ε · loss of the swapped pair) / (1 - 2ε), unbiased."""
        case = one("trl", "DPOTrainer robust", "")
        noise = case.options["label_smoothing"]

        def robust(**given: Tensor) -> Tensor:
            chosen, rejected, reference_chosen, reference_rejected = _sums(given)
            beta = case.options["beta"]
            clean = L.dpo(chosen, rejected, reference_chosen, reference_rejected, beta=beta)
            flipped = L.dpo(rejected, chosen, reference_rejected, reference_chosen, beta=beta)
            return ((1 - noise) * clean - noise * flipped) / (1 - 2 * noise)

        assert_agrees(case, answer(robust, case.inputs, POLICY), size=20, scale=10.0, slope_scale=0.1)

    @each("case", of("trl", "DPOTrainer ipo"))
    def test_ipo_there_averages_over_tokens(self, case: Case) -> None:
        """Theirs divides each log-ratio by the number of its completion tokens; ours takes what it is given.

        Given means over tokens it is theirs, given sums it is the paper's.
        """
        ours = answer(lambda **given: L.ipo(*_means(given), beta=case.options["beta"]), case.inputs, POLICY)
        assert_agrees(case, ours, size=20, scale=100.0, slope_scale=10.0)
        summed = L.ipo(*_sums(case.inputs), beta=case.options["beta"])
        assert abs(float(summed / case.value) - 1) > 0.5


class TestRewardTrainer:
    def test_bradley_terry(self) -> None:
        case = one("trl", "RewardTrainer", "no margin")
        ours = answer(by_position(L.bradley_terry), case.inputs, PAIR)
        assert_agrees(case, ours, size=6)

    def test_bradley_terry_with_a_margin_per_pair(self) -> None:
        case = one("trl", "RewardTrainer", "a margin per pair")
        ours = answer(
            lambda chosen, rejected, margin: L.bradley_terry(chosen, rejected, margin=margin), case.inputs, PAIR
        )
        assert_agrees(case, ours, size=6)


class TestKTOTrainer:
    @each("case", of("trl", "KTOTrainer"))
    def test_kto_given_the_mean_of_the_mismatched_log_ratios_at_least_0(self, case: Case) -> None:
        """Theirs estimates the KL from mismatched pairs of the batch and clamps it at 0; ours is given it."""

        def kto(
            *, policy: Tensor, reference: Tensor, desirable: Tensor, policy_kl: Tensor, reference_kl: Tensor
        ) -> Tensor:
            kl = (policy_kl - reference_kl).mean().clamp(min=0)
            return L.kto(policy, reference, desirable, kl, **case.options)

        assert_agrees(case, answer(kto, case.inputs, ["policy"]), size=7, scale=4.0, slope_scale=1.0)


class TestORPOTrainer:
    @each("case", of("trl", "ORPOTrainer"))
    def test_orpo(self, case: Case) -> None:
        """Theirs calls lambda `beta`, and its NLL covers prompt and response."""
        ours = answer(
            lambda chosen, rejected, nll: L.orpo(chosen, rejected, nll[0], lam=case.options["lam"]),
            case.inputs,
            list(case.inputs),
        )
        assert_agrees(case, ours, size=8, scale=60.0, slope_scale=60.0)


class TestGRPOTrainer:
    @each("case", of("trl", "GRPOTrainer bnpo"))
    def test_ppo_is_its_clipped_objective_over_all_tokens(self, case: Case) -> None:
        """Its `bnpo` divides by the tokens of the batch, as ours; `grpo` averages sequences first."""
        ours = answer(
            lambda log_probs, old_log_probs, advantages, mask, reference: L.ppo(  # noqa: ARG005  for the KL only
                log_probs, old_log_probs, advantages, mask=mask, clip=case.options["clip"]
            ),
            case.inputs,
            ["log_probs"],
        )
        assert_agrees(case, ours, size=24, scale=4.0, slope_scale=4.0)

    def test_kl_penalty_k3(self) -> None:
        case = one("trl", "GRPOTrainer k3", "")
        ours = answer(
            lambda log_probs, old_log_probs, advantages, mask, reference: L.kl_penalty(  # noqa: ARG005
                log_probs, reference, estimator="k3", mask=mask
            ),
            case.inputs,
            ["log_probs"],
        )
        assert_agrees(case, ours, size=24, scale=4.0, slope_scale=4.0)


class TestGKDTrainer:
    """Its generalized_jsd_loss, entry by entry and then summed over the classes, as ours is."""

    @each("case", of("trl", "GKDTrainer.generalized_jsd_loss", named="beta 0.0"))
    def test_beta_0_is_the_forward_divergence(self, case: Case) -> None:
        ours = answer(lambda **given: _divergence(case, "forward", **given), case.inputs, ["student"])
        _assert_rows_agree(case, ours)

    @each("case", of("trl", "GKDTrainer.generalized_jsd_loss", named="beta 1.0"))
    def test_beta_1_is_the_reverse_divergence(self, case: Case) -> None:
        ours = answer(lambda **given: _divergence(case, "reverse", **given), case.inputs, ["student"])
        _assert_rows_agree(case, ours)

    @each("case", of("trl", "GKDTrainer.generalized_jsd_loss", named="beta 0.5"))
    def test_beta_a_half_is_the_jensen_shannon_divergence(self, case: Case) -> None:
        ours = answer(
            lambda student, teacher: L.js_divergence(
                student.log_softmax(-1), teacher.log_softmax(-1), reduction="none"
            ),
            case.inputs,
            ["student"],
        )
        _assert_rows_agree(case, ours)

    @each("case", of("trl", "GKDTrainer.generalized_jsd_loss", named="beta 0.0"))
    def test_distillation_has_hintons_factor_of_temperature_squared(self, case: Case) -> None:
        temperature = case.options["temperature"]
        targets = torch.zeros(4, dtype=torch.int64)
        ours = answer(
            lambda student, teacher: (
                L.distillation(student, teacher, targets, alpha=ALL_TEACHER, temperature=temperature, reduction="none")
                / temperature**2
            ),
            case.inputs,
            ["student"],
        )
        _assert_rows_agree(case, ours)


class TestLogProbabilities:
    def test_token_log_probs_shift_once(self) -> None:
        case = one("trl", "selective_log_softmax", "")
        ours = answer(by_position(L.token_log_probs), case.inputs, ["logits"])
        assert_agrees(case, ours, size=6, scale=100.0, slope_scale=1.0)


POLICY = ("policy_chosen", "policy_rejected")
ALL_TEACHER = 0.0  # alpha weighs the targets' term, 1 - alpha the teacher's


def _sums(given: dict[str, Tensor]) -> list[Tensor]:
    """Return the log-probability of each sequence: policy chosen and rejected, then the reference's."""
    return [
        torch.where(given[f"{answer}_mask"], given[f"{model}_{answer}"], 0.0).sum(-1)
        for model in ("policy", "reference")
        for answer in PAIR
    ]


def _means(given: dict[str, Tensor]) -> list[Tensor]:
    lengths = [given[f"{answer}_mask"].sum(-1) for answer in PAIR] * 2
    return [total / length for total, length in zip(_sums(given), lengths, strict=True)]


def _divergence(case: Case, direction: str, *, student: Tensor, teacher: Tensor) -> Tensor:
    log_student, log_teacher = ((x / case.options["temperature"]).log_softmax(-1) for x in (student, teacher))
    pair = (log_teacher, log_student) if direction == "forward" else (log_student, log_teacher)
    return L.kl_divergence(*pair, reduction="none")


def _assert_rows_agree(case: Case, ours: Answer) -> None:
    rows = Answer(case.value.sum(-1), case.gradients)
    assert_agrees(rows, ours, size=6, scale=500.0, slope_scale=500.0)
