"""From targets alone to a recipe, with evidence; what the targets do not tell is asked, never guessed.

choice = choose(targets)
print(choice)                                       # what was seen, what was chosen, what else it could be
choice = choose(targets, task="multiclass")         # the answer to its question
recipe, y = choice.recipe, choice.targets
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, NoReturn

import torch
from torch import Tensor

from slopes._core import check
from slopes._core.errors import OptionError, ValuesError
from slopes.recipes.choosing import columns
from slopes.recipes.choosing.columns import Column
from slopes.recipes.choosing.kinds_of_labels import of_booleans, of_text, of_whole_numbers
from slopes.recipes.choosing.kinds_of_numbers import of_quantity
from slopes.recipes.choosing.kinds_of_rows import of_rows
from slopes.recipes.choosing.positive import sides
from slopes.recipes.choosing.verdict import TASKS, Answer, Question, Task, Verdict
from slopes.recipes.recipe import Recipe

_TWO: Final = 2
_TABLE: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Choice:
    """What targets ask for.

    Attributes:
        recipe: The recipe, made from the targets; None while a question is open.
        task: Its name, as `choose` takes it; None while a question is open.
        evidence: What was seen, in sentences with numbers, the most telling first.
        questions: What the targets do not tell, with the answers that there are.
        alternatives: Other tasks that would fit, and when they are right.
        targets: The targets as the recipe takes them; None while a question is open.
        labels: For classes that were texts or other numbers: what each index stands for, in order. Empty where the
            targets are as they came.
    """

    recipe: Recipe | None
    task: Task | None
    evidence: tuple[str, ...]
    questions: tuple[Question, ...]
    alternatives: tuple[Answer, ...]
    targets: Tensor | None
    labels: tuple[str, ...]

    def __str__(self) -> str:
        lines = [*self.evidence]
        if self.recipe is not None:
            lines += [f"Recipe: {self.recipe.name}."]
            lines += [f"  {reason.choice}: {reason.because}" for reason in self.recipe.reasons]
        for question in self.questions:
            lines += [question.text, *(f'  task="{task}": {when}.' for task, when in question.answers)]
        if self.alternatives:
            lines += ["It could also be", *(f'  task="{task}", if {when}.' for task, when in self.alternatives)]
        return "\n".join(lines)


def choose(targets: object, *, task: Task | None = None) -> Choice:
    """Return the recipe that targets ask for, with the evidence; or the question that has to be answered first.

    Args:
        targets: A tensor or numpy array of numbers or strings, a list of numbers, strings or rows of numbers, or a
            polars Series or DataFrame: one row for each example, `[N]` or `[N, K]`.
        task: The answer to a question, or what you know better: `"binary"`, `"multiclass"`, `"multilabel"`,
            `"regression"`, `"robust"`, `"transformed"`, `"bounded"`, `"positive"`, `"heteroscedastic"`,
            `"quantiles"`, `"next_token"`, `"masked_token"` or `"embedding"`.

    Returns:
        A `Choice`. Its recipe is None where the targets can be several things: whole numbers 1 to 5 are classes,
        ratings or counts; then `questions` says what they can be, and `task=` answers.

    Raises:
        ShapeError: No rows, one row only, or neither `[N]` nor `[N, K]`.
        DtypeError: Something else than numbers and strings.
        OptionError: `task` is none of these, or these targets cannot be it.
        ValuesError: Values are missing, infinite, all the same, or texts that mostly occur once; or the recipe refuses
            them.

    Examples:
        >>> choice = choose(["no"] * 90 + ["yes"] * 10)
        >>> choice.task, choice.labels, choice.recipe.pos_weight
        ('binary', ('no', 'yes'), 9.0)
        >>> choice = choose([1, 2, 3, 4, 5, 5, 4, 4])
        >>> choice.recipe, [answer.task for answer in choice.questions[0].answers]
        (None, ['multiclass', 'regression', 'positive'])
        >>> choose([1, 2, 3, 4, 5, 5, 4, 4], task="multiclass").targets
        tensor([0, 1, 2, 3, 4, 4, 3, 3])
    """
    if task is not None:
        check.choice("choose", "task", task, TASKS)
    column = columns.read(targets)
    _varied(column)
    verdict = _verdict(column, task)
    chosen = verdict.task if task is None else task
    if chosen is None:
        questions = () if verdict.question is None else (verdict.question,)
        return Choice(
            recipe=None,
            task=None,
            evidence=verdict.evidence,
            questions=questions,
            alternatives=(),
            targets=None,
            labels=(),
        )
    encoded = _encoded(column, chosen)
    told = (f"task={task!r} was given.",) if task is not None else ()
    rest = verdict.alternatives if verdict.question is None else verdict.question.answers
    return Choice(
        recipe=_recipe(chosen, encoded.targets),
        task=chosen,
        evidence=(*verdict.evidence, *told, *encoded.told),
        questions=(),
        alternatives=tuple(answer for answer in rest if answer.task != chosen),
        targets=encoded.targets,
        labels=encoded.labels,
    )


def _varied(column: Column) -> None:
    first = column.values[0]
    if bool((column.values == first).all()):
        value = repr(column.labels[int(first)]) if column.kind == "text" else str(first.tolist())
        message = (
            f"choose: all {column.rows} `targets` are {value}, expected values that differ; a constant teaches "
            f"nothing, so check the column, or how the data were split."
        )
        raise ValuesError(message)


def _verdict(column: Column, task: Task | None) -> Verdict:
    if column.values.dim() == _TABLE:
        return of_rows(column)
    if column.kind == "text":
        return of_text(column) if task != "embedding" else Verdict(evidence=(f"{len(column.labels)} different texts.",))
    if column.kind == "boolean":
        return of_booleans(column)
    few = of_whole_numbers(column) if column.whole else None
    return of_quantity(column.values) if few is None else few


class _Encoded(NamedTuple):
    targets: Tensor
    labels: tuple[str, ...] = ()
    told: tuple[str, ...] = ()


def _encoded(column: Column, task: Task) -> _Encoded:
    match task:
        case "binary":
            return _as_binary(column)
        case "multiclass":
            return _as_classes(column)
        case "multilabel":
            return _as_labels(column)
        case "next_token" | "masked_token":
            return _as_tokens(column, task)
        case "embedding":
            return _Encoded(column.values, column.labels)
        case _:
            return _as_numbers(column, task)


def _as_binary(column: Column) -> _Encoded:
    values = column.values
    if values.dim() == _TABLE:
        if values.shape[1] != _TWO:
            _cannot("binary", f"they have {values.shape[1]} values a row", "pass the column that is meant")
        return _Encoded(values[:, 1], told=("The second column is the label.",))
    found = columns.counts(values)
    if len(found) != _TWO:
        _cannot("binary", f"they take {len(found)} different values", "choose 'multiclass', or merge them")
    if column.kind != "text" and set(found) == {0, 1}:
        return _Encoded(values)
    if column.kind != "text":
        low, high, why = sides(found)
        return _as_sides(values, high, (f"{low:.10g}", f"{high:.10g}"), why)
    codes = {column.labels[int(code)]: code for code in found}
    no, yes, why = sides({label: found[code] for label, code in codes.items()})
    return _as_sides(values, codes[yes], (no, yes), why)


def _as_labels(column: Column) -> _Encoded:
    values = column.values
    if bool(((values == 0) | (values == 1)).all()) or not bool(((values == 0) | (values.abs() == 1)).all()):
        return _Encoded(values)
    return _Encoded((values == 1).long(), told=("1 counts as 1, everything else as 0.",))


def _as_sides(values: Tensor, positive: float, names: tuple[str, str], why: str) -> _Encoded:
    return _Encoded((values == positive).long(), names, (f"{names[1]} counts as 1 and {names[0]} as 0: {why}.",))


def _as_classes(column: Column) -> _Encoded:
    values = column.values
    if values.dim() == _TABLE:
        if bool(((values == 0) | (values == 1)).all()):
            return _Encoded(values.long().argmax(1), told=("The place of the 1 in each row is the class.",))
        return _Encoded(values)
    if column.kind == "text":
        return _Encoded(values, column.labels, ("Classes are numbered in alphabetical order.",))
    different, codes = torch.unique(values, return_inverse=True)
    if column.kind == "integer" and int(different[0]) == 0 and int(different[-1]) == len(different) - 1:
        return _Encoded(values)
    labels = tuple(f"{value:g}" for value in different.tolist())
    return _Encoded(
        codes, labels, (f"Classes are numbered by value: {labels[0]} is 0, {labels[-1]} {len(labels) - 1}.",)
    )


def _as_tokens(column: Column, task: Task) -> _Encoded:
    if column.kind != "integer":
        _cannot(task, f"they are {column.kind}", "pass token ids, integers from 0")
    size = int(column.values.max()) + 1
    told = (
        f"The vocabulary is taken to have {size} tokens, the highest id and one; pass the tokenizer's own size to the "
        f"recipe's from_targets if it has more."
    )
    return _Encoded(column.values, told=(told,))


def _as_numbers(column: Column, task: Task) -> _Encoded:
    if column.kind == "text":
        read = columns.as_numbers(column.labels)
        if read is None:
            _cannot(task, "not every text is a number", "choose a task of classes, or convert them yourself")
        return _Encoded(torch.tensor(read)[column.values], told=("Texts are read as numbers.",))
    values = column.values
    if column.kind != "floating":
        values = values.to(torch.get_default_dtype())
        return _Encoded(values, told=(f"Integers go to the loss as {values.dtype}.",))
    if values.dim() == _TABLE and values.shape[1] == _TWO and task == "bounded" and _complementary(values):
        return _Encoded(values[:, 1], told=("The second column is the target; the first is 1 minus it.",))
    return _Encoded(values)


def _complementary(values: Tensor) -> bool:
    slack = 4 * torch.finfo(values.dtype).eps
    return bool(((values.double().sum(1) - 1).abs() <= slack).all())


def _recipe(task: Task, targets: Tensor) -> Recipe:
    match task:
        case "binary" | "multiclass" | "multilabel":
            return _for_labels(task, targets)
        case "next_token" | "masked_token" | "embedding":
            return _for_representations(task, targets)
        case _:
            return _for_numbers(task, targets)


def _for_labels(task: Task, targets: Tensor) -> Recipe:
    from slopes.recipes.classification.binary import Binary  # noqa: PLC0415  each with what it needs
    from slopes.recipes.classification.multiclass import MultiClass  # noqa: PLC0415
    from slopes.recipes.classification.multilabel import MultiLabel  # noqa: PLC0415

    if task == "binary":
        return Binary.from_targets(targets)
    return MultiClass.from_targets(targets) if task == "multiclass" else MultiLabel.from_targets(targets)


def _for_representations(task: Task, targets: Tensor) -> Recipe:
    from slopes.recipes.language.masked_token import MaskedToken  # noqa: PLC0415
    from slopes.recipes.language.next_token import NextToken  # noqa: PLC0415
    from slopes.recipes.retrieval.embedding import Embedding  # noqa: PLC0415

    if task == "embedding":
        return Embedding.from_targets(targets)
    vocabulary = int(targets.max()) + 1
    recipe = NextToken if task == "next_token" else MaskedToken
    return recipe.from_targets(targets, vocabulary=vocabulary)


def _for_numbers(task: Task, targets: Tensor) -> Recipe:
    from slopes.recipes.regression.bounded import BoundedRegression  # noqa: PLC0415
    from slopes.recipes.regression.heteroscedastic import GaussianRegression  # noqa: PLC0415
    from slopes.recipes.regression.plain import Regression  # noqa: PLC0415
    from slopes.recipes.regression.positive import PositiveRegression  # noqa: PLC0415
    from slopes.recipes.regression.quantiles import QuantileRegression  # noqa: PLC0415
    from slopes.recipes.regression.robust import RobustRegression  # noqa: PLC0415
    from slopes.recipes.regression.transformed import TransformedRegression  # noqa: PLC0415

    made: dict[str, Callable[[Tensor], Recipe]] = {
        "regression": Regression.from_targets,
        "robust": RobustRegression.from_targets,
        "transformed": TransformedRegression.from_targets,
        "bounded": BoundedRegression.from_targets,
        "positive": PositiveRegression.from_targets,
        "heteroscedastic": GaussianRegression.from_targets,
        "quantiles": QuantileRegression.from_targets,
    }
    return made[task](targets)


def _cannot(task: Task, because: str, fix: str) -> NoReturn:
    message = f"choose: `task` is {task!r} and `targets` cannot be that, since {because}, expected what fits; {fix}."
    raise OptionError(message)
