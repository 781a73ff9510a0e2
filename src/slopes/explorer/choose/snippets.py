"""The Python of each task on the decision page. What is shown is the text of these functions, up to their `return`.

Their first lines are data; whoever copies them puts their own there. Each returns the loss, and its recipe if it has
one, so that a test runs them all and the page asks the recipe itself for its reasons.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from slopes import losses as L  # noqa: N812  the name that the documentation uses
from slopes import recipes


class Run(NamedTuple):
    """What a snippet made: its loss, and the recipe that it used, or None."""

    loss: Tensor
    recipe: recipes.Recipe | None = None


def yes_or_no() -> Run:
    """Labels of 0 and 1."""
    x, y = torch.randn(100, 64), torch.tensor([1] * 40 + [0] * 60)
    recipe = recipes.Binary.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def rare() -> Run:
    """Labels of 0 and 1, of which few are 1."""
    x, y = torch.randn(1005, 64), torch.tensor([1] * 5 + [0] * 1000)
    recipe = recipes.imbalanced(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def margin() -> Run:
    """Labels of -1 and +1, no probability wanted."""
    x, y = torch.randn(100, 64), torch.tensor([1.0] * 40 + [-1.0] * 60)
    scores = torch.nn.Linear(64, 1)(x).squeeze(-1)
    loss = L.hinge(scores, y)
    return Run(loss)


def one_class() -> Run:
    """One class out of three."""
    x, y = torch.randn(90, 64), torch.tensor([0, 1, 2] * 30)
    recipe = recipes.MultiClass.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def doubtful_labels() -> Run:
    """One class, where some labels are wrong."""
    x, y = torch.randn(90, 64), torch.tensor([0, 1, 2] * 30)
    recipe = recipes.MultiClass.from_targets(y, label_smoothing=0.1)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def rare_classes() -> Run:
    """One class, of which some are rare."""
    x, y = torch.randn(120, 64), torch.tensor([0] * 80 + [1] * 30 + [2] * 10)
    recipe = recipes.imbalanced(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def any_labels() -> Run:
    """Any number of labels."""
    x, y = torch.randn(80, 64), torch.tensor([[1, 1, 0], [0, 1, 0], [0, 0, 0], [1, 0, 1]] * 20)
    recipe = recipes.MultiLabel.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def number() -> Run:
    """A number, with errors like noise."""
    x, y = torch.randn(100, 64), 15 + 8 * torch.randn(100)
    recipe = recipes.Regression.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def far_off() -> Run:
    """A number, with some far off."""
    x, y = torch.randn(100, 64), torch.cat([15 + 8 * torch.randn(97), torch.tensor([900.0, -700.0, 800.0])])
    recipe = recipes.RobustRegression.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def share() -> Run:
    """A share between 0 and 1."""
    x, y = torch.randn(100, 64), torch.rand(100)
    recipe = recipes.BoundedRegression.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def positive() -> Run:
    """A positive number."""
    x, y = torch.randn(100, 64), torch.randn(100).exp()
    recipe = recipes.PositiveRegression.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def decades() -> Run:
    """A positive number over decades."""
    x, y = torch.randn(100, 64), torch.randn(100).mul(2).exp()
    recipe = recipes.TransformedRegression.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def interval() -> Run:
    """An interval."""
    x, y = torch.randn(100, 64), 4 + torch.randn(100)
    recipe = recipes.QuantileRegression.from_targets(y, levels=(0.1, 0.5, 0.9))
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def how_sure() -> Run:
    """A number and how sure it is."""
    x, y = torch.randn(100, 64), 4 + torch.randn(100)
    recipe = recipes.GaussianRegression.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def next_token() -> Run:
    """The next token."""
    x, ids = torch.randn(4, 32, 64), torch.randint(0, 50, (4, 32))
    real = torch.tensor([[True] * 32] * 3 + [[False] * 8 + [True] * 24])  # the attention mask that the model got
    recipe = recipes.NextToken.from_targets(ids, vocabulary=50, mask=real)
    head = recipe.head(64)
    loss = recipe.loss(head(x), ids, attention_mask=real)
    return Run(loss, recipe)


def hidden_tokens() -> Run:
    """Tokens that were taken out."""
    ids = torch.randint(0, 50, (4, 32))
    hidden, labels = L.mask_tokens(ids, mask_id=49, vocabulary=50)
    recipe = recipes.MaskedToken.from_targets(labels, vocabulary=50)
    states = torch.nn.Embedding(50, 64)(hidden)
    loss = recipe.loss(recipe.head(64)(states), labels)
    return Run(loss, recipe)


def answers() -> Run:
    """Answers to instructions."""
    ids = torch.randint(0, 50, (4, 32))
    logits = torch.randn(4, 32, 50, requires_grad=True)
    real = torch.tensor([[True] * 32] * 3 + [[False] * 8 + [True] * 24])  # the attention mask that the model got
    response = torch.tensor([[False] * 12 + [True] * 20] * 4)
    loss = L.sft(logits, ids, response, attention_mask=real)
    return Run(loss)


def small_like_large() -> Run:
    """A small model like a large one."""
    y = torch.tensor([0, 1, 2] * 30)
    teacher = torch.randn(90, 3)
    student = torch.randn(90, 3, requires_grad=True)
    loss = L.distillation(student, teacher, y, alpha=0.5, temperature=2.0)
    return Run(loss)


def this_rather_than_that() -> Run:
    """This answer rather than that."""
    reference_chosen, reference_rejected = -50 * torch.rand(2, 16)  # log-probabilities of whole answers
    policy_chosen, policy_rejected = (-50 * torch.rand(2, 16)).requires_grad_()
    loss = L.dpo(policy_chosen, policy_rejected, reference_chosen, reference_rejected, beta=0.1)
    return Run(loss)


def thumbs() -> Run:
    """Single answers, good or bad."""
    desirable = torch.tensor([True, False] * 8)
    reference = -50 * torch.rand(16)  # log-probabilities of whole answers
    policy = (-50 * torch.rand(16)).requires_grad_()
    loss = L.kto(policy, reference, desirable, kl=0.0, beta=0.1)
    return Run(loss)


def reward_model() -> Run:
    """Scores for answers."""
    chosen, rejected = torch.randn(16, 64), torch.randn(16, 64)
    score = torch.nn.Linear(64, 1)
    loss = L.bradley_terry(score(chosen).squeeze(-1), score(rejected).squeeze(-1))
    return Run(loss)


def sampled_rewards() -> Run:
    """Rewards for what was sampled."""
    old = -torch.rand(16)  # the log-probability of each token when it was drawn
    advantages = torch.randn(16)
    new = (old + 0.1 * torch.randn(16)).clamp(max=0).requires_grad_()
    loss = L.ppo(new, old, advantages, clip=0.2)
    return Run(loss)


def matching_pairs() -> Run:
    """Pairs that match, among others that do not."""
    questions, answers = torch.randn(32, 64), torch.randn(32, 64)
    recipe = recipes.Embedding.from_targets(answers)
    head = recipe.head(64)
    loss = recipe.loss(head(questions), head(answers))
    return Run(loss, recipe)


def pictures_and_captions() -> Run:
    """Pictures and their captions."""
    pictures, captions = torch.randn(32, 512), torch.randn(32, 64)
    recipe = recipes.Embedding.from_targets(captions, objective="clip")
    one, other = recipe.head(512), recipe.head(64)
    loss = recipe.loss(one(pictures), other(captions))
    return Run(loss, recipe)


def one_like_it() -> Run:
    """An anchor, one like it, one unlike."""
    x, y = torch.randn(32, 64), torch.arange(8).repeat(4)
    recipe = recipes.Embedding.from_targets(y)
    head = recipe.head(64)
    loss = recipe.loss(head(x), y)
    return Run(loss, recipe)


def alike_or_not() -> Run:
    """Two alike or not."""
    similar = torch.tensor([True, False] * 16)
    head = torch.nn.Linear(64, 128)
    a, b = head(torch.randn(32, 64)), head(torch.randn(32, 64))
    loss = L.contrastive(a, b, similar, margin=1.0)
    return Run(loss)


def latent_code() -> Run:
    """A latent code."""
    head = torch.nn.Linear(64, 2 * 8)
    mean, log_variance = head(torch.randn(32, 64)).chunk(2, dim=-1)
    loss = L.gaussian_kl(mean, log_variance)
    return Run(loss)


def one_like_another() -> Run:
    """One distribution like another."""
    wanted = torch.randn(32, 10).log_softmax(-1)
    logits = torch.randn(32, 10, requires_grad=True)
    loss = L.kl_divergence(wanted, logits.log_softmax(-1))
    return Run(loss)


def how_many() -> Run:
    """Counts of 0, 1, 2 and so on."""
    x, y = torch.randn(100, 64), torch.arange(100.0) % 7
    log_rate = torch.nn.Linear(64, 1)(x).squeeze(-1)
    loss = L.poisson_nll(log_rate, y)
    return Run(loss)


def often_zero() -> Run:
    """Amounts, of which most are 0."""
    x, y = torch.randn(100, 64), (torch.randn(100) - 1).clamp(min=0.0)
    log_mean = torch.nn.Linear(64, 1)(x).squeeze(-1)
    loss = L.tweedie(log_mean, y, power=1.5)
    return Run(loss)


def whole_distribution() -> Run:
    """A number, and how sure one may be of it."""
    x, y = torch.randn(100, 64), torch.randn(100)
    mean, log_variance = torch.nn.Linear(64, 2)(x).unbind(-1)
    loss = L.crps_gaussian(mean, log_variance, y)
    return Run(loss)


def still_waiting() -> Run:
    """A time, of the event or of the last look."""
    x, time, event = torch.randn(100, 64), torch.rand(100), torch.tensor([True, False] * 50)
    log_hazard = torch.nn.Linear(64, 1)(x).squeeze(-1)
    loss = L.cox(log_hazard, time, event)
    return Run(loss)


def ordered_classes() -> Run:
    """Grades from 0 to 4."""
    x, y = torch.randn(100, 64), torch.arange(100) % 5
    head = L.CoralHead(64, 5)
    loss = L.coral(head(x), y)
    return Run(loss)


def first_of_a_list() -> Run:
    """Lists of ten items, each with its grade."""
    x, y = torch.randn(16, 10, 64), torch.randint(0, 4, (16, 10)).float()
    scores = torch.nn.Linear(64, 1)(x).squeeze(-1)
    loss = L.list_net(scores, y)
    return Run(loss)


def a_mask() -> Run:
    """Eight pictures of 32 by 32 pixels."""
    pictures, masks = torch.randn(8, 3, 32, 32), torch.eye(32).repeat(8, 1, 1)
    logits = torch.nn.Conv2d(3, 1, 3, padding=1)(pictures).flatten(1)
    loss = L.dice(logits, masks.flatten(1)) + L.binary_cross_entropy(logits, masks.flatten(1))
    return Run(loss)


def a_box() -> Run:
    """Boxes by their corners: left, top, right, bottom."""
    x, y = torch.randn(32, 64), torch.tensor([[10.0, 10.0, 50.0, 40.0]]).expand(32, 4)
    corner, log_size = torch.nn.Linear(64, 4)(x).chunk(2, dim=-1)
    loss = L.giou(torch.cat([corner, corner + log_size.exp()], dim=-1), y)
    return Run(loss)


def what_was_said() -> Run:
    """Frames of sound, and letters; class 0 is the blank."""
    x, y = torch.randn(4, 50, 64), torch.randint(1, 28, (4, 12))
    logits = torch.nn.Linear(64, 28)(x)
    loss = L.ctc(logits, y)
    return Run(loss)


def by_a_flow() -> Run:
    """Samples, noise, and a time between them for each."""
    sample, noise, t = torch.randn(32, 64), torch.randn(32, 64), torch.rand(32)
    velocity = torch.nn.Linear(64, 64)(torch.lerp(sample, noise, t.unsqueeze(-1)))
    loss = L.flow_matching(velocity, sample, noise, t)
    return Run(loss)


def cannot_tell() -> Run:
    """Samples, and what a generator made."""
    head = torch.nn.Linear(64, 1)
    real, fake = head(torch.randn(32, 64)).squeeze(-1), head(torch.randn(32, 64)).squeeze(-1)
    loss = L.adversarial(real, fake, role="discriminator")
    return Run(loss)
