"""The judgement of a backward function: a verdict for each gradient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphc.checking import page, record
from graphc.checking.verdict import ORDER, Status, Verdict
from graphc.visualize import html
from graphc.visualize.html import Html


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
        out = [self.headline(), *(f"  note: {note}" for note in self.notes)]
        out += [f"\n{verdict}" for verdict in self.gradients.values() if not verdict]
        out += [f"{'' if self else chr(10)}{self.brief(name)}" for name, verdict in self.gradients.items() if verdict]
        return "\n".join(out)

    def brief(self, name: str) -> str:
        """A right gradient in two lines."""
        verdict = self.gradients[name]
        text = verdict.claim_text
        formula = f" = {text}" if verdict.subject is not None and "\n" not in text else ""
        return f"{verdict.status.upper()}: d{name}{formula}\n  {verdict.reason}"

    def html(self) -> str:
        """The pages of all gradients as HTML without scripts."""
        notes = [html.text(f"note: {note}") for note in self.notes]
        pages = sorted(self.gradients.values(), key=lambda v: ORDER.index(v.status))
        parts = [Html(page.element(v)) for v in pages]
        return page.styled(html.verdict(self.headline(), [*notes, *parts]))

    def _repr_html_(self) -> str:
        return self.html()

    def to_dict(self) -> dict[str, Any]:
        """The verdicts as plain data; see docs/checking.md for the keys."""
        gradients = {name: record.verdict(v) for name, v in self.gradients.items()}
        content = {"status": str(self.status), "right": bool(self), "function": self.function, "gradients": gradients}
        return record.document({**content, "notes": list(self.notes)})

    def json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON."""
        return record.text(self.to_dict(), indent)

    def __repr__(self) -> str:
        return f"<CodeReport {self.status}: {self.headline()}>"

    def headline(self) -> str:
        """Which gradients are wrong, in one line."""
        count = len(self.gradients)
        if self:
            right = "the gradient is right" if count == 1 else f"all {count} gradients are right"
            return f"{self.status.upper()}: {self.function}: {right}"
        names = ", ".join(self.wrong)
        return f"{self.status.upper()}: {self.function}: {len(self.wrong)} of {count} gradients to be mended: {names}"
