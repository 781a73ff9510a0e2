"""Embeddings to drag, the forces of four losses on them, and gradient descent step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import torch
from torch import Tensor

import slopes
from slopes.explorer.figures.context import Context
from slopes.explorer.figures.contrastive_forces.charts import ACROSS, UP
from slopes.explorer.figures.contrastive_forces.drawn import curves, ends, plane
from slopes.explorer.figures.contrastive_forces.forces import (
    HUES,
    LABELS,
    NAMES,
    RULES,
    Profile,
    Scene,
    forces,
)
from slopes.explorer.figures.contrastive_forces.text import corrections, formulas, reading, snippet
from slopes.explorer.figures.figure import Figure, Handle, Preset
from slopes.explorer.figures.parameters import Choice, Number, Option
from slopes.explorer.figures.result import Columns, Result, Table
from slopes.explorer.figures.state import State, Value, real, word
from slopes.explorer.figures.wording import number
from slopes.shown import palette

_KEYS: Final = tuple(name.replace(" ", "") for name in NAMES)
_REACH: Final = (4.5, 2.9)  # how far from the origin a point can be dragged, across and up
_PLACES: Final = 3  # decimals that a step is rounded to

_LOSS: Final = Choice(
    name="loss",
    label="Loss",
    options=(
        Option(value="contrastive", label="contrastive, every pair", hue=palette.hue("contrastive")),
        Option(value="triplet", label="triplet, of one anchor", hue=palette.hue("triplet")),
        Option(value="batch_triplet", label="triplet, the hardest of each anchor", hue=palette.hue("triplet")),
        Option(value="nt_xent", label="NT-Xent, every view", hue=palette.hue("info_nce")),
    ),
    default="contrastive",
)
_MARGIN: Final = Number(
    name="margin",
    label="Margin",
    symbol="m",
    low=0.0,
    high=4.0,
    step=0.1,
    default=2.0,
    belongs_to=("contrastive", "triplet", "batch_triplet"),
    help="How far apart different kinds are pushed; for triplets, how much farther than the mate.",
)
_TEMPERATURE: Final = Number(
    name="temperature",
    label="Temperature",
    symbol="T",
    low=0.05,
    high=2.0,
    step=0.01,
    default=0.5,
    log=True,
    belongs_to=("nt_xent",),
    help="Divides the cosines; the lower, the more only the nearest rival pushes.",
)
_ANCHOR: Final = Choice(
    name="anchor",
    label="Anchor",
    options=tuple(Option(value=key, label=name, hue=hue) for key, name, hue in zip(_KEYS, NAMES, HUES, strict=True)),
    default=_KEYS[0],
    help="Whose margin is drawn, and whose loss the second plate shows.",
)
_RATE: Final = Number(
    name="rate",
    label="Step size",
    symbol=r"\eta",
    low=0.005,
    high=0.5,
    step=0.01,
    default=0.05,
    log=True,
    more=True,
    help="A step moves each point by this times its force.",
)
_FAR: Final = {"nt_xent": "1 − cosine"}  # what a loss has in place of a distance
_MUDDLE: Final = ((0.5, 0.2), (-1.9, 1.3), (-0.9, -0.6), (2.4, -1.5), (1.1, 1.6), (-2.6, -1.7))
_POINTS: Final = tuple(
    Number(
        name=f"{key}{axis}",
        label=f"{name}, {'first' if axis == 'x' else 'second'} coordinate",
        low=-reach,
        high=reach,
        step=0.05,
        default=place,
        more=True,
    )
    for key, name, places in zip(_KEYS, NAMES, _MUDDLE, strict=True)
    for axis, reach, place in zip("xy", _REACH, places, strict=True)
)


def _at(*places: tuple[float, float]) -> Mapping[str, Value]:
    return {
        f"{key}{axis}": value
        for key, pair in zip(_KEYS, places, strict=False)
        for axis, value in zip("xy", pair, strict=True)
    }


_PRESETS: Final = (
    Preset(label="A muddle", state={}),
    Preset(
        label="At rest",
        state=_at((-2.6, 1.2), (-2.6, 1.2), (2.4, 1.0), (2.4, 1.0), (0.0, -1.6), (0.0, -1.6)),
    ),
    Preset(
        label="A triplet asks less",
        state={
            "loss": "batch_triplet",
            "margin": 1.0,
            **_at((-3.2, 1.4), (-2.4, 0.8), (2.2, 1.5), (3.2, 0.8), (-0.6, -1.8), (0.6, -1.4)),
        },
    ),
    Preset(label="Only the hardest count", state={"loss": "batch_triplet", "margin": 1.0}),
    Preset(label="NT-Xent turns, never stretches", state={"loss": "nt_xent"}),
)


def build(_: Context) -> Figure:
    """Return the figure."""
    return Figure(
        id="contrastive-forces",
        parameters=(_LOSS, _MARGIN, _TEMPERATURE, _ANCHOR, _RATE, *_POINTS),
        presets=_PRESETS,
        compute=_compute,
        handles=tuple(
            Handle(chart="plane", x=f"{key}x", y=f"{key}y", label=name, hue=hue)
            for key, name, hue in zip(_KEYS, NAMES, HUES, strict=True)
        ),
        steps="One step",
    )


def _compute(state: State) -> Result:
    loss = word(state, "loss")
    rule, scene = RULES[loss], _scene(state)
    with slopes.exact():
        total, force = forces(rule, scene)
        profile = rule.profile(scene)
        links = rule.links(scene)
        after = _after(state, scene, force)
        said = reading(loss, scene, profile, stuck=after is None and total > 0)
        shown = formulas(loss, scene, profile)
    low, high = ends(loss, profile)
    return Result(
        datasets={
            **plane(loss, scene, force, links),
            **curves(scene, profile, low, high),
            "over": _over(loss, profile),
        },
        signals=_signals(profile, low, high),
        reading=said,
        readings=_readings(scene, force, total),
        tables=(_partners(loss, scene, profile), _data(profile)),
        formulas=shown,
        snippet=snippet(loss, scene),
        printed=(total, *force.flatten().tolist()),
        corrections=corrections(loss),
        after=after,
    )


def _scene(state: State) -> Scene:
    places = [[real(state, f"{key}x"), real(state, f"{key}y")] for key in _KEYS]
    return Scene(
        points=torch.tensor(places, dtype=torch.float64),
        anchor=_KEYS.index(word(state, "anchor")),
        margin=real(state, "margin"),
        temperature=real(state, "temperature"),
    )


def _after(state: State, scene: Scene, force: Tensor) -> State | None:
    """One step downhill, rounded; None once nothing moves by what a step is rounded to."""

    def placed(points: Tensor) -> list[float]:
        reach = torch.tensor(_REACH, dtype=torch.float64)
        return [round(v, _PLACES) + 0.0 for v in points.clamp(-reach, reach).flatten().tolist()]

    here, there = placed(scene.points), placed(scene.points + real(state, "rate") * force)
    if here == there:
        return None
    return {**state, **{parameter.name: value for parameter, value in zip(_POINTS, there, strict=True)}}


def _signals(profile: Profile, low: float, high: float) -> dict[str, float]:
    far = profile.at[-1].item()
    both = {"x": (-ACROSS, ACROSS), "y": (-UP, UP), "d": (0.0, far), "l": (low, high)}
    return {
        f"{axis}_{end}": value for axis, pair in both.items() for end, value in zip(("low", "high"), pair, strict=True)
    }


def _over(loss: str, profile: Profile) -> Columns:
    """What the second plate's axis is."""
    return {"d": [profile.at[-1].item() / 2], "label": [_FAR.get(loss, "distance")]}


def _readings(scene: Scene, force: Tensor, total: float) -> Table:
    rows = tuple(
        (name, _pair(place), _pair(way), number(size, 4))
        for name, place, way, size in zip(
            NAMES, scene.points.tolist(), force.tolist(), force.norm(dim=-1).tolist(), strict=True
        )
    )
    title = f"Loss {number(total, 5)}, summed; the force is minus its gradient"
    return Table(title=title, columns=("", "at", "force", "its size"), rows=rows, hues=HUES)


def _partners(loss: str, scene: Scene, profile: Profile) -> Table:
    rows = tuple(
        (
            NAMES[i],
            "one kind" if LABELS[i] == LABELS[scene.anchor] else "two kinds",
            *(number(v, 5) for v in (d, value, slope)),
        )
        for i, d, value, slope in sorted(profile.partners, key=lambda partner: partner[1])
    )
    return Table(
        title=f"Partners of {NAMES[scene.anchor]}",
        columns=("", "pair of", _FAR.get(loss, "distance"), "loss", "slope"),
        rows=rows,
        hues=tuple(HUES[NAMES.index(row[0])] for row in rows),
        note="A slope above 0 pulls the two together; one below 0 pushes them apart.",
    )


def _data(profile: Profile) -> Table:
    def rows() -> tuple[tuple[str, ...], ...]:
        columns = (profile.at, *profile.alike, *profile.unlike)
        return tuple(
            tuple(number(v, 5) for v in row) for row in zip(*(column.tolist()[::4] for column in columns), strict=True)
        )

    heads = ("distance", "of one kind", "its slope", "of two kinds", "its slope")
    return Table(title="Data of the second chart", columns=heads, fill=rows)


def _pair(both: list[float]) -> str:
    return f"({number(both[0], 3)}, {number(both[1], 3)})"
