"""``check_steps``: a derivation judged equation by equation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from graphc.checking.chains import Stated, equations
from graphc.checking.claims import names_in_play
from graphc.checking.judge import UNREADABLE, fits, judged, related
from graphc.checking.prove import Equation
from graphc.checking.sides import Side, Taken, directions
from graphc.checking.verdict import Status, Verdict
from graphc.errors import FormulaError, NameConflictError
from graphc.frontend.parse import bound
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import CONSTANT, PARAMETER, SIZE, SYMBOL, checked_name


@dataclass(frozen=True, eq=False)
class StepVerdict(Verdict):
    """The judgement of one equation of a derivation, as it stands on its own.

    Attributes
    ----------
    left, right : the sides as they were given
    follows : the number of the wrong step on whose result this one rests, or None
    """

    left: Any = None
    right: Any = None
    follows: int | None = None

    @property
    def stated(self) -> str:
        """The equation in one line."""
        return f"{_one_line(self.left)} = {_one_line(self.right)}"


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

    def headline(self) -> str:
        """The outcome in one line."""
        if self:
            return f"RIGHT: all {len(self.steps)} steps hold" if len(self.steps) != 1 else "RIGHT: the step holds"
        if self.first_wrong is None:
            open_ = next(i for i, step in enumerate(self.steps) if not step)
            return f"UNDECIDED: step {open_} is neither proved nor refuted"
        return f"WRONG: step {self.first_wrong} is the first that does not hold"


BAD = (Status.WRONG, Status.INCOMPARABLE)


def describe(step: StepVerdict) -> str:
    """The status of a step and its equation in one line."""
    note = "" if step.follows is None else f", follows from the wrong step {step.follows}"
    return f"{step.status}{note}: {step.stated}"


def _one_line(side: Any) -> str:
    return " ".join(str(side).split())


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
        If a text is not in the notation.
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
    return StepsVerdict(tuple(_judge_all(stated, play)))


def playing(sides: Sequence[Any], given: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """What names stand for: those given, those of expressions in play, and those that `given` defines."""
    values = {name: bound(name, value) for name, value in names.items()}
    play = {**names_in_play([*(side for side in sides if isinstance(side, Expr)), *values.values()]), **values}
    for step in equations(given) if given is not None else ():
        if not (step.defines or defines(step, play)):
            raise NameConflictError(f"given: {step.left} has a meaning already; a definition needs a new name")
        define(step, play)
    return play


def _judge_all(stated: Sequence[Stated], names: dict[str, Any]) -> list[StepVerdict]:
    names = dict(names)
    found: list[StepVerdict] = []
    earlier: list[Taken] = []
    for written in stated:
        step = spelled_out(written, names)
        if step.defines or defines(step, names):
            found.append(define(step, names))
            continue
        verdict, taken = _judge_one(step, names, tuple(earlier))
        earlier += [t for t in taken if t not in earlier]
        found.append(verdict)
        follows = rests_on(found)
        if follows is not None:
            found[-1] = replace(verdict, follows=follows)
    return found


def defines(step: Stated, names: Mapping[str, Any]) -> bool:
    """Whether the left side is a new name."""
    return isinstance(step.left, str) and step.left.strip().isidentifier() and step.left.strip() not in names


def spelled_out(step: Stated, names: Mapping[str, Any]) -> Stated:
    """``dW = ...`` as ``df/dW = ...``, where f is the only function in play that no other one is made of.

    Raises
    ------
    FormulaError
        If there is none, or more than one.
    """
    if step.defines or not defines(step, names) or not isinstance(names.get(step.left.strip()[1:]), Expr):
        return step
    label = step.left.strip()
    x = names[label[1:]]
    if not label.startswith("d"):
        return step
    using = {
        n: v for n, v in names.items() if isinstance(v, Expr) and v is not x and not v.ndim and x in topological([v])
    }
    inner = {node for v in using.values() for node in topological([v]) if node is not v}
    outermost = [n for n, v in using.items() if v not in inner]
    if len(outermost) != 1:
        raise FormulaError(
            f"{label}: of which function? Write df/{label} or grad(f, {label[1:]}) for a function f in play"
        )
    return step._replace(left=f"d{outermost[0]}/{label}")


def define(step: Stated, names: dict[str, Any]) -> StepVerdict:
    """Give a name the value of the right side."""
    name = checked_name(step.left.strip())
    value = Side(step.right, names).expr
    names[name] = value if value.op in (SYMBOL, PARAMETER, CONSTANT, SIZE) else value.named(name)
    return StepVerdict(Status.PROVED, value, value, f"{name} is defined here.", left=name, right=step.right)


def _judge_one(
    step: Stated, names: Mapping[str, Any], earlier: tuple[Taken, ...]
) -> tuple[StepVerdict, tuple[Taken, ...]]:
    left = Side(step.left, names, leads=True)
    verdict = related(left, step.right, earlier)
    try:
        taken = (*left.taken, *left.facing(step.right).taken)
    except UNREADABLE:
        taken = ()
    return extended(verdict, step), taken


def rests_on(found: Sequence[StepVerdict]) -> int | None:
    """The wrong step that the last one builds on: it starts from its result, or states the same again."""
    last = found[-1]
    for i in reversed(range(len(found) - 1)):
        before = found[i]
        if before.status not in BAD and before.follows is None:
            continue
        builds = bool(last) and same(last.answer, before.claim)
        repeats = not last and same(last.answer, before.answer) and same(last.claim, before.claim)
        if builds or repeats:
            return i if before.follows is None else before.follows
    return None


def same(a: Any, b: Any) -> bool:
    """Whether two sides are equal."""
    if not isinstance(a, Expr) or not isinstance(b, Expr):
        return isinstance(a, str) and isinstance(b, str) and _one_line(a) == _one_line(b)
    return a is b or (fits(a, b) and bool(judged(Equation(a, b), a, b, str(b), {})))


def extended(verdict: Verdict, step: Stated) -> StepVerdict:
    """The verdict with the equation that it is about."""
    known = {f.name: getattr(verdict, f.name) for f in fields(Verdict)}
    known |= {"written": step.right if isinstance(step.right, str) else None}
    return StepVerdict(**known, left=step.left, right=step.right)
