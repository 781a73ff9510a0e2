from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
from tests.later import Later

align = Later("examples.align")


def assert_fell(losses: Sequence[float]) -> None:
    tenth = max(len(losses) // 10, 1)
    assert sum(losses[-tenth:]) < 0.9 * sum(losses[:tenth])


def test_three_phases(capsys: pytest.CaptureFixture[str]) -> None:
    report = align.main(["--small"])
    assert_fell(report.text_losses)
    assert_fell(report.demonstration_losses)
    assert_fell(report.preference_losses)
    assert 6272 ** (1 / 14) < report.perplexity < 3
    first, last = report.measurements[0], report.measurements[-1]
    assert (first.margin, first.accuracy) == (0, 0.5)
    assert last.margin > 0.2
    assert last.accuracy > 0.9
    assert last.chosen_reward > 0 > last.rejected_reward
    assert 0.3 < report.answers_before.as_asked < 0.7
    assert report.answers_after.as_asked > 0.8
    printed = capsys.readouterr().out
    for line in ("1. text, next_token", "2. demonstrations, sft", "3. preferences, dpo + 1 sft", "chosen leads"):
        assert line in printed
    assert f"held-out perplexity {report.perplexity:.3f}" in printed


@pytest.mark.parametrize("preference", ["dpo", "ipo", "kto", "orpo"])
def test_every_preference_loss_raises_the_margin(preference: str) -> None:
    stories, held_out = align.make_stories(0)
    requests = [align.Request(story, manner) for story in held_out[:32] for manner in align.TONES]
    chance = random.Random(0)  # noqa: S311  no secret
    losses, measurements = align.prefer(
        align.make_model(0), stories, requests, align.SMALL, chance, preference=preference, anchor=0.0
    )
    assert_fell(losses)
    assert measurements[-1].margin > measurements[0].margin + 0.1
    assert measurements[-1].accuracy > 0.75


def test_held_out_stories_are_never_trained_on() -> None:
    stories, held_out = align.make_stories(0)
    assert (len(stories), len(held_out)) == (6016, 256)
    assert len({*stories, *held_out}) == 6272  # 8 · 7 people, 8 · 7 deeds, 2 to ask about


def test_encoding_masks_the_answer_and_nothing_else() -> None:
    story = align.Story(("ann", "paints"), ("bob", "sings"), ("bob", "sings"))
    assert " ".join(story.text()) == "<begin> ann paints and bob sings . so bob sings and ann paints . <end>"
    chosen, rejected, mismatched = align.encode_pairs(
        [align.Request(story, "rudely"), align.Request(story, "politely")]
    )

    def words(tokens: align.Tokens) -> list[str]:
        return [
            " ".join(align.VOCABULARY[index] for index in row[mask])
            for row, mask in zip(tokens.ids, tokens.answer, strict=True)
        ]

    polite, rude = "bob sings , my friend . <end>", "bob sings , fool . <end>"
    assert words(chosen) == [rude, polite]
    assert words(rejected) == [polite, rude]
    assert words(mismatched) == [polite, rude]
    prompt = " ".join(align.VOCABULARY[index] for index in chosen.ids[0][~chosen.answer[0]])
    assert prompt == "<begin> ann paints and bob sings . rudely : what does bob do ? <pad>"


def test_padding_on_the_right_changes_no_answer() -> None:
    model = align.make_model(0)
    story = align.Story(("ann", "paints"), ("bob", "sings"), ("bob", "sings"))
    together = align.encode_pairs([align.Request(story, "rudely"), align.Request(story, "politely")]).chosen
    alone = align.encode([story.prompt("rudely")], [story.answer("rudely")])
    assert together.ids.shape[1] > alone.ids.shape[1]
    with torch.no_grad():
        torch.testing.assert_close(align.log_prob(model, together)[:1], align.log_prob(model, alone))


def test_same_seed_same_model() -> None:
    first, second = align.make_model(5).state_dict(), align.make_model(5).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--anchor", "-1"], "--anchor is -1.0, expected a weight of at least 0"),
        (["--anchor", "nan"], "--anchor is nan, expected a weight of at least 0"),
        (["--preference", "ppo"], "invalid choice: 'ppo'"),
    ],
)
def test_bad_options_are_answered_with_a_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stop:
        align.main(arguments)
    assert stop.value.code == 2
    assert sentence in capsys.readouterr().err


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        align.main(["--help"])
    assert stop.value.code == 0
    assert "--preference" in capsys.readouterr().out
