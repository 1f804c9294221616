"""The judgement of a backward function: a verdict for each gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from graphc.checking.verdict import ORDER, Status, Verdict


@dataclass(frozen=True, eq=False)
class CodeReport:
    """Verdicts on the gradients that a function returns; true where all are right.

    Attributes
    ----------
    gradients : verdicts by the names of inputs
    function : the name of the function that returns them
    notes : what else was noticed, such as inputs modified in place
    """

    gradients: Mapping[str, Verdict]
    function: str
    notes: tuple[str, ...] = ()

    @property
    def status(self) -> Status:
        """The worst status of a gradient."""
        return min((v.status for v in self.gradients.values()), key=ORDER.index)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The inputs whose gradients are not right."""
        return tuple(name for name, verdict in self.gradients.items() if not verdict)

    def __bool__(self) -> bool:
        return not self.wrong

    def __getitem__(self, name: str) -> Verdict:
        return self.gradients[name]

    def __str__(self) -> str:
        return "\n".join([self.headline(), *(f"  note: {note}" for note in self.notes), *map(str, self._pages())])

    def __repr__(self) -> str:
        return f"<CodeReport {self.status}: {self.headline()}>"

    def _pages(self) -> list[Verdict]:
        return sorted(self.gradients.values(), key=lambda v: ORDER.index(v.status))

    def headline(self) -> str:
        """Which gradients are wrong, in one line."""
        count = len(self.gradients)
        if self:
            right = "the gradient is right" if count == 1 else f"all {count} gradients are right"
            return f"{self.status.upper()}: {self.function}: {right}"
        names = ", ".join(self.wrong)
        return f"{self.status.upper()}: {self.function}: {len(self.wrong)} of {count} gradients to be mended: {names}"
