"""The explorer, measured in headless Chromium and under twenty visitors: `python -m bench.explorer`.

For every figure: from an input of the first slider to the repaint, how many repaints a second while it is
dragged, and how long the page takes from the server's first answer; for the server: twenty draggers at once. It prints
the tables and writes `docs/explorer.md` and `bench/results/explorer.json`; the exit status is 1 where a goal is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.sync_api import Browser, Page, sync_playwright

from bench import machine
from slopes.explorer.figures.contents import PAGES

RESULTS: Final = machine.ROOT / "bench" / "results" / "explorer.json"
DOCUMENT: Final = machine.ROOT / "docs" / "explorer.md"
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")

REPAINT: Final = 50.0  # ms, 95 in 100
UPDATES: Final = 30.0  # a second
READY: Final = 1000.0  # ms
DRAGGERS: Final = 20
ANSWERED: Final = 50.0  # ms, 95 in 100, of twenty draggers
WEIGHT: Final = 500.0  # KB compressed, with the maths font

# One input at a time: set the slider, wait until the charts have been drawn and the next frame has begun.
_CONTROL: Final = """
  const slider = document.querySelector('.controls > .control:not([hidden]) input[type=range]')
    ?? document.querySelector('.controls .control:not([hidden]) input[type=range]');
  const select = document.querySelector('.controls select');
  const figure = document.querySelector('.figure');
  const move = (share) => {
    if (slider) slider.value = Number(slider.min) + (slider.max - slider.min) * share;
    else select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
    (slider ?? select).dispatchEvent(new Event(slider ? 'input' : 'change', { bubbles: true }));
  };
"""
_ONE_BY_ONE: Final = f"""async ([rounds]) => {{{_CONTROL}
  const times = [];
  for (let i = 0; i < rounds; i++) {{
    const drawn = new Promise((done) => figure.addEventListener('drawn', done, {{ once: true }}));
    const start = performance.now();
    move(0.2 + 0.6 * ((i * 0.37) % 1));
    await drawn;
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - start);
    await new Promise((go) => setTimeout(go, 20));
  }}
  return times;
}}"""
# As fast as frames come, as a hand on the slider does.
_DRAGGING: Final = f"""async ([seconds]) => {{{_CONTROL}
  let drawn = 0;
  const count = () => drawn++;
  figure.addEventListener('drawn', count);
  const start = performance.now();
  for (let i = 0; performance.now() - start < 1000 * seconds; i++) {{
    move(0.5 + 0.35 * Math.sin(i / 9));
    await new Promise(requestAnimationFrame);
  }}
  figure.removeEventListener('drawn', count);
  return drawn / seconds;
}}"""
_READY: Final = """() => new Promise((done) => {
  const figure = document.querySelector('.figure');
  const now = () => done(performance.now() - performance.getEntriesByType('navigation')[0].responseStart);
  const ready = () => figure.classList.contains('ready') && document.querySelector('.plate svg path');
  if (ready()) return now();
  const watch = new MutationObserver(() => ready() && (watch.disconnect(), now()));
  watch.observe(figure, { subtree: true, childList: true, attributes: true });
})"""
_WEIGHT: Final = """() => [...performance.getEntriesByType('resource'), ...performance.getEntriesByType('navigation')]
  .reduce((sum, e) => sum + e.encodedBodySize, 0) / 1000"""


@dataclass(frozen=True)
class Figure:
    """What was measured of one figure; times in milliseconds."""

    id: str
    ready: float
    repaint_p50: float
    repaint_p95: float
    updates: float
    weight: float
    left: int

    def misses(self) -> list[str]:
        """Return what misses a goal, in words."""
        found = [
            (self.repaint_p95 > REPAINT, f"repaint p95 {self.repaint_p95:.0f} ms, goal {REPAINT:.0f}"),
            (self.updates < UPDATES, f"{self.updates:.0f} updates a second, goal {UPDATES:.0f}"),
            (self.ready > READY, f"ready after {self.ready:.0f} ms, goal {READY:.0f}"),
            (self.weight > WEIGHT, f"{self.weight:.0f} KB, goal {WEIGHT:.0f}"),
            (self.left > 0, f"{self.left} requests left the machine"),
        ]
        return [f"{self.id}: {words}" for missed, words in found if missed]


def quantile(times: Sequence[float], share: float) -> float:
    """Return the smallest time that this share of them does not exceed."""
    return sorted(times)[min(len(times) - 1, int(share * len(times)))]


def measure(page: Page, base: str, name: str, *, rounds: int, seconds: float) -> Figure:
    """Measure one figure in an open browser."""
    left: list[str] = []
    page.on("request", lambda r: None if r.url.startswith((base, "data:", "blob:")) else left.append(r.url))
    page.goto(f"{base}/{name}", wait_until="commit")
    page.wait_for_selector(".figure", state="attached")
    ready = page.evaluate(_READY)
    page.wait_for_timeout(1000)
    weight = page.evaluate(_WEIGHT)
    page.evaluate(_ONE_BY_ONE, [5])  # the first ones compile and cache
    times = page.evaluate(_ONE_BY_ONE, [rounds])
    updates = page.evaluate(_DRAGGING, [seconds])
    return Figure(name, ready, statistics.median(times), quantile(times, 0.95), updates, weight, len(left))


def _moved(base: str, name: str) -> tuple[str, float, float] | None:
    """Return the number that a figure shows first and the ends of its slider; None where it has none."""
    schema = httpx.get(f"{base}/api/{name}/schema", timeout=30).json()
    default = {p["name"]: p["default"] for p in schema["parameters"]}
    chosen = [value for p in schema["parameters"] if p["kind"] != "number" for value in _listed(p["default"])]
    numbers = [p for p in schema["parameters"] if p["kind"] == "number"]
    shown = [p for p in numbers if not p["belongsTo"] or set(p["belongsTo"]) & set(chosen)]
    if not shown:
        return None
    moved = min(shown, key=lambda p: p["more"])
    low, high = moved["low"], moved["high"]
    if moved["within"] and set(moved["within"]) <= set(default):  # else the ends come with the answers
        low, high = (default[end] for end in moved["within"])
    return moved["name"], low, high


def _listed(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


async def draggers(base: str, name: str, low: float, high: float, path: str, seconds: float) -> list[float]:
    """Return the milliseconds of every answer to twenty visitors who drag, each with one request at a time."""
    times: list[float] = []
    end = time.perf_counter() + seconds
    host, port = base.removeprefix("http://").split(":")

    async def drag(which: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        step = 0
        while time.perf_counter() < end:
            share = 0.15 + 0.7 * ((0.13 * which + 0.011 * step) % 1)
            value = low + (high - low) * share
            start = time.perf_counter()
            asked = f"GET {path}?{name}={value:.4f}&tables= HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n"
            writer.write(asked.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                text = f"{path} answered {head[:40]!r}"
                raise RuntimeError(text)
            await reader.readexactly(int(head.lower().split(b"content-length:")[1].split()[0]))
            times.append((time.perf_counter() - start) * 1e3)
            step += 1
            await asyncio.sleep(max(0.0, 1 / UPDATES - (time.perf_counter() - start)))
        writer.close()

    await asyncio.gather(*(drag(which) for which in range(DRAGGERS)))
    return times


def crowd(base: str, names: Sequence[str], seconds: float) -> dict[str, dict[str, float]]:
    """Return how twenty draggers at one figure are served, for each."""
    found = {}
    for name in names:
        moved = _moved(base, name)
        if moved is None:
            continue
        asyncio.run(draggers(base, *moved, f"/api/{name}", 0.5))
        times = asyncio.run(draggers(base, *moved, f"/api/{name}", seconds))
        found[name] = {
            "p50": statistics.median(times),
            "p95": quantile(times, 0.95),
            "answers_a_second": len(times) / seconds,
        }
    return found


@contextmanager
def serving() -> Iterator[str]:
    """Serve the explorer in a process of its own and give its address, once it has answered."""
    command = [str(Path(sys.executable).with_name("slopes")), "explore", "--port", "0", "--no-browser"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  ours
    try:
        said = server.stdout.readline() if server.stdout else ""
        base = next(word for word in said.split() if word.startswith("http"))
        httpx.get(f"{base}/api/activations", timeout=60)
        yield base
    finally:
        server.terminate()
        server.wait(10)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Give a headless Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=list(ARGUMENTS))
        yield browser
        browser.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write; return 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.explorer", description="The explorer, measured.")
    parser.add_argument("names", nargs="*", metavar="FIGURE", help="a figure (default: all)")
    parser.add_argument("--quick", action="store_true", help="a few rounds: whether it works, not how fast")
    given = parser.parse_args(arguments)
    names = given.names or [page.id for page in PAGES]
    rounds, seconds = (10, 1.0) if given.quick else (60, 3.0)
    with serving() as base:
        with chromium() as browser:
            context = browser.new_context(viewport={"width": 1280, "height": 800})
            figures = []
            for name in names:
                page = context.new_page()
                figures.append(measure(page, base, name, rounds=rounds, seconds=seconds))
                page.close()
                print(_line(figures[-1]), flush=True)
        served = crowd(base, names, seconds)
    for name, times in served.items():
        print(f"{name:<22} {DRAGGERS} draggers: p50 {times['p50']:6.1f} ms, p95 {times['p95']:6.1f} ms", flush=True)
    misses = _misses(figures, served)
    print("\n".join(misses) if misses else "All goals are met.")
    if not given.names and not given.quick:
        data = {"conditions": machine.conditions(), "figures": [asdict(f) for f in figures], "draggers": served}
        RESULTS.write_text(json.dumps(data, indent=2) + "\n", "utf-8")
        DOCUMENT.write_text(document(figures, served), "utf-8")
    return int(bool(misses))


def _misses(figures: Sequence[Figure], served: dict[str, dict[str, float]]) -> list[str]:
    crowded = [
        f"{name}: {DRAGGERS} draggers p95 {times['p95']:.0f} ms, goal {ANSWERED:.0f}"
        for name, times in served.items()
        if times["p95"] > ANSWERED
    ]
    return [miss for figure in figures for miss in figure.misses()] + crowded


def _line(f: Figure) -> str:
    return (
        f"{f.id:<22} ready {f.ready:5.0f} ms, repaint p50 {f.repaint_p50:5.1f} p95 {f.repaint_p95:5.1f} ms, "
        f"{f.updates:4.0f} updates a second, {f.weight:4.0f} KB"
    )


def document(figures: Sequence[Figure], served: dict[str, dict[str, Any]]) -> str:
    """Return the document."""
    on = machine.conditions()
    rows = [
        f"| {f.id} | {f.ready:.0f} | {f.repaint_p50:.0f} | {f.repaint_p95:.0f} | {f.updates:.0f} | {f.weight:.0f} "
        f"| {_crowded(served.get(f.id))} |"
        for f in figures
    ]
    misses = _misses(figures, served)
    return "\n".join(
        [
            _HEAD.format(**on),
            "| figure | ready, ms | repaint p50, ms | p95 | updates a second | KB | twenty draggers p50, ms | p95 |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            *(["## Goals that are missed\n", *(f"- {miss}" for miss in misses)] if misses else ["All goals are met."]),
            "",
        ]
    )


def _crowded(times: dict[str, Any] | None) -> str:
    return "no slider | " if times is None else f"{times['p50']:.0f} | {times['p95']:.0f}"


_HEAD: Final = """# The explorer

`python -m bench.explorer` wrote this page: {processor}, headless Chromium and the server on the same machine.

Ready is from the server's first byte to the first drawn line. A repaint is from the input of the first slider to the
frame after the charts have been drawn, request, computation and answer included. Updates are repaints a second while
the slider moves with every frame. KB are compressed, with the maths font. Twenty draggers ask one server
process, each again as soon as it has been answered, at most thirty times a second. Goals: ready 1000 ms, repaint p95
50 ms, 30 updates a second, 500 KB, draggers p95 50 ms, and no request that leaves the machine.
"""

if __name__ == "__main__":
    raise SystemExit(main())
