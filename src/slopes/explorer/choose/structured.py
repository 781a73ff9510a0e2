"""What goes together for counts, times, orders, pictures, sequences, and for what is made."""

from __future__ import annotations

from typing import Final

from slopes.explorer.choose.pair import Pair

GROUPS: Final[tuple[tuple[str, tuple[Pair, ...]], ...]] = (
    (
        "A count or an amount",
        (
            Pair(
                task="How many",
                snippet="how_many",
                example="Visits in a day, faults in a metre",
                head="one number, the logarithm of the rate; a second one where counts vary more than Poisson's",
                losses=("poisson_nll", "negative_binomial_nll"),
                why="The gradient at the log-rate is the rate minus the count, and a rate is never negative. If the "
                "variance of the counts is far above their mean, the negative binomial has a number for it.",
                instead="The MSE on counts: one busy day outweighs all quiet ones, and predictions fall below 0.",
            ),
            Pair(
                task="An amount that is often 0",
                snippet="often_zero",
                example="Claims of an insurance, rain",
                head="one number, the logarithm of the mean",
                losses=("tweedie",),
                why="One density for a heap at 0 and a long tail to the right; its mean makes sums come out right.",
                instead="The MAE: with more zeros than amounts the median is 0, and so is every prediction.",
            ),
            Pair(
                task="A whole distribution, scored by what came",
                snippet="whole_distribution",
                example="Tomorrow's temperature, with what it may be",
                head="mean and logarithm of the variance, or an ensemble of draws",
                losses=("crps_gaussian", "crps_ensemble"),
                why="In the unit of the target, and an honest forecast scores best; one wild miss does not rule it, as "
                "it rules the likelihood.",
                instead="The error of the mean alone: nothing is learned about how sure one may be.",
            ),
        ),
    ),
    (
        "A time",
        (
            Pair(
                task="When, if some are still waiting",
                snippet="still_waiting",
                example="Time to failure, of parts of which most still run",
                head="one number, the logarithm of the hazard",
                losses=("cox", "weibull_nll"),
                why="Who is still waiting counts as at risk until then, and that is all one knows. Cox asks for "
                "the order only; Weibull gives times.",
                instead="Leaving the unfinished out, or taking the last look as the event: both times come out short.",
            ),
        ),
    ),
    (
        "An order",
        (
            Pair(
                task="Classes that have an order",
                snippet="ordered_classes",
                example="Stars, stages of a disease",
                head="one score and K - 1 thresholds",
                losses=("coral", "cumulative_link", "corn"),
                why="Each threshold is a yes or no, is it above; to be one class off costs less than to be three off.",
                instead="Cross-entropy: it takes one star for five stars as lightly as four for five.",
            ),
            Pair(
                task="Which of a list comes first",
                snippet="first_of_a_list",
                example="Results of a search",
                head="one score for each item",
                losses=("list_net", "lambda_rank", "pairwise_logistic"),
                why="Only the order within a list counts, so that scores of different lists need not compare.",
                instead="Regression on the grades: what is learned is which searches have good results.",
            ),
        ),
    ),
    (
        "A picture",
        (
            Pair(
                task="A mask",
                snippet="a_mask",
                example="The tumour in a scan, a few per cent of it",
                head="a logit for each pixel",
                losses=("dice", "tversky", "lovasz"),
                why="The overlap does not care how much background there is. Beside it binary cross-entropy keeps "
                "gradients alive where nothing overlaps yet.",
                instead="Cross-entropy alone where the object is small: background everywhere is nearly right.",
            ),
            Pair(
                task="A box",
                snippet="a_box",
                example="Where is the dog?",
                head="four numbers: a corner and the logarithms of width and height",
                losses=("giou", "ciou", "smooth_l1"),
                why="It is the overlap that is judged by, and these pull where boxes do not meet too.",
                instead="The IoU alone: between boxes that do not touch it is flat.",
            ),
        ),
    ),
    (
        "A sequence",
        (
            Pair(
                task="What was said, without when",
                snippet="what_was_said",
                example="Speech to text, a line of handwriting",
                head="C logits for each frame, one of them the blank",
                losses=("ctc",),
                why="It sums over all alignments, so that nobody has to say which frame is which letter.",
                instead="Aligning by hand or by equal lengths: the model learns the mistakes of the alignment.",
            ),
        ),
    ),
    (
        "Something new",
        (
            Pair(
                task="Samples like these, by a flow",
                snippet="by_a_flow",
                example="Pictures, waveforms, molecules",
                head="a velocity of the shape of a sample",
                losses=("flow_matching", "diffusion_loss"),
                why="A regression: the target of each step is known, so that nothing plays against anything.",
                instead="The same weight for all noise levels, whatever is predicted: the easy ones drown the rest.",
                figure="noise",
            ),
            Pair(
                task="Samples that a second network cannot tell",
                snippet="cannot_tell",
                example="Upscaling, voices",
                head="one logit of a discriminator for each sample",
                losses=("adversarial",),
                why="The non-saturating form pulls hardest while the fakes are found out.",
                instead="log(1 - D) for the generator: flat where it should learn.",
                figure="two-players",
            ),
        ),
    ),
)
