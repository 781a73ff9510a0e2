"""One hue per function, the same on every page: the eight of Okabe and Ito, which survive colour blindness.

The inks are the published hues, darkened on light paper and lightened on dark, until a line stands out at 3 to 1 and
a label at 4.5 to 1. A colour never speaks alone: lines are labelled at their ends.
"""

from __future__ import annotations

from typing import Final

INK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILLION, PURPLE = range(8)

# Of a yes and a no, wherever one loss is drawn for both: y = 1, and y = 0 (or −1). Where losses are compared instead,
# each has the hue of its name.
YES, NO = VERMILLION, BLUE
ANSWERS: Final = (YES, NO)
SLICES: Final = {
    "label 1": YES,
    "label 0": NO,
    "label -1": NO,
    "similar": SKY,
    "not similar": PURPLE,
    "desirable": BLUE,
    "undesirable": VERMILLION,
    "advantage 1": BLUE,
    "advantage -1": VERMILLION,
}

_NEXT: Final = 4  # from one line of a loss to the next, so that four of them are told apart
YOURS: Final = INK  # the visitor's own function is drawn in ink, which no function of ours takes

LINES: Final = {
    "light": ("#1d1d1f", "#c58400", "#3a96cf", "#009e73", "#978900", "#0072b2", "#d55e00", "#b8608f"),
    "dark": ("#e8e6e1", "#e69f00", "#56b4e9", "#12b58a", "#e3d64a", "#4f9fe0", "#f0782e", "#d98ab4"),
}
LABELS: Final = {
    "light": ("#1d1d1f", "#8f5f00", "#1f6f9f", "#00704f", "#6e6400", "#005f96", "#a84900", "#964070"),
    "dark": LINES["dark"],
}
PAPER: Final = {"light": "#fbfaf7", "dark": "#14161a"}
TEXT: Final = {"light": "#1d1d1f", "dark": "#e8e6e1"}
MUTED: Final = {"light": "#5c5b57", "dark": "#a5a39d"}
GRID: Final = {"light": "#e8e6df", "dark": "#262a31"}
ZERO: Final = {"light": "#9a978f", "dark": "#666a72"}
WASH: Final = {"light": "#f2f0ea", "dark": "#1c1f25"}
WARNING: Final = {"light": "#a84900", "dark": "#f0782e"}
FOCUS: Final = {"light": "#005f96", "dark": "#56b4e9"}

_HUES: Final = {
    "sigmoid": BLUE,
    "tanh": VERMILLION,
    "softplus": GREEN,
    "log_sigmoid": YELLOW,
    "relu": ORANGE,
    "leaky_relu": SKY,
    "prelu": YELLOW,
    "elu": GREEN,
    "selu": VERMILLION,
    "gelu": PURPLE,
    "gelu.tanh": SKY,
    "swish": GREEN,
    "mish": VERMILLION,
    "hard_swish": YELLOW,
    "hard_sigmoid": SKY,
    "softmax": BLUE,
    "log_softmax": VERMILLION,
    "glu": BLUE,
    "swiglu": GREEN,
    "geglu": PURPLE,
    "mse": BLUE,
    "mae": ORANGE,
    "huber": GREEN,
    "smooth_l1": SKY,
    "quantile": PURPLE,
    "gaussian_nll": YELLOW,
    "cross_entropy": VERMILLION,
    "binary_cross_entropy": VERMILLION,
    "focal": PURPLE,
    "softmax_focal": PURPLE,
    "asymmetric": SKY,
    "hinge": GREEN,
    "multiclass_hinge": GREEN,
    "kl_divergence": VERMILLION,
    "js_divergence": PURPLE,
    "triplet": BLUE,
    "contrastive": ORANGE,
    "cosine_embedding": GREEN,
    "info_nce": BLUE,
    "bradley_terry": YELLOW,
    "dpo": BLUE,
    "ipo": ORANGE,
    "kto": VERMILLION,
    "orpo": PURPLE,
}


def hue(name: str) -> int:
    """Return the place of a function's hue in the palettes; a name without one gets a steady one."""
    return _HUES.get(name, 1 + sum(name.encode()) % (len(LINES["light"]) - 1))


def hue_of_slice(label: str, name: str, place: int = 0) -> int:
    """Return the hue of one of a loss's lines, by its label; else the first has the loss's, each other its own."""
    colours = len(LINES["light"]) - 1  # but ink
    return SLICES.get(label, 1 + (hue(name) - 1 + _NEXT * place) % colours)


def stylesheet() -> str:
    """Return the palette as custom properties, for both themes and for whichever the reader's system prefers."""
    light, dark = properties("light"), properties("dark")
    hues = "\n".join(f".hue-{i} {{ --hue: var(--hue-{i}); }}" for i in range(len(LINES["light"])))
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f':root[data-theme="dark"] {{ color-scheme: dark; {dark} }}\n'
        f'@media (prefers-color-scheme: dark) {{ :root[data-theme="auto"] {{ color-scheme: dark; {dark} }} }}\n'
        f"@media print {{ :root[data-theme] {{ color-scheme: light; {light} }} }}\n"  # ink on paper
        f"{hues}"
    )


def properties(theme: str) -> str:
    """Return the inks of a theme as custom properties of CSS."""
    named = {
        "paper": PAPER, "ink": TEXT, "muted": MUTED, "rule": GRID, "edge": ZERO, "wash": WASH, "warning": WARNING,
        "focus": FOCUS,
    }  # fmt: skip
    said = [f"--{name}: {inks[theme]};" for name, inks in named.items()]
    return " ".join([*said, *(f"--hue-{i}: {ink};" for i, ink in enumerate(LINES[theme]))])
