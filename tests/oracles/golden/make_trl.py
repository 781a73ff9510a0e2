"""Write trl.json: what TRL's own trainers answer for log-probabilities that we choose.

Install, in an environment of its own, `torch==2.13.0 trl==1.16.0`, then run

    python tests/oracles/golden/make_trl.py

The losses live inside the trainers' `_compute_loss`, so that method is called with a stand-in for the trainer
(its settings, nothing else) and a stand-in for the model, which answers with the log-probabilities of this
script. Nothing is loaded and nothing is trained. All is float64, except ORPO, which TRL itself casts to
float32 and whose inputs therefore are float32 numbers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import torch
from record import torch_case, write
from torch import Tensor
from trl import DPOTrainer, GRPOTrainer, KTOTrainer, RewardTrainer
from trl.experimental.gkd import GKDTrainer
from trl.experimental.orpo import ORPOTrainer
from trl.trainer.utils import selective_log_softmax

RANDOM = torch.Generator().manual_seed(20240607)
CASES: list[dict[str, Any]] = []


class OneProcess:
    """A stand-in for the accelerator of a single process."""

    device = torch.device("cpu")
    num_processes = 1

    @staticmethod
    def gather(tensor: Tensor) -> Tensor:
        """Return what every rank has; there is one."""
        return tensor

    gather_for_metrics = gather

    @staticmethod
    def reduce(tensor: Tensor, reduction: str) -> Tensor:  # noqa: ARG004  the name that TRL passes
        """Return the sum over ranks; there is one."""
        return tensor


class Model:
    """Answers with given log-probabilities, and with zeros for the quantities that are only reported."""

    training = True

    def __init__(self, *answers: Tensor) -> None:
        self.answers = list(answers)

    def __call__(self, **_: object) -> SimpleNamespace:
        """Return the next answer."""
        log_probs = self.answers.pop(0)
        zeros = torch.zeros_like(log_probs.detach())
        return SimpleNamespace(
            log_probs=log_probs,
            entropy=zeros,
            mean_logits=zeros,
            is_top1=zeros.bool(),
            log_sum_sq_probs=zeros,
        )


def trainer(**settings: object) -> SimpleNamespace:
    """Return a stand-in for a trainer: these settings, and the switches of everything else off."""
    return SimpleNamespace(
        accelerator=OneProcess(),
        model=SimpleNamespace(training=False),
        _metrics=defaultdict(lambda: defaultdict(list)),
        _total_train_tokens=0,
        _tp_size=1,
        aux_loss_enabled=False,
        **settings,
    )


def add(
    function: str,
    name: str,
    call: str,
    compute: Callable[..., Tensor],
    inputs: dict[str, Tensor],
    *,
    by: Sequence[str],
    precision: str = "float64",
    **options: object,
) -> None:
    """Record one case."""
    CASES.append(torch_case(function, name, call, compute, inputs, by=by, options=options, precision=precision))


def normal(*shape: int, scale: float = 1.0) -> Tensor:
    """Return numbers of a normal distribution."""
    return scale * torch.randn(*shape, generator=RANDOM, dtype=torch.float64)


def token_log_probs(rows: int, tokens: int) -> Tensor:
    """Return log-probabilities of single tokens, some near 0 and some very low."""
    log_probs = -normal(rows, tokens, scale=2.0).abs()
    log_probs[0, 0] = -1e-9
    log_probs[1, 1] = -300.0
    return log_probs


def preference_batch(rows: int) -> tuple[dict[str, Tensor], Tensor]:
    """Return per-token log-probabilities of a policy and a reference, and which tokens are completion."""
    tokens = 5
    keep = torch.ones(rows, tokens, dtype=torch.int64)
    for row in range(rows):
        keep[row, : row % 3] = 0
        keep[row, tokens - (row // 2) % 2 :] = 0
    names = ("policy_chosen", "policy_rejected", "reference_chosen", "reference_rejected")
    inputs = {name: token_log_probs(rows, tokens) for name in names}
    inputs["reference_chosen"][0] = inputs["policy_chosen"][0]
    inputs["reference_rejected"][0] = inputs["policy_rejected"][0]
    keep_rejected = keep.flip(0).clone()
    inputs["chosen_mask"] = keep.bool()
    inputs["rejected_mask"] = keep_rejected.bool()
    return inputs, keep


def dpo_loss(loss_type: str, beta: float, label_smoothing: float) -> Callable[..., Tensor]:
    """Return DPOTrainer's loss as a function of per-token log-probabilities and masks."""

    def compute(
        *,
        policy_chosen: Tensor,
        policy_rejected: Tensor,
        reference_chosen: Tensor,
        reference_rejected: Tensor,
        chosen_mask: Tensor,
        rejected_mask: Tensor,
    ) -> Tensor:
        kept = torch.cat([chosen_mask, rejected_mask])
        before = torch.zeros(kept.shape[0], 1, dtype=torch.int64)  # the first token is never predicted
        mask = torch.cat([before, kept.long()], dim=1)
        policy = torch.cat([policy_chosen, policy_rejected]) * kept
        reference = torch.cat([reference_chosen, reference_rejected]) * kept
        myself = trainer(
            beta=beta,
            loss_types=[loss_type],
            loss_weights=[1.0],
            label_smoothing=label_smoothing,
            ld_alpha=None,
            f_divergence_type="reverse_kl",
            precompute_ref_logps=False,
            use_weighting=False,
            ref_model=Model(reference),
            args=SimpleNamespace(gradient_checkpointing_kwargs=None),
        )
        myself.model = SimpleNamespace(training=False, is_gradient_checkpointing=False)
        inputs = {"input_ids": mask, "attention_mask": mask, "completion_mask": mask}
        return DPOTrainer._compute_loss(myself, Model(policy), inputs, return_outputs=False)

    return compute


def preference() -> None:
    """Record the losses of pairs: DPO, its smoothed forms, IPO, and the reward model's."""
    inputs, _ = preference_batch(4)
    one, _ = preference_batch(2)
    one = {key: tensor[1:] for key, tensor in one.items()}
    by = ["policy_chosen", "policy_rejected"]
    for loss_type, beta, smoothing, rows in (
        ("sigmoid", 0.1, 0.0, inputs),
        ("sigmoid", 2.0, 0.0, inputs),
        ("robust", 0.1, 0.2, inputs),
        ("aot", 0.1, 0.2, one),
        ("ipo", 0.1, 0.0, inputs),
        ("ipo", 0.5, 0.0, inputs),
    ):
        pairs = next(iter(rows.values())).shape[0]
        add(
            f"DPOTrainer {loss_type}",
            f"beta {beta}, label_smoothing {smoothing}, {pairs} pairs",
            f"DPOTrainer(args=DPOConfig(loss_type=['{loss_type}'], beta={beta}, label_smoothing={smoothing}))"
            "._compute_loss(model, inputs)",
            dpo_loss(loss_type, beta, smoothing),
            rows,
            by=by,
            beta=beta,
            label_smoothing=smoothing,
        )
    rewards = {"chosen": normal(6, scale=5.0), "rejected": normal(6, scale=5.0)}
    rewards["rejected"][0] = rewards["chosen"][0]
    rewards["rejected"][1] = rewards["chosen"][1] + 800.0
    rewards["rejected"][2] = rewards["chosen"][2] - 800.0
    margin = normal(6).abs()

    def reward(chosen: Tensor, rejected: Tensor, margin: Tensor | None = None) -> Tensor:
        logits = torch.cat([chosen, rejected]).unsqueeze(-1)
        myself = trainer(args=SimpleNamespace(center_rewards_coefficient=None))
        inputs = {} if margin is None else {"margin": margin}
        return RewardTrainer.compute_loss(myself, lambda **_: SimpleNamespace(logits=logits), inputs)

    both = ["chosen", "rejected"]
    add("RewardTrainer", "no margin", "RewardTrainer.compute_loss(model, inputs)", reward, rewards, by=both)
    add(
        "RewardTrainer",
        "a margin per pair",
        "RewardTrainer.compute_loss(model, {**inputs, 'margin': margin})",
        reward,
        {**rewards, "margin": margin},
        by=both,
    )


def kto_loss(beta: float, desirable_weight: float, undesirable_weight: float) -> Callable[..., Tensor]:
    """Return KTOTrainer's loss as a function of sequence log-probabilities, matched and mismatched."""

    def compute(
        policy: Tensor,
        reference: Tensor,
        desirable: Tensor,
        policy_kl: Tensor,
        reference_kl: Tensor,
    ) -> Tensor:
        answers = iter([policy_kl, reference_kl])
        myself = trainer(
            beta=beta,
            desirable_weight=desirable_weight,
            undesirable_weight=undesirable_weight,
            loss_type="kto",
            calculate_KL=True,
            precompute_ref_logps=False,
            ref_model=Model(reference.unsqueeze(1)),
            args=SimpleNamespace(gradient_checkpointing_kwargs=None),
            _compute_kl_logps=lambda _model, _batch: next(answers),
        )
        myself.model = SimpleNamespace(training=False, is_gradient_checkpointing=False)
        ids = torch.ones(policy.shape[0], 2, dtype=torch.int64)
        inputs = {"input_ids": ids, "attention_mask": ids, "completion_mask": ids, "label": desirable}
        return KTOTrainer._compute_loss(myself, Model(policy.unsqueeze(1)), inputs, return_outputs=False)

    return compute


def unpaired() -> None:
    """Record KTO, with a mean log-ratio of mismatched pairs above zero and below it."""
    rows = 7
    policy = normal(rows, scale=8.0) - 20.0
    reference = policy + normal(rows, scale=4.0)
    reference[0] = policy[0]
    reference[1] = policy[1] - 9000.0
    reference[2] = policy[2] + 9000.0
    desirable = torch.tensor([True, True, True, False, False, True, False])
    for sign, said in ((1.0, "positive"), (-1.0, "negative, which TRL clamps to 0")):
        inputs = {
            "policy": policy,
            "reference": reference,
            "desirable": desirable,
            "policy_kl": reference + sign * normal(rows).abs(),
            "reference_kl": reference,
        }
        for beta, good, bad in ((0.1, 1.0, 1.0), (0.5, 1.3, 0.7)):
            add(
                "KTOTrainer",
                f"mean log-ratio {said}, beta {beta}, weights {good} and {bad}",
                f"KTOTrainer(args=KTOConfig(beta={beta}, desirable_weight={good}, undesirable_weight={bad}))"
                "._compute_loss(model, inputs)",
                kto_loss(beta, good, bad),
                inputs,
                by=["policy"],
                beta=beta,
                desirable_weight=good,
                undesirable_weight=bad,
            )


def odds_ratio() -> None:
    """Record ORPO on per-token means, from certain to hopeless; TRL computes it in float32."""
    chosen = torch.tensor([-1e-6, -1e-3, -0.3, -0.6931, -1.5, -5.0, -40.0, -0.5])
    rejected = torch.tensor([-2.0, -1e-3, -0.9, -0.7, -0.1, -60.0, -1e-4, -0.5])
    nll = torch.tensor([0.25])
    for lam in (0.1, 1.0):
        myself = SimpleNamespace(beta=lam, accelerator=OneProcess())

        def compute(chosen: Tensor, rejected: Tensor, nll: Tensor, myself: SimpleNamespace = myself) -> Tensor:
            odds = ORPOTrainer.odds_ratio_loss(myself, chosen, rejected)[0]
            return nll[0] - odds.mean()  # as ORPOTrainer.get_batch_loss_metrics puts them together

        add(
            "ORPOTrainer",
            f"beta {lam}",
            f"nll - ORPOTrainer(args=ORPOConfig(beta={lam})).odds_ratio_loss(chosen, rejected)[0].mean()",
            compute,
            {"chosen": chosen, "rejected": rejected, "nll": nll},
            by=["chosen", "rejected", "nll"],
            precision="float32",
            lam=lam,
        )


def grpo_loss(loss_type: str, low: float, high: float, beta: float) -> Callable[..., Tensor]:
    """Return GRPOTrainer's loss as a function of per-token log-probabilities."""

    def compute(
        log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, mask: Tensor, reference: Tensor
    ) -> Tensor:
        myself = trainer(
            beta=beta,
            loss_type=loss_type,
            epsilon_low=low,
            epsilon_high=high,
            importance_sampling_level="token",
            top_entropy_quantile=1.0,
            off_policy_mask_threshold=None,
            use_vllm=False,
            _entropy_bonus_enabled=False,
            args=SimpleNamespace(delta=None, use_bias_correction_kl=False),
            _get_per_token_logps_and_entropies=lambda *_, **__: (
                log_probs,
                torch.zeros_like(log_probs),
                None,
            ),
        )
        keep = mask.long()
        inputs = {
            "prompt_ids": keep[:, :1],
            "prompt_mask": keep[:, :1],
            "completion_ids": keep,
            "completion_mask": keep,
            "advantages": advantages,
            "old_per_token_logps": old_log_probs,
            "ref_per_token_logps": reference,
        }
        return GRPOTrainer._compute_loss(myself, None, inputs)

    return compute


def policy() -> None:
    """Record the clipped objective of PPO and the k3 estimate of KL, as GRPO has them."""
    rows, tokens = 4, 6
    log_probs = token_log_probs(rows, tokens)
    mask = torch.ones(rows, tokens, dtype=torch.bool)
    mask[0, 4:] = False
    mask[3, 1:] = False
    old = log_probs + normal(rows, tokens, scale=0.4)
    old[2, 2] = log_probs[2, 2]
    reference = log_probs + normal(rows, tokens, scale=0.5)
    reference[2, 2] = log_probs[2, 2]
    inputs = {
        "log_probs": log_probs,
        "old_log_probs": old,
        "advantages": normal(rows, tokens),
        "mask": mask,
        "reference": reference,
    }
    for clip in (0.2, 0.05):
        add(
            "GRPOTrainer bnpo",
            f"clip {clip}",
            f"GRPOTrainer(args=GRPOConfig(loss_type='bnpo', epsilon={clip}, beta=0))._compute_loss(model, inputs)",
            grpo_loss("bnpo", clip, clip, 0.0),
            inputs,
            by=["log_probs"],
            clip=clip,
        )
    still = {**inputs, "advantages": torch.zeros(rows, tokens, dtype=torch.float64)}
    add(
        "GRPOTrainer k3",
        "the KL term alone",
        "GRPOTrainer(args=GRPOConfig(loss_type='bnpo', beta=1))._compute_loss(model, inputs), advantages 0",
        grpo_loss("bnpo", 0.2, 0.2, 1.0),
        still,
        by=["log_probs"],
    )


def distillation() -> None:
    """Record the divergences of GKD, and the log-probabilities of tokens."""
    student, teacher = normal(4, 6, scale=3.0), normal(4, 6, scale=3.0)
    teacher[1] = student[1]
    student[2, 0] = 60.0
    teacher[3, 5] = -500.0
    logits = {"student": student, "teacher": teacher}
    for beta, temperature in ((0.0, 1.0), (0.0, 2.0), (1.0, 2.0), (0.5, 1.0)):
        add(
            "GKDTrainer.generalized_jsd_loss",
            f"beta {beta}, temperature {temperature}",
            f"GKDTrainer.generalized_jsd_loss(student, teacher, beta={beta}, temperature={temperature}, "
            "reduction='none')",
            lambda student, teacher, beta=beta, temperature=temperature: GKDTrainer.generalized_jsd_loss(
                student,
                teacher,
                beta=beta,
                temperature=temperature,
                reduction="none",
            ),
            logits,
            by=["student"],
            beta=beta,
            temperature=temperature,
        )
    tokens = torch.randint(6, (3, 5), generator=RANDOM)
    rows = normal(3, 5, 6, scale=4.0)
    rows[0, 0, 1] = 90.0
    add(
        "selective_log_softmax",
        "logits[:, :-1] against token_ids[:, 1:]",
        "selective_log_softmax(logits[:, :-1], token_ids[:, 1:])",
        lambda logits, token_ids: selective_log_softmax(logits[:, :-1], token_ids[:, 1:]),
        {"logits": rows, "token_ids": tokens},
        by=["logits"],
    )


if __name__ == "__main__":
    for family in (preference, unpaired, odds_ratio, policy, distillation):
        family()
    write("trl", {name: version(name) for name in ("trl", "torch", "transformers")}, CASES)
