"""Align a language model in three phases: next-token training, supervised fine-tuning, preferences.

    python examples/align.py
    python examples/align.py --preference ipo
    python examples/align.py --anchor 0

The model is a small LLaMA with random weights, its text a toy world that this script makes: who does what.

    text         ann paints and bob sings . so bob sings and ann paints .
    prompt       ann paints and bob sings . politely : what does bob do ?
    preferred    bob sings , my friend .
    rejected     bob sings , fool .

From text the model learns that whoever paints goes on painting. From demonstrations it learns to answer, but not how:
their tone is a matter of chance. From preferences it learns to take the tone that it is asked for, politely or rudely.
Nothing is downloaded.

DPO, IPO and KTO ask for a margin between two answers and for nothing else: what the rejected answer loses need not go
to the chosen one. `--anchor` adds the likelihood of the chosen answers; `--anchor 0` shows what happens without it.
"""

from __future__ import annotations

import argparse
import copy
import functools
import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import torch
from torch import Tensor, nn
from tqdm import tqdm
from transformers import LlamaConfig, LlamaForCausalLM

from slopes import losses
from slopes.activations import GatedFFN, softmax

PEOPLE: Final = ("ann", "bob", "cleo", "dan", "eve", "finn", "gus", "hana")
DEEDS: Final = ("bakes", "dances", "draws", "knits", "paints", "reads", "sings", "swims")
TONES: Final = {"politely": (",", "my", "friend", ".", "<end>"), "rudely": (",", "fool", ".", "<end>")}
OTHER: Final = {"politely": "rudely", "rudely": "politely"}
GLUE: Final = ("and", "so", "what", "does", "do", "?", ":", ",", ".", "my", "friend", "fool")
VOCABULARY: Final = ("<pad>", "<begin>", "<end>", *GLUE, *TONES, *PEOPLE, *DEEDS)
ID_OF: Final = {word: index for index, word in enumerate(VOCABULARY)}
PAD: Final = ID_OF["<pad>"]

BATCH: Final = 64
HELD_OUT: Final = 256
BETA: Final = 0.1
ODDS_RATIO_WEIGHT: Final = 1.0


@dataclass(frozen=True)
class Story:
    """Two people and what they do; `asked` is the one that the text returns to first and the question is about."""

    first: tuple[str, str]
    second: tuple[str, str]
    asked: tuple[str, str]

    def text(self) -> list[str]:
        """Return the story told twice, beginning the second time with the one asked about."""
        other = self.first if self.asked == self.second else self.second
        return [*self._opening(), "so", *self.asked, "and", *other, ".", "<end>"]

    def prompt(self, manner: str) -> list[str]:
        """Return the story and the question, which asks for a manner."""
        return [*self._opening(), manner, ":", "what", "does", self.asked[0], "do", "?"]

    def answer(self, manner: str) -> list[str]:
        """Return the right answer in a manner."""
        return [*self.asked, *TONES[manner]]

    def _opening(self) -> list[str]:
        return ["<begin>", *self.first, "and", *self.second, "."]


class Request(NamedTuple):
    """A question about a story, and the manner in which the answer is wanted."""

    story: Story
    manner: str


class Tokens(NamedTuple):
    """Token ids `[B, T]`, padded on the right; which belong to the answer, and which are no padding, `[B, T]` each."""

    ids: Tensor
    answer: Tensor
    real: Tensor


class Pairs(NamedTuple):
    """Prompts with the preferred answer, with the rejected one, and with the answer to the next prompt of the batch."""

    chosen: Tokens
    rejected: Tokens
    mismatched: Tokens


class Phase(NamedTuple):
    """How long and how fast a phase trains."""

    steps: int
    learning_rate: float


class Phases(NamedTuple):
    """The three phases, and how often the last one is measured."""

    text: Phase
    demonstrations: Phase
    preferences: Phase
    every: int


FULL: Final = Phases(Phase(600, 5e-3), Phase(200, 1e-3), Phase(160, 3e-4), every=16)
SMALL: Final = Phases(Phase(200, 5e-3), Phase(50, 2e-3), Phase(32, 1e-3), every=8)


class Answers(NamedTuple):
    """Sampled answers to held-out prompts: shares with the right deed, in the tone asked for, and in the other one."""

    right: float
    as_asked: float
    other_tone: float


class Measurement(NamedTuple):
    """Where preference training stands on held-out pairs."""

    step: int
    chosen_reward: float
    rejected_reward: float
    accuracy: float

    @property
    def margin(self) -> float:
        """The implicit reward of the chosen answers above that of the rejected ones."""
        return self.chosen_reward - self.rejected_reward


@dataclass(frozen=True)
class Report:
    """What the three phases came to: losses of each step, and measurements on held-out stories."""

    text_losses: list[float]
    perplexity: float
    demonstration_losses: list[float]
    answers_before: Answers
    preference_losses: list[float]
    measurements: list[Measurement]
    answers_after: Answers


def make_stories(seed: int) -> tuple[list[Story], list[Story]]:
    """Return every story that there is, shuffled, as training stories and held-out ones."""
    stories = [
        Story(first, second, asked)
        for people in itertools.permutations(PEOPLE, 2)
        for deeds in itertools.permutations(DEEDS, 2)
        for first, second in [zip(people, deeds, strict=True)]
        for asked in (first, second)
    ]
    random.Random(seed).shuffle(stories)  # noqa: S311  no secret
    return stories[HELD_OUT:], stories[:HELD_OUT]


def encode(prompts: Sequence[list[str]], answers: Sequence[list[str]]) -> Tokens:
    """Return prompts, each followed by its answer, as padded token ids with the masks of answers and of real tokens."""
    rows = [
        torch.tensor([ID_OF[word] for word in [*prompt, *answer]])
        for prompt, answer in zip(prompts, answers, strict=True)
    ]
    ids = nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=PAD)
    starts = torch.tensor([len(prompt) for prompt in prompts])
    real = ids != PAD
    return Tokens(ids, (torch.arange(ids.shape[1]) >= starts[:, None]) & real, real)


def encode_texts(stories: Sequence[Story]) -> Tensor:
    """Return the token ids of the stories' texts."""
    return torch.tensor([[ID_OF[word] for word in story.text()] for story in stories])


def encode_pairs(requests: Sequence[Request]) -> Pairs:
    """Return the answers in the manner that was asked for as the chosen ones, those in the other as the rejected."""
    prompts = [story.prompt(manner) for story, manner in requests]
    chosen = [story.answer(manner) for story, manner in requests]
    rejected = [story.answer(OTHER[manner]) for story, manner in requests]
    return Pairs(encode(prompts, chosen), encode(prompts, rejected), encode(prompts, [*chosen[1:], chosen[0]]))


def draw_requests(stories: Sequence[Story], chance: random.Random) -> list[Request]:
    """Return a batch of requests."""
    return [Request(story, chance.choice(tuple(TONES))) for story in chance.choices(stories, k=BATCH)]


def make_model(seed: int) -> LlamaForCausalLM:
    """Return a LLaMA of two layers with random weights and the library's own gated block in it."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=64,
        intermediate_size=168,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=32,
        initializer_range=0.1,  # the default of 0.02 is for wider models; at 64 attention starts out too faint
        pad_token_id=PAD,
        bos_token_id=ID_OF["<begin>"],
        eos_token_id=ID_OF["<end>"],
    )
    model = LlamaForCausalLM(config)
    for layer in model.model.layers:
        layer.mlp = GatedFFN(config.hidden_size, config.intermediate_size)
    return model


def logits_of(model: LlamaForCausalLM, ids: Tensor, real: Tensor | None = None) -> Tensor:
    """Return logits `[B, T, V]`; `real` is the attention mask of ids with padding among them."""
    logits: Tensor = model(input_ids=ids, attention_mask=real, use_cache=False).logits
    return logits


def train(model: LlamaForCausalLM, phase: Phase, loss: Callable[[], Tensor], *, name: str) -> Iterator[float]:
    """Train step by step, giving back the loss of each; `loss` draws its own batch."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=phase.learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, phase.learning_rate, total_steps=phase.steps + 1)
    with tqdm(range(phase.steps), desc=name, unit="step", leave=False, disable=None) as progress:  # None: on a terminal
        for _ in progress:
            value = loss()
            optimizer.zero_grad()
            value.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            progress.set_postfix(loss=f"{value.item():.4f}")
            yield value.item()


def pretrain(model: LlamaForCausalLM, stories: list[Story], phase: Phase, chance: random.Random) -> list[float]:
    """Phase one: every token of the text from those before it."""

    def loss() -> Tensor:
        ids = encode_texts(chance.choices(stories, k=BATCH))
        return losses.next_token(logits_of(model, ids), ids)

    return list(train(model, phase, loss, name="text"))


def fine_tune(model: LlamaForCausalLM, stories: list[Story], phase: Phase, chance: random.Random) -> list[float]:
    """Phase two: answers, given their prompts; whoever demonstrated them did not mind the manner."""

    def loss() -> Tensor:
        requests = draw_requests(stories, chance)
        prompts = [story.prompt(manner) for story, manner in requests]
        tokens = encode(prompts, [story.answer(chance.choice(tuple(TONES))) for story, _ in requests])
        return sft_loss(model, tokens)

    return list(train(model, phase, loss, name="demonstrations"))


def sft_loss(model: LlamaForCausalLM, tokens: Tokens) -> Tensor:
    """Return the loss of the answers, given their prompts."""
    ids, answer, real = tokens
    return losses.sft(logits_of(model, ids, real), ids, answer, attention_mask=real)


def log_prob(model: LlamaForCausalLM, tokens: Tokens, *, average: bool = False) -> Tensor:
    """Return the log-probability of each answer given its prompt, `[B]`."""
    ids, answer, real = tokens
    logits = logits_of(model, ids, real)
    return losses.sequence_log_prob(logits, ids, mask=answer, attention_mask=real, average=average)


def paired_loss(
    loss: Callable[..., Tensor], policy: LlamaForCausalLM, reference: LlamaForCausalLM, pairs: Pairs
) -> Tensor:
    """Return DPO or IPO: both compare the policy with the reference on both answers."""
    with torch.no_grad():
        reference_chosen, reference_rejected = log_prob(reference, pairs.chosen), log_prob(reference, pairs.rejected)
    return loss(
        log_prob(policy, pairs.chosen),
        log_prob(policy, pairs.rejected),
        reference_chosen,
        reference_rejected,
        beta=BETA,
    )


def kto_loss(policy: LlamaForCausalLM, reference: LlamaForCausalLM, pairs: Pairs) -> Tensor:
    """Return KTO: each answer for itself, against how far the policy has drifted on answers to other prompts."""
    with torch.no_grad():
        references = torch.cat([log_prob(reference, pairs.chosen), log_prob(reference, pairs.rejected)])
        drift = (log_prob(policy, pairs.mismatched) - log_prob(reference, pairs.mismatched)).mean().clamp(min=0)
    policies = torch.cat([log_prob(policy, pairs.chosen), log_prob(policy, pairs.rejected)])
    desirable = torch.arange(len(policies)) < len(pairs.chosen.ids)
    return losses.kto(policies, references, desirable, drift, beta=BETA)


def orpo_loss(policy: LlamaForCausalLM, _: LlamaForCausalLM, pairs: Pairs) -> Tensor:
    """Return ORPO: the likelihood of the chosen answer and its odds against the rejected one, without a reference."""
    chosen, rejected = (log_prob(policy, tokens, average=True) for tokens in (pairs.chosen, pairs.rejected))
    return losses.orpo(chosen, rejected, -chosen, lam=ODDS_RATIO_WEIGHT)


PREFERENCES: Final[dict[str, Callable[[LlamaForCausalLM, LlamaForCausalLM, Pairs], Tensor]]] = {
    "dpo": functools.partial(paired_loss, losses.dpo),
    "ipo": functools.partial(paired_loss, losses.ipo),
    "kto": kto_loss,
    "orpo": orpo_loss,
}


def prefer(
    policy: LlamaForCausalLM,
    stories: list[Story],
    held_out: list[Request],
    phases: Phases,
    chance: random.Random,
    *,
    preference: str,
    anchor: float,
) -> tuple[list[float], list[Measurement]]:
    """Phase three: chosen answers above rejected ones, measured against a frozen copy of the model as it was."""
    reference = copy.deepcopy(policy).requires_grad_(requires_grad=False)
    held_out_pairs = encode_pairs(held_out)

    def loss() -> Tensor:
        pairs = encode_pairs(draw_requests(stories, chance))
        value = PREFERENCES[preference](policy, reference, pairs)
        if anchor > 0:
            value = value + anchor * sft_loss(policy, pairs.chosen)
        return value

    values, measurements = [], [measure(policy, reference, held_out_pairs, step=0)]
    for value in train(policy, phases.preferences, loss, name=preference):
        values.append(value)
        if len(values) % phases.every == 0:
            measurements.append(measure(policy, reference, held_out_pairs, step=len(values)))
    return values, measurements


@torch.no_grad()
def measure(policy: LlamaForCausalLM, reference: LlamaForCausalLM, pairs: Pairs, *, step: int) -> Measurement:
    """Return the implicit rewards, beta times the log-ratio to the reference, and how often the chosen one's leads."""
    chosen = BETA * (log_prob(policy, pairs.chosen) - log_prob(reference, pairs.chosen))
    rejected = BETA * (log_prob(policy, pairs.rejected) - log_prob(reference, pairs.rejected))
    leads = (torch.sign(chosen - rejected) + 1) / 2  # a tie is half a lead: before the first step all are
    return Measurement(step, chosen.mean().item(), rejected.mean().item(), leads.mean().item())


@torch.no_grad()
def perplexity_of(model: LlamaForCausalLM, stories: Sequence[Story]) -> float:
    """Return the perplexity of the stories' texts, batch by batch."""
    metric = losses.Perplexity()
    for ids in encode_texts(stories).split(64):
        metric.update(logits_of(model, ids), ids)
    return metric.compute().item()


@torch.no_grad()
def judge(model: LlamaForCausalLM, requests: Sequence[Request], seed: int) -> Answers:
    """Sample an answer to each prompt and return what became of them."""
    chance = torch.Generator().manual_seed(seed)
    ids = torch.tensor([[ID_OF[word] for word in story.prompt(manner)] for story, manner in requests])
    prompt = ids.shape[1]
    for _ in range(2 + max(map(len, TONES.values()))):
        following = torch.multinomial(softmax(logits_of(model, ids)[:, -1]), 1, generator=chance)
        ids = torch.cat([ids, following], 1)
    answers = [[VOCABULARY[index] for index in row] for row in ids[:, prompt:].tolist()]
    both = list(zip(answers, requests, strict=True))
    right = [tuple(answer[:2]) == request.story.asked for answer, request in both]
    as_asked = [has_tone(answer, request.manner) for answer, request in both]
    other_tone = [has_tone(answer, OTHER[request.manner]) for answer, request in both]
    return Answers(*(sum(share) / len(both) for share in (right, as_asked, other_tone)))


def has_tone(answer: Sequence[str], manner: str) -> bool:
    """Return whether an answer, after whom and what, goes on in a manner and ends."""
    tone = TONES[manner]
    return tuple(answer[2 : 2 + len(tone)]) == tone


def print_losses(name: str, values: Sequence[float]) -> None:
    """Print a phase's loss at its beginning and its end, each the mean of a tenth of the steps."""
    tenth = max(len(values) // 10, 1)
    first, last = sum(values[:tenth]) / tenth, sum(values[-tenth:]) / tenth
    print(f"{name}: loss {first:.4f} -> {last:.4f} in {len(values)} steps")


def print_answers(answers: Answers) -> None:
    """Print what became of the sampled answers."""
    neither = 1 - answers.as_asked - answers.other_tone
    print(
        f"   sampled answers to held-out prompts: {answers.right:.1%} right; in the tone asked for"
        f" {answers.as_asked:.1%}, in the other {answers.other_tone:.1%}, in neither {neither:.1%}"
    )


def print_measurements(measurements: Sequence[Measurement]) -> None:
    """Print the table of preference training."""
    print(f"   rewards on held-out pairs: {BETA} x the log-ratio of the model to its frozen copy")
    print("   step  reward of chosen  of rejected  margin  chosen leads")
    for row in measurements:
        print(
            f"   {row.step:>4}  {row.chosen_reward:>16.3f}  {row.rejected_reward:>11.3f}  {row.margin:>6.3f}"
            f"  {row.accuracy:>12.1%}"
        )


def align(phases: Phases, *, preference: str, anchor: float, seed: int) -> Report:
    """Take a fresh model through the three phases, printing what each came to."""
    chance = random.Random(seed)  # noqa: S311  no secret
    stories, held_out = make_stories(seed)
    requests = [Request(story, manner) for story in held_out for manner in TONES]
    model = make_model(seed)
    print(f"{len(stories)} stories to train, {len(held_out)} held out; {model.num_parameters()} parameters\n")

    text_losses = pretrain(model, stories, phases.text, chance)
    perplexity = perplexity_of(model, held_out)
    # All stories are equally likely: whoever knew the world exactly would hesitate between this many tokens.
    best = (len(stories) + len(held_out)) ** (1 / (len(held_out[0].text()) - 1))
    print_losses("1. text, next_token", text_losses)
    print(f"   held-out perplexity {perplexity:.3f}; the world's own is {best:.3f}\n")

    demonstration_losses = fine_tune(model, stories, phases.demonstrations, chance)
    before = judge(model, requests, seed)
    print_losses("2. demonstrations, sft", demonstration_losses)
    print_answers(before)

    preference_losses, measurements = prefer(
        model, stories, requests, phases, chance, preference=preference, anchor=anchor
    )
    after = judge(model, requests, seed)
    anchored = f" + {anchor:g} sft" if anchor > 0 else ""
    print_losses(f"\n3. preferences, {preference}{anchored}", preference_losses)
    print_measurements(measurements)
    print_answers(after)
    return Report(text_losses, perplexity, demonstration_losses, before, preference_losses, measurements, after)


def main(argv: Sequence[str] | None = None) -> Report:
    """Read the command line, align a model, print what came out and return it."""
    parser = argparse.ArgumentParser(description="Align a tiny language model on a toy world, in three phases.")
    parser.add_argument("--preference", choices=sorted(PREFERENCES), default="dpo", help="dpo unless told")
    parser.add_argument("--seed", type=int, default=0, help="of the stories, the weights and the batches")
    parser.add_argument("--small", action="store_true", help="few steps only, to see that everything runs")
    parser.add_argument(
        "--anchor",
        type=float,
        metavar="W",
        help="adds W times the SFT loss of the chosen answers; 1 unless told, 0 for orpo, which has one of its own",
    )
    options = parser.parse_args(argv)
    anchor = options.anchor
    if anchor is None:
        anchor = 0.0 if options.preference == "orpo" else 1.0
    if not 0 <= anchor < float("inf"):
        parser.error(f"--anchor is {anchor}, expected a weight of at least 0")
    phases = SMALL if options.small else FULL
    return align(phases, preference=options.preference, anchor=anchor, seed=options.seed)


if __name__ == "__main__":
    torch.set_num_threads(1)  # matrices this small are faster on one core than shared out
    main()
