"""``graphc demo``: the whole way from a declared classifier to trained weights, on handwritten digits."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from graphc.cli.files import folder, write
from graphc.errors import SettingError

STAGES = 8


@dataclass
class Log:
    """What the demo prints: numbered stages with their times, and text that is not wrapped."""

    console: Console
    number: int = 0
    times: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """A stage: its number and title before, its time after."""
        self.number += 1
        began = time.perf_counter()
        self.console.rule(f"[bold]{self.number}/{STAGES} {title}", align="left")
        yield
        self.times[title] = time.perf_counter() - began
        self.console.print(f"[dim]{self.times[title]:.1f} s")

    def say(self, text: str = "") -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


def demo(
    *,
    out: Annotated[Path, Parameter(name=["--out", "-o"])] = Path("graphc-demo"),
    seed: int = 0,
    data: Path | None = None,
    epochs: int = 100,
) -> int:
    """Declare, derive, draw, emit, train and check a classifier of handwritten digits.

    Parameters
    ----------
    out
        The folder for pictures, code and the report.
    seed
        Decides first weights, order of examples and dropout. The split of the data is always the same.
    data
        A .npz or .csv file of your own instead of the digits: numeric features and integer labels.
    epochs
        How many passes over the training data at most; early stopping usually ends sooner.
    """
    if seed < 0:
        raise SettingError(f"--seed must be a whole number of 0 or more, got {seed}")
    if epochs < 1:
        raise SettingError(f"--epochs must be a whole number of 1 or more, got {epochs}")
    from threadpoolctl import threadpool_limits  # noqa: PLC0415 - `graphc --help` answers without loading these

    from graphc.cli.demo_report import report  # noqa: PLC0415
    from graphc.cli.demo_stages import Findings, run  # noqa: PLC0415

    began = time.perf_counter()
    log = Log(Console())
    with threadpool_limits(
        1, user_api="blas"
    ):  # products this small lose by a second thread, tenfold on a busy machine
        findings: Findings = run(log, folder(out), seed, data, epochs)
    seconds = time.perf_counter() - began
    path = write(out / "report.html", report(findings, seconds))
    log.console.rule("[bold]done", align="left")
    log.say(f"test accuracy {findings.test_accuracy:.2%}, {seconds:.1f} s in all")
    for file in findings.files:
        log.say(f"  {file}")
    log.say(f"report: {path.resolve()}")
    return 0
