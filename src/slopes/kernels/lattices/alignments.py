"""Minus the log-probability of a label sequence over all its alignments to frames, with a blank between labels (CTC).

A state is a blank before label s (or after the last one), or the label s itself. A step adds two logarithms for each:

    u[s] = log(e^blank[s] + e^label[s - 1])
    blank'[s] = u[s] + score of the blank
    label'[s] = log(e^label[s] + e^(u[s], or blank[s] where label s repeats the one before)) + score of label s

The end of a row is u at its length. Backwards it is the same, mirrored. Scores are logits less the largest of their
frame, in float64: what all alignments share is kept out of the sums, and a float32 result is right at any length. The
lattice is never kept: one state every so many frames is, and the frames between are made again. A frame's posteriors
are divided by their own sum.

Dimension names: B rows, T frames, C classes, S labels; K frames of a segment. States have the rows last, so that a
shift by one label is a view.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

import torch
from torch import Tensor

from slopes._core.tensors import wide
from slopes.kernels.blocks.blockwise import Blockwise
from slopes.kernels.blocks.operators import Gradients

_NEVER: Final = -1e300  # of the form that autograd differentiates, where an infinity would have no slope
_PIECE: Final = 1 << 15  # logits that are looked at together, in the cache
_SEGMENT: Final = 1 << 17  # bytes of a segment's states that are always fine


def _plain(flat: Tensor, labels: Tensor, frames: Tensor, states: Tensor, inside: Tensor) -> Tensor:
    """Return the losses in operations that autograd differentiates; `frames` is read off `inside` here."""
    del frames
    logits = _of_frames(flat, inside)
    x = torch.where(inside.unsqueeze(-1), logits.double(), 0.0)
    each = labels.unsqueeze(1).expand(-1, x.shape[1], -1)
    scores = torch.log_softmax(x, -1).gather(-1, each).clamp(min=_NEVER)
    never = torch.full_like(scores[:, 0], _NEVER)
    blank, label = torch.cat([torch.zeros_like(never[:, :1]), never[:, 1:]], -1), never
    fresh = _fresh(labels)
    for score, goes_on in zip(scores.unbind(1), inside.unsqueeze(-1).unbind(1), strict=True):
        both = _plus(blank, label)
        through = torch.where(fresh, both[:, :-1], blank[:, :-1])
        to = torch.cat([never[:, :1], _plus(label[:, 1:], through) + score[:, 1:]], -1)
        blank = torch.where(goes_on, both + score[:, :1], blank)
        label = torch.where(goes_on, to, label)
    total = _plus(blank, label).gather(-1, states.unsqueeze(-1)).squeeze(-1)
    return -torch.where(total < 0.5 * _NEVER, -torch.inf, total).to(wide(flat.dtype))


def _plus(a: Tensor, b: Tensor) -> Tensor:
    """Return log(e^a + e^b), twice differentiable where one of them is next to nothing, and where both are equal."""
    first = a >= b
    high, low = torch.where(first, a, b), torch.where(first, b, a)
    return high + torch.log1p(torch.exp(low - high))


def _of_frames(flat: Tensor, inside: Tensor) -> Tensor:
    """Return the logits of each frame, `[B, T, C]`."""
    rows, frames = inside.shape
    return flat.reshape(rows, frames, flat.shape[-1] // frames)


def _fresh(labels: Tensor) -> Tensor:
    """Return which labels differ from the one before, so that no blank has to stand between, `[B, S]`."""
    return torch.cat([torch.ones_like(labels[:, :1], dtype=torch.bool), labels[:, 2:] != labels[:, 1:-1]], -1)[
        :, : labels.shape[1] - 1
    ]


def _blocks(
    tensors: Sequence[Any], extras: Sequence[Any], factor: Tensor | None, wanted: Sequence[bool]
) -> tuple[Tensor, Gradients]:
    labels, frames, states, inside = extras
    logits = _of_frames(tensors[0], inside)
    lattice = _Lattice(logits.detach(), labels, frames, states, inside)
    losses = lattice.forward().to(wide(logits.dtype))
    if factor is None or not wanted[0]:
        return losses, [None]
    return losses, [lattice.gradients(factor.detach()).flatten(1)]


class _Lattice:
    """The states of a batch."""

    def __init__(self, logits: Tensor, labels: Tensor, frames: Tensor, states: Tensor, inside: Tensor) -> None:
        self.logits, self.labels, self.states, self.inside = logits, labels, states, inside
        rows, self.count = inside.shape
        self.width = labels.shape[1]
        padding = torch.arange(self.width - 1, device=labels.device) >= states.unsqueeze(
            -1
        )  # repeats nothing that counts
        self.fresh = (_fresh(labels) | padding).T.contiguous()
        self.repeats = not bool(self.fresh.all())
        self.ends: dict[int, list[int]] = {}
        for row, end in enumerate(frames.tolist()):
            self.ends.setdefault(end, []).append(row)
        size = max(2 * self.width * rows * 8, 1)
        self.segment = min(self.count, max(math.isqrt(self.count) // 2, _SEGMENT // size, 1))
        self.top, self.rest = self._tops()
        self.starts: list[Tensor] = []
        self.last: Tensor | None = None

    def forward(self) -> Tensor:
        """Return the losses, float64; the state at the start of each segment is kept."""
        rows = self.inside.shape[0]
        total = self.top.new_zeros(rows)
        state = self.top.new_full((2, self.width, rows), -torch.inf)
        state[0, :1] = 0.0
        for start in range(0, self.count, self.segment):
            self.starts.append(state)
            self.last = self._through(start, state, total)
            state = self.last[-1].clone()
        self._end(self.count, torch.logaddexp(state[0], state[1]), total)
        return torch.where(self.inside, self.rest.log1p(), 0.0).sum(-1) - total

    def gradients(self, factor: Tensor) -> Tensor:
        """Return the gradients of sum(factor · losses): the probabilities less the posteriors."""
        gradient = self.logits.new_empty(self.logits.shape, dtype=wide(self.logits.dtype))
        state = torch.full_like(self.starts[0], -torch.inf)
        for number, start in reversed(list(enumerate(range(0, self.count, self.segment)))):
            before, self.last = self.last, None
            if before is None:
                before = self._through(start, self.starts[number], None)
            after = torch.empty_like(before)
            state = self._back(start, state, after)
            self._write(start, self._posteriors(start, before, after), factor, gradient)
        return gradient

    def _through(self, start: int, state: Tensor, total: Tensor | None) -> Tensor:
        """Return the states after each frame of a segment, `[K, 2, 1 + S, B]`; the ends of rows go into the total."""
        scores = self._scores(start)
        found = scores.new_empty((len(scores), 2, *scores.shape[1:]))
        found[:, 1, :1] = -torch.inf
        blank, label = state
        both, through = torch.empty_like(blank), torch.empty_like(blank[1:])
        for at, (score, to_blank, to_label) in enumerate(
            zip(scores.unbind(), found[:, 0].unbind(), found[:, 1].unbind(), strict=True), start
        ):
            torch.logaddexp(blank, label, out=both)
            if total is not None and at in self.ends:
                self._end(at, both, total)
            torch.add(both, score[:1], out=to_blank)
            onwards = both[:-1]
            if self.repeats:
                onwards = torch.where(self.fresh, onwards, blank[:-1], out=through)
            to = to_label[1:]
            torch.logaddexp(label[1:], onwards, out=to).add_(score[1:])
            blank, label = to_blank, to_label
        return found

    def _end(self, at: int, both: Tensor, total: Tensor) -> None:
        """Take the totals of the rows that end after so many frames."""
        if at in self.ends:
            rows = torch.tensor(self.ends[at], device=total.device)
            total[rows] = both[self.states[rows], rows]

    def _back(self, start: int, state: Tensor, found: Tensor) -> Tensor:
        """Fill in what follows each frame of a segment, given what follows its last; return what follows the start."""
        scores, last = self._scores(start), found.shape[0] - 1
        blank, label = state[0].clone(), state[1].clone()
        for at in range(last, -1, -1):
            if start + at + 1 in self.ends:
                rows = torch.tensor(self.ends[start + at + 1], device=blank.device)
                blank[self.states[rows], rows] = 0.0
                rows = rows[self.states[rows] > 0]
                label[self.states[rows], rows] = 0.0
            to_blank, to_label, score = *found[at], scores[at]
            to_blank.copy_(blank)
            to_label.copy_(label)
            blank.add_(score[:1])
            label.add_(score)
            through = blank[1:].clone() if self.repeats else blank[1:]
            torch.logaddexp(blank[:-1], label[1:], out=blank[:-1])
            if self.repeats:
                torch.where(self.fresh[1:], blank[1:-1], through[:-1], out=through[:-1])
            torch.logaddexp(label[1:], through, out=label[1:])
        return torch.stack([blank, label])

    def _posteriors(self, start: int, before: Tensor, after: Tensor) -> Tensor:
        """Return the probability of the blank and of each label at each frame of a segment, `[B, K, 1 + S]`."""
        real = self.inside[:, start : start + self.segment].T.reshape(before.shape[0], 1, 1, -1)
        weights = before.add_(after)
        top = torch.where(real, weights.amax((1, 2), keepdim=True), 0.0)
        weights.sub_(top).exp_()
        weights.div_(torch.where(real, weights.sum((1, 2), keepdim=True), 1.0))
        found = weights[:, 1]
        found[:, 0] = weights[:, 0].sum(1)
        return found.permute(2, 0, 1)

    def _write(self, start: int, posteriors: Tensor, factor: Tensor, gradient: Tensor) -> None:
        """Write the gradients of a segment: of the likeliest class, minus those of all others."""
        for rows, frames in self._pieces(start, posteriors.shape[1]):
            x, real = self._logits(rows, frames), self.inside[rows, frames].unsqueeze(-1)
            at = x.argmax(-1, keepdim=True)
            p = x.sub_(x.gather(-1, at)).exp_().div_(1 + self.rest[rows, frames].unsqueeze(-1))
            inner = slice(frames.start - start, frames.stop - start)
            each = self.labels[rows].unsqueeze(1).expand(-1, x.shape[1], -1)
            p.scatter_add_(-1, each, -posteriors[rows, inner]).scatter_(-1, at, 0.0)
            p.scatter_(-1, at, -p.sum(-1, keepdim=True))
            gradient[rows, frames] = p.mul_(torch.where(real, factor[rows].double().reshape(-1, 1, 1), 0.0))

    def _scores(self, start: int) -> Tensor:
        """Return the logits of the blank and the labels less their frame's largest one, `[K, 1 + S, B]`."""
        frames = slice(start, min(start + self.segment, self.count))
        real, top = self.inside[:, frames].unsqueeze(-1), self.top[:, frames].unsqueeze(-1)
        each = self.labels.unsqueeze(1).expand(-1, real.shape[1], -1)
        scores = torch.where(real, self.logits[:, frames].gather(-1, each).double() - top, 0.0)
        return scores.permute(1, 2, 0).contiguous()

    def _tops(self) -> tuple[Tensor, Tensor]:
        """Return the largest logit of each frame, and the sum of e^(logit - largest) of all others."""
        top = self.logits.new_empty(self.inside.shape, dtype=torch.float64)
        rest = torch.empty_like(top)
        for rows, frames in self._pieces(0, self.count):
            x = self._logits(rows, frames)
            largest, at = x.max(-1, keepdim=True)
            top[rows, frames] = largest.squeeze(-1)
            rest[rows, frames] = x.sub_(largest).exp_().scatter_(-1, at, 0.0).sum(-1)
        return top, rest

    def _logits(self, rows: slice, frames: slice) -> Tensor:
        """Return a copy of logits, 0 in the padding."""
        return torch.where(self.inside[rows, frames].unsqueeze(-1), self.logits[rows, frames].double(), 0.0)

    def _pieces(self, start: int, frames: int) -> Iterator[tuple[slice, slice]]:
        """Return which rows and frames are looked at together."""
        rows, classes = self.inside.shape[0], max(self.logits.shape[-1], 1)
        high = min(rows, max(_PIECE // classes, 1))
        long = max(_PIECE // (classes * max(high, 1)), 1)
        for at in range(start, start + frames, long):
            for row in range(0, rows, max(high, 1)):
                yield slice(row, min(row + high, rows)), slice(at, min(at + long, start + frames))


CTC: Final = Blockwise("ctc", _plain, _blocks)
