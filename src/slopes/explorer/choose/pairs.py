"""The decision page: from a task to what goes together for it, and why, and what goes wrong otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """What goes together for a task.

    Attributes:
        task: What the model is to say.
        example: A case of it.
        head: The last layer and what makes a prediction of its output.
        losses: Names of the losses, the first one to start with.
        why: Why this pair.
        instead: What is often done instead, and what it costs.
        figure: The address of a figure that shows it, after the slash; empty where none does.
        snippet: The function in `snippets.py` that does it in Python.
        recipe: The name in `slopes.recipes` that ties it together; empty where a loss is all there is.
    """

    task: str
    example: str
    head: str
    losses: tuple[str, ...]
    why: str
    instead: str
    figure: str = ""
    snippet: str
    recipe: str = ""


GROUPS: Final[tuple[tuple[str, tuple[Pair, ...]], ...]] = (
    (
        "One of two",
        (
            Pair(
                task="Yes or no, both common",
                snippet="yes_or_no",
                recipe="Binary",
                example="Will this customer leave?",
                head="one logit; a sigmoid makes the probability",
                losses=("binary_cross_entropy",),
                why="The sigmoid and this loss cancel: the gradient at the logit is the probability minus the label, "
                "large while the model is wrong.",
                instead="The MSE on the probability has a slope near 0 where the model is confidently wrong.",
                figure="pairing",
            ),
            Pair(
                task="Yes or no, yes is rare",
                snippet="rare",
                recipe="imbalanced",
                example="Fraud, one in a thousand",
                head="one logit; a sigmoid, and a threshold tuned on validation data",
                losses=("binary_cross_entropy", "focal"),
                why="pos_weight from the counts balances the classes; above about 100 to 1 the many easy negatives "
                "drown the rest, and focal turns them down.",
                instead="Accuracy: saying no to everything is right 99.9 % of the time.",
                figure="focal",
            ),
            Pair(
                task="A margin, no probability",
                snippet="margin",
                example="A support vector machine on top of features",
                head="one score; its sign decides",
                losses=("hinge",),
                why="It stops once the score is beyond the margin, so that only hard cases count.",
                instead="Labels are -1 and +1; with 0 and 1 half of the data has a constant loss and teaches nothing.",
                figure="binary-losses",
            ),
        ),
    ),
    (
        "One of many",
        (
            Pair(
                task="One class out of C",
                snippet="one_class",
                recipe="MultiClass",
                example="Which digit is this?",
                head="C logits; a softmax makes the probabilities",
                losses=("cross_entropy",),
                why="The gradient is the probabilities minus the label, for every class at once.",
                instead="A softmax before a loss that takes logits: the model is squeezed twice and learns slowly.",
                figure="confidence",
            ),
            Pair(
                task="One class, labels not all right",
                snippet="doubtful_labels",
                recipe="MultiClass",
                example="Labels from a crowd",
                head="C logits; a softmax",
                losses=("cross_entropy",),
                why="label_smoothing keeps the model from certainty that the labels do not have; soft targets say it "
                "label by label.",
                instead="Training to zero loss: the wrong labels are learned by heart.",
                figure="cross-entropy",
            ),
            Pair(
                task="One class, some are rare",
                snippet="rare_classes",
                recipe="imbalanced",
                example="Species in camera traps",
                head="C logits; a softmax",
                losses=("cross_entropy", "softmax_focal"),
                why="class_weight from the counts, or focal where easy examples are the trouble.",
                instead="Plain accuracy; look at macro F1.",
                figure="focal",
            ),
            Pair(
                task="Any number of labels",
                snippet="any_labels",
                recipe="MultiLabel",
                example="What is in this picture?",
                head="C logits; a sigmoid for each, a threshold for each",
                losses=("binary_cross_entropy", "asymmetric", "focal"),
                why="Each label is a question of its own; asymmetric turns the many easy negatives down.",
                instead="A softmax: its shares add up to 1, so that two labels can never both be likely.",
                figure="pairing",
            ),
        ),
    ),
    (
        "A number",
        (
            Pair(
                task="Any real number, errors like noise",
                snippet="number",
                recipe="Regression",
                example="Temperature tomorrow",
                head="one number, as it is; standardise the targets",
                losses=("mse",),
                why="It aims at the mean, and its gradient grows with the error.",
                instead="Targets in the hundred thousands: gradients of that size break the first steps.",
                figure="regression-losses",
            ),
            Pair(
                task="Any real number, some far off",
                snippet="far_off",
                recipe="RobustRegression",
                example="House prices",
                head="one number, as it is",
                losses=("huber", "mae"),
                why="An outlier pulls no harder than delta; the MAE aims at the median.",
                instead="The MSE: one house out of three had nearly all of the gradient.",
                figure="line-fit",
            ),
            Pair(
                task="A share between 0 and 1",
                snippet="share",
                recipe="BoundedRegression",
                example="Click-through rate",
                head="one logit; a sigmoid makes the share",
                losses=("binary_cross_entropy",),
                why="It takes soft targets, and is matched to the sigmoid.",
                instead="The MSE after a sigmoid, which hardly moves near 0 and 1.",
                figure="pairing",
            ),
            Pair(
                task="A positive number",
                snippet="positive",
                recipe="PositiveRegression",
                example="Waiting time",
                head="softplus of the output",
                losses=("mse",),
                why="It is above 0 everywhere and a straight line for large outputs; a target of 0 is taken too.",
                instead="A ReLU at the end: below 0 its slope is 0, and a unit that every input puts there is dead.",
                figure="activations",
            ),
            Pair(
                task="A positive number over decades",
                snippet="decades",
                recipe="TransformedRegression",
                example="Income, prices of houses, sizes of files",
                head="one number, the logarithm of the answer; its exponential is the median",
                losses=("mse",),
                why="On the logarithm, errors are ratios, which is how such numbers spread.",
                instead="Taking the prediction for a mean: taken back from a logarithm, it is the median.",
                figure="pairing",
            ),
            Pair(
                task="An interval",
                snippet="interval",
                recipe="QuantileRegression",
                example="Delivery in 3 to 5 days",
                head="one number for each quantile, kept in order",
                losses=("quantile",),
                why="The pinball loss aims at the quantile: q = 0.9 is exceeded one time in ten.",
                instead="Mean plus and minus two deviations, where the noise is not normal.",
                figure="regression-losses",
            ),
            Pair(
                task="A number and how sure it is",
                snippet="how_sure",
                recipe="GaussianRegression",
                example="A sensor with noise that varies",
                head="mean and logarithm of the variance",
                losses=("gaussian_nll",),
                why="It weighs each error by the variance that the model itself gives.",
                instead="A variance of its own without a floor or a logarithm, which runs to 0.",
            ),
        ),
    ),
    (
        "Text",
        (
            Pair(
                task="The next token",
                snippet="next_token",
                recipe="NextToken",
                example="A language model",
                head="a logit for each token of the vocabulary",
                losses=("next_token", "perplexity"),
                why="It shifts once, inside; perplexity is the exponential of the mean over all tokens.",
                instead="A mean of batches' perplexities, which is another and larger number.",
                figure="softmax-temperature",
            ),
            Pair(
                task="Hidden tokens",
                snippet="hidden_tokens",
                recipe="MaskedToken",
                example="An encoder such as BERT",
                head="a logit for each token of the vocabulary",
                losses=("masked_lm",),
                why="Only the hidden 15 % count; mask_tokens hides them 80/10/10.",
                instead="A loss over all tokens, which the model can copy.",
            ),
            Pair(
                task="Answers to instructions",
                snippet="answers",
                example="Fine-tuning on dialogues",
                head="a logit for each token of the vocabulary",
                losses=("sft",),
                why="The response counts, the prompt does not.",
                instead="Loss on the prompt: the model learns to ask.",
            ),
            Pair(
                task="A small model like a large one",
                snippet="small_like_large",
                example="Distillation",
                head="the student's logits",
                losses=("distillation",),
                why="KL(teacher‖student) at a temperature shows what the teacher holds for second best.",
                instead="The other direction, which seeks one mode of the teacher.",
                figure="kl",
            ),
        ),
    ),
    (
        "What people prefer",
        (
            Pair(
                task="Pairs: this answer rather than that",
                snippet="this_rather_than_that",
                example="Comparisons by annotators",
                head="log-probabilities of both answers, by the policy and by its reference",
                losses=("dpo", "ipo", "orpo"),
                why="DPO needs no reward model; IPO aims at a margin and stops; ORPO needs no reference.",
                instead="Watching the margin only: it may grow while the chosen answer grows less likely.",
                figure="preference",
            ),
            Pair(
                task="Thumbs up or down",
                snippet="thumbs",
                example="Feedback from users",
                head="log-probabilities of each answer, by the policy and by its reference",
                losses=("kto",),
                why="It takes single answers, good or bad, in any proportion.",
                instead="Making pairs of answers to different prompts.",
                figure="preference",
            ),
            Pair(
                task="A reward model",
                snippet="reward_model",
                example="Scores for answers",
                head="one number for each answer",
                losses=("bradley_terry",),
                why="The difference of two scores is the logit of the preference.",
                instead="Regression on ratings, whose scale differs from rater to rater.",
                figure="preference",
            ),
            Pair(
                task="A reward for what was sampled",
                snippet="sampled_rewards",
                example="Reinforcement learning",
                head="log-probabilities of the actions, old and new",
                losses=("ppo", "kl_penalty", "value_clip"),
                why="The clip stops the step once the policy has moved far enough.",
                instead="A KL estimate that is right as a number, taken as a loss: its gradient is another.",
            ),
        ),
    ),
    (
        "Likeness",
        (
            Pair(
                task="Pairs that match, others of the batch do not",
                snippet="matching_pairs",
                recipe="Embedding",
                example="Search, sentence embeddings",
                head="vectors, normalised inside",
                losses=("info_nce", "nt_xent"),
                why="Every other item of the batch is a negative; the temperature says how much the hardest count.",
                instead="Batches of a few: the loss is near its chance level log N and teaches little.",
                figure="info-nce",
            ),
            Pair(
                task="Pictures and their captions",
                snippet="pictures_and_captions",
                recipe="Embedding",
                example="Search across the two",
                head="two encoders into one space, and a learned scale",
                losses=("clip",),
                why="Rows and columns of one matrix, both ways at once.",
                instead="One direction only.",
                figure="info-nce",
            ),
            Pair(
                task="An anchor, one like it, one unlike",
                snippet="one_like_it",
                recipe="Embedding",
                example="Faces",
                head="vectors",
                losses=("triplet", "batch_triplet"),
                why="Only the order of the distances counts; batch_triplet finds the hard ones.",
                instead="Random triplets: most are easy and have no gradient.",
                figure="contrastive-forces",
            ),
            Pair(
                task="Two alike or not",
                snippet="alike_or_not",
                example="Signatures",
                head="vectors",
                losses=("contrastive", "cosine_embedding"),
                why="Alike attract, unlike repel up to the margin.",
                instead="The label the wrong way round, which libraries disagree on; here it is called similar.",
                figure="contrastive-forces",
            ),
        ),
    ),
    (
        "A distribution",
        (
            Pair(
                task="A latent code",
                snippet="latent_code",
                example="A variational autoencoder",
                head="mean and logarithm of the variance",
                losses=("gaussian_kl",),
                why="The term of the ELBO that keeps the code near a standard normal; it is the reverse KL.",
                instead="A weight of 1 from the first step, under which the code may carry nothing.",
                figure="kl",
            ),
            Pair(
                task="One distribution like another",
                snippet="one_like_another",
                example="Soft labels, calibration of a mixture",
                head="log-probabilities",
                losses=("kl_divergence", "js_divergence"),
                why="Forward covers all of the target, reverse seeks one mode; JS lies between and is bounded.",
                instead="Probabilities where log-probabilities belong.",
                figure="kl",
            ),
        ),
    ),
)
