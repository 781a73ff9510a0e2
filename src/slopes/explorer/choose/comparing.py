"""Comparisons that run beside the explorer: one at a time, each in a process of its own, which can be stopped."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from slopes.explorer.choose.orders import Order
from slopes.explorer.choose.refusal import Refusal, plainly
from slopes.explorer.choose.sources import Source, Sources

Stage = Literal["running", "done", "failed", "stopped"]

KEPT: Final = 8
"""Reports that are kept; the oldest makes room."""

_PATIENCE: Final = 5.0  # seconds that a process has to end by itself


@dataclass
class Running:
    """A comparison, from its start on.

    Attributes:
        id: A word that nobody can guess.
        said: What the data are called.
        report: Where the page goes; its data lie beside it.
        stage: How far it is.
        done: Trainings that are done.
        total: Trainings that there are; 0 while nobody knows.
        claim: What came out, in a line.
        reading: The same in a few sentences.
        problem: Why it failed.
    """

    id: str
    said: str
    report: Path
    process: subprocess.Popen[str]
    stage: Stage = "running"
    done: int = 0
    total: int = 0
    claim: str = ""
    reading: str = ""
    problem: str = ""
    ended: threading.Event = field(default_factory=threading.Event)

    def as_json(self) -> dict[str, Any]:
        """Return what a page shows of it."""
        names = ("id", "said", "stage", "done", "total", "claim", "reading", "problem")
        return {name: getattr(self, name) for name in names}


class Comparing:
    """The comparisons of one explorer.

    Args:
        sources: The data, and the folder for reports.
    """

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._runs: dict[str, Running] = {}
        self._starting = threading.Lock()

    def start(self, order: Order) -> Running:
        """Begin a comparison.

        Raises:
            Refusal: One is running, or the data are not there.
        """
        source = self._sources.find(order.data)
        if order.target == source.table.targets:
            order = Order(**{**vars(order), "target": ()})  # a set's own target knows its task
        with self._starting:
            if self.running():
                raise Refusal(409, "A comparison is running; wait for it, or stop it first.")
            run = self._begun(source, order)
        threading.Thread(target=_follow, args=(run,), daemon=True, name="slopes: comparison").start()
        return run

    def _begun(self, source: Source, order: Order) -> Running:
        given = {
            "where": source.where,
            "target": order.target,
            "task": order.compared_as,
            "missing": order.missing,
            "seeds": order.seeds,
            "steps": order.steps,
            "harm": order.harm,
            "wrong": order.wrong,
            "jobs": max(1, (os.cpu_count() or 1) - 1),  # one core is for the page
        }
        folder = self._sources.folder()
        name = secrets.token_urlsafe(12)
        report = folder / f"report-{name}.html"
        process = subprocess.Popen(
            [sys.executable, "-m", "slopes.explorer.choose.run"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # so that it is stopped with all that it started
            env={**os.environ, "JOBLIB_TEMP_FOLDER": str(folder)},
        )
        _write(process, json.dumps({**given, "report": str(report)}) + "\n")
        run = self._runs[name] = Running(name, source.said, report, process)
        while len(self._runs) > KEPT:
            oldest = self._runs.pop(next(iter(self._runs)))
            for path in (oldest.report, oldest.report.with_suffix(".json")):
                path.unlink(missing_ok=True)
        return run

    def running(self) -> Running | None:
        """Return the comparison that runs now."""
        return next((run for run in self._runs.values() if run.stage == "running"), None)

    def find(self, name: str) -> Running:
        """Return the comparison of this word.

        Raises:
            Refusal: There is none.
        """
        if name not in self._runs:
            raise Refusal(404, "There is no such comparison, or no longer; start it again.")
        return self._runs[name]

    def stop(self, name: str) -> Running:
        """End a comparison, and return it when it has ended."""
        run = self.find(name)
        if run.stage == "running":
            run.stage = "stopped"
            _end(run)
        return run

    def close(self) -> None:
        """End what is running."""
        for name in list(self._runs):
            self.stop(name)


def _write(process: subprocess.Popen[str], line: str) -> None:
    if process.stdin is not None:
        with contextlib.suppress(OSError):  # a process that is gone already is told about by who follows it
            process.stdin.write(line)
            process.stdin.flush()


def _follow(run: Running) -> None:
    """Take in what a comparison tells, until it ends."""
    for line in run.process.stdout or ():
        told = json.loads(line)
        run.problem = plainly(Exception(told.pop("error"))) if "error" in told else run.problem
        for name, value in told.items():
            setattr(run, name, value)
    status = run.process.wait()
    for pipe in (run.process.stdin, run.process.stdout):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    if run.stage == "running":
        run.stage = "done" if status == 0 and run.claim else "failed"
    if run.stage == "failed" and not run.problem:
        run.problem = "The comparison broke off; the explorer's log says why."
    run.ended.set()


def _end(run: Running) -> None:
    """Ask a process and what it started to end, then insist."""
    for signs in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
        _signal(run.process, signs)
        if run.ended.wait(_PATIENCE):
            return


def _signal(process: subprocess.Popen[str], sign: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, sign)
        else:
            process.send_signal(sign)
