"""``check_steps``: a derivation judged equation by equation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from graphc.checking import page, record
from graphc.checking.chains import equations
from graphc.checking.claims import names_in_play
from graphc.checking.derivation import BAD, Derivation, StepVerdict, playing
from graphc.checking.quotients import plain
from graphc.checking.sides import Side, directions
from graphc.ir.expr import Expr
from graphc.visualize import html
from graphc.visualize.html import Html


@dataclass(frozen=True, eq=False)
class StepsVerdict:
    """The judgement of a derivation; true where every step is proved or equal.

    Attributes
    ----------
    steps : tuple of StepVerdict, one for each equation
    """

    steps: tuple[StepVerdict, ...]

    @property
    def first_wrong(self) -> int | None:
        """The number, from 0, of the first step that is wrong or makes no sense; None if there is none."""
        return next((i for i, step in enumerate(self.steps) if step.status in BAD), None)

    def __bool__(self) -> bool:
        return all(self.steps)

    def __str__(self) -> str:
        out = [self.headline()]
        for i, step in enumerate(self.steps):
            out.append(f"  [{i}] {describe(step)}")
            out += [f"        {line}".rstrip() for line in ([] if step else step.lines())]
        return "\n".join(out)

    def __repr__(self) -> str:
        return f"<StepsVerdict: {self.headline()}>"

    def html(self) -> str:
        """The steps as HTML without scripts: a line for each that holds, a page for each that does not."""
        lines = [(f"[{i}] {describe(step)}", step) for i, step in enumerate(self.steps)]
        parts = [html.text(line) if step else Html(page.element(step, line)) for line, step in lines]
        return page.styled(html.verdict(self.headline(), parts))

    def _repr_html_(self) -> str:
        return self.html()

    def to_dict(self) -> dict[str, Any]:
        """The verdicts as plain data; see docs/checking.md for the keys."""
        steps = [{"stated": step.stated, "follows": step.follows, **record.verdict(step)} for step in self.steps]
        return record.document({"right": bool(self), "first_wrong": self.first_wrong, "steps": steps})

    def json(self, *, indent: int | None = 2) -> str:
        """`to_dict` as JSON."""
        return record.text(self.to_dict(), indent)

    def headline(self) -> str:
        """The outcome in one line."""
        if self:
            return f"RIGHT: all {len(self.steps)} steps hold" if len(self.steps) != 1 else "RIGHT: the step holds"
        if self.first_wrong is None:
            open_ = next(i for i, step in enumerate(self.steps) if not step)
            return f"UNDECIDED: step {open_} is neither proved nor refuted"
        return f"WRONG: step {self.first_wrong} is the first that does not hold"


def describe(step: StepVerdict) -> str:
    """The status of a step and its equation in one line."""
    note = "" if step.follows is None else f", follows from the wrong step {step.follows}"
    if not step and step.whole and step.follows is None:
        note = " on its own, though the result is right: two mistakes make up for each other"
    return f"{step.status}{note}: {step.stated}"


def check_steps(steps: Any, /, *, given: Any = None, **names: Any) -> StepsVerdict:
    """Judge a derivation step by step: each equation on its own, and which of them rest on a wrong one.

    Parameters
    ----------
    steps : sequence of pairs, sequence, text, or mapping
        Pairs ``(left, right)``; a chain ``[a, b, c]``, each equal to the next; or lines ``a = b``, where a line that
        begins with ``=`` goes on from the one before. Sides are texts, expressions or SymPy expressions. Texts may
        use ``grad(f, x)``, ``jacobian(f, x)``, ``hessian(f, x)``, ``D(f, x, dx)`` (the derivative of f along dx) and
        quotients ``df/dx`` of names in play. A left side that is a new name defines it.
    given : text or mapping, optional
        Definitions ``name = formula``, one a line, for use in the steps.
    **names
        What the names in the texts stand for, as `parse` takes them. A direction ``dW`` for a variable W need not be
        declared.

    Returns
    -------
    StepsVerdict
        ``.first_wrong`` (from 0, or None), ``.steps`` with a verdict for each step; true where all steps hold.

    Raises
    ------
    FormulaError
        If a line is no equation. A side that is not in the notation makes its step incomparable.
    UnsupportedError
        If the steps come in another form.

    Notes
    -----
    After a derivative has been taken, equations are judged where the function is differentiable: ``x > 0`` and
    ``x >= 0`` are the same factor of a gradient.

    Examples
    --------
    >>> found = check_steps(["grad(sum((W @ x)**2), W)", "2*outer(W @ x, x)"], W=("m", "n"), x=("n",))
    >>> bool(found), found.first_wrong
    (True, None)
    """
    stated = equations(steps)
    play = playing([side for s in stated for side in (s.left, s.right)], given, names)
    play = {**directions([side for s in stated for side in (s.left, s.right) if isinstance(side, str)], play), **play}
    derivation = Derivation(play)
    for step in stated:
        derivation.add(step)
    return StepsVerdict(tuple(derivation.found))


def check_backprop(loss: Any, entries: Any, /, *, given: Any = None, **names: Any) -> StepsVerdict:
    """Judge the local steps of backpropagation as a lecture writes them: a dictionary of intermediate gradients.

    Parameters
    ----------
    loss : Expr or text
        With its intermediates named: by ``.named("h")``, by lines ``h = ...`` of the text, or in `given`.
    entries : mapping, pairs, or lines of text
        ``{"dL/dthat": "2*(that - t)", "dL/dtheta": "h*dL/dthat", ...}``: each may use the ones before. Keys are
        ``dL/dh``, ``∂L/∂h``, ``dh``, or with indices ``dL/dW[i,j]``; ``dh/dz`` is a local derivative. The name of the
        loss is the one that the keys use.
    given : text or mapping, optional
        Definitions ``name = formula``, one a line.
    **names
        What the names in the texts stand for, as `parse` takes them.

    Returns
    -------
    StepsVerdict
        A verdict for each entry on its own, with the right gradients for those that it uses. An entry that is right
        on its own but uses a wrong one has `follows`, the number of the wrong one, and the verdict `whole` on what
        becomes of it with that one.

    Raises
    ------
    FormulaError
        If the loss is not in the notation. An entry that is not is incomparable.

    Examples
    --------
    >>> found = check_backprop(
    ...     "h = tanh(w*x)\nthat = theta*h\n(that - t)**2",
    ...     {"dL/dthat": "that - t", "dL/dh": "theta*dL/dthat", "dL/dw": "dL/dh*(1 - h**2)*x"},
    ...     w=(), x=(), theta=(), t=(),
    ... )
    >>> found.first_wrong, [step.follows for step in found.steps]
    (0, [None, 0, 0])
    """
    play = playing([loss], given, names)
    value = loss if isinstance(loss, Expr) else Side(loss, play).expr
    play = {**names_in_play([value]), **play}
    stated = equations(entries)
    keys = [plain(step.left) for step in stated if isinstance(step.left, str)]
    wanted = [found[1] for key in keys if (found := re.match(r"\s*d(\w+)\s*(?:\[[^\]]*\]\s*)?/", key))]
    new = list(dict.fromkeys(name for name in wanted if name not in play)) or ["L"]
    play.update({name: value for name in new if name not in play})
    derivation = Derivation(play, new[0])
    for step in stated:
        derivation.add(step)
    return StepsVerdict(tuple(derivation.found))
