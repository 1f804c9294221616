"""A derivation as it is judged: what was defined, derived and claimed so far, and what rests on a wrong claim."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from graphc.checking.chains import Stated, equations
from graphc.checking.claims import names_in_play
from graphc.checking.judge import fits, judged, related, unread
from graphc.checking.prove import Equation
from graphc.checking.quotients import label_alias
from graphc.checking.reading import UNREADABLE
from graphc.checking.sides import Side, Taken
from graphc.checking.verdict import Status, Verdict
from graphc.errors import FormulaError, NameConflictError
from graphc.frontend.parse import bound
from graphc.frontend.sympynames import declared
from graphc.ir.expr import Expr, topological
from graphc.ops.leaves import CONSTANT, PARAMETER, SIZE, SYMBOL, checked_name, symbol

BAD = (Status.WRONG, Status.INCOMPARABLE)


@dataclass(frozen=True, eq=False)
class StepVerdict(Verdict):
    """The judgement of one equation of a derivation, as it stands on its own.

    Attributes
    ----------
    left, right : the sides as they were given
    follows : the number of the wrong step on whose result this one rests, or None
    whole : the verdict with the earlier claims in the place of the derivatives that they are about, where that
        differs: right on its own, a step may be wrong as a whole, and the other way round
    """

    left: Any = None
    right: Any = None
    follows: int | None = None
    whole: Verdict | None = None

    @property
    def stated(self) -> str:
        """The equation in one line."""
        return f"{one_line(self.left)} = {one_line(self.right)}"


def one_line(side: Any) -> str:
    return " ".join(str(side).split())


def playing(sides: Sequence[Any], given: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """What names stand for: those given, those of expressions in play, and those that `given` defines."""
    values = {name: bound(name, value) for name, value in names.items()}
    play = {**names_in_play([*(side for side in sides if isinstance(side, Expr)), *values.values()]), **values}
    play |= declared(sides, play)
    for step in equations(given) if given is not None else ():
        if not (step.defines or defines(step, play)):
            raise NameConflictError(f"given: {step.left} has a meaning already; a definition needs a new name")
        define(step, play)
    return play


def defines(step: Stated, names: Mapping[str, Any]) -> bool:
    """Whether the left side is a new name, or an entry of one."""
    name = defined_name(step)
    return name is not None and name not in names


def defined_name(step: Stated) -> str | None:
    """The q of ``q = ...`` and of ``q[i] = ...``."""
    found = _NAME.fullmatch(step.left.strip()) if isinstance(step.left, str) else None
    return found[1] if found else None


_NAME = re.compile(r"([^\W\d]\w*)(?:\s*\[[\w\s,]*\])?")


def define(step: Stated, names: dict[str, Any]) -> StepVerdict:
    """Give a name the value of the right side."""
    name = checked_name(defined_name(step) or step.left)
    brackets = step.left.strip()[len(name) :].strip()
    value = Side(f"{brackets} = {step.right}" if brackets else step.right, names).expr
    names[name] = value if value.op in (SYMBOL, PARAMETER, CONSTANT, SIZE) else value.named(name)
    return StepVerdict(Status.PROVED, value, value, f"{name} is defined here.", left=step.left, right=step.right)


class Derivation:
    """The steps judged so far.

    Parameters
    ----------
    names : what names stand for
    loss : the name of the function that ``dW`` is the gradient of; by default the only one that no other is made of
    """

    def __init__(self, names: Mapping[str, Any], loss: str | None = None) -> None:
        self.names = dict(names)
        self.loss = loss
        self.found: list[StepVerdict] = []
        self.earlier: list[Taken] = []  # derivatives that were taken: what follows holds away from their kinks
        self.short: dict[str, str] = {}  # dW: df/dW
        self.moving: dict[str, list[str]] = {}  # for dq = W @ dx + dW @ x: W and x
        self.claimed: dict[str, Expr] = {}  # what was claimed of a derivative, by its alias
        self.roots: dict[str, int] = {}  # for claims that are wrong as a whole: the step that is to blame

    def add(self, step: Stated) -> None:
        """Judge a step; one that is not in the notation makes no sense, and the others are judged without it."""
        try:
            self.judge(step)
        except FormulaError as error:
            self.found.append(extended(unread(step.right, error), step, step.right))

    def judge(self, step: Stated) -> None:
        """Judge a step.

        Raises
        ------
        FormulaError
            If it is not in the notation.
        """
        step = self.spelled_out(step)
        if step.defines or defines(step, self.names):
            self.found.append(define(step._replace(right=self.lengthened(step.right)), self.names))
            return
        left = Side(self.lengthened(step.left), self.names, leads=True)
        right = self.lengthened(step.right)
        own = related(left, right, tuple(self.earlier))
        verdict = extended(own, step, right)
        self.abbreviate(step.left)
        facing, taken = readable(left, right)
        self.earlier += [t for t in taken if t not in self.earlier]
        if facing is not None:
            verdict = self.as_a_whole(verdict, left, facing)
        self.found.append(verdict)
        if verdict.follows is None:
            self.found[-1] = replace(verdict, follows=self.rests_on())

    def as_a_whole(self, verdict: StepVerdict, left: Side, right: Side) -> StepVerdict:
        """The verdict, with the one where earlier wrong claims stand for the derivatives that they are about."""
        key = label_alias(self.lengthened(verdict.left), self.names)
        used = right.reading.quotients if key is not None else {**left.reading.quotients, **right.reading.quotients}
        bad = [a for a in used if a in self.roots]
        claims = {a: self.claimed[a] for a in bad}
        wrong = None if verdict else len(self.found)
        if bad:
            start = left if key is not None else replace(left, claimed=claims)
            whole = related(start, right.source, tuple(self.earlier), claims)
            consistent = bool(verdict) and not whole if key is not None else not verdict and bool(whole)
            follows = self.roots[bad[0]] if consistent else None
            verdict = replace(verdict, whole=whole, follows=follows)
            wrong = None if whole else len(self.found) if follows is None else follows
        if key is not None and key not in self.claimed:
            self.claimed[key] = replace(right, claimed=claims).expr
            if wrong is not None:
                self.roots[key] = wrong
        return verdict

    def rests_on(self) -> int | None:
        """The wrong step that the last one builds on: it starts from its result, or states the same again."""
        last = self.found[-1]
        for i in reversed(range(len(self.found) - 1)):
            before = self.found[i]
            if before.status not in BAD and before.follows is None:
                continue
            builds = bool(last) and same(last.answer, before.claim)
            repeats = not last and same(last.answer, before.answer) and same(last.claim, before.claim)
            if builds or repeats:
                return i if before.follows is None else before.follows
        return None

    # -- ``dW`` for ``df/dW`` ----------------------------------------------------------------------------------------

    def spelled_out(self, step: Stated) -> Stated:
        """``dW = ...`` as ``df/dW = ...``.

        Raises
        ------
        FormulaError
            If it is not clear of which function.
        """
        name = defined_name(step)
        if step.defines or name is None or name in self.names or not name.startswith("d"):
            return step
        x = self.names.get(name[1:])
        if not isinstance(x, Expr):
            return step
        along = self.differential(name[1:], x, step.right)
        if along:
            return step._replace(left=along)
        self.short[name] = f"d{self.loss or self.outermost(x, name)}/{name}"
        return step._replace(left=self.short[name] + step.left.strip()[len(name) :])

    def differential(self, f: str, value: Expr, right: Any) -> str:
        """``df`` of a function as the sum of its derivatives along the directions ``dx`` on the right side."""
        if value.op in (SYMBOL, PARAMETER) or not isinstance(right, str):
            return ""
        inside = {str(s.name): s for s in topological([value]) if s.op in (SYMBOL, PARAMETER)}
        found: dict[str, None] = {}
        for word in re.findall(r"\bd(\w+)\b", right):
            along = self.moving.get(word, [word] if self.names.get(word) is inside.get(word, f) else [])
            found.update((v, None) for v in along if v in inside)
        for v in found:
            self.names.setdefault(f"d{v}", symbol(f"d{v}", inside[v].shape))
        if found:
            self.moving[f] = list(found)
            self.short[f"d{f}"] = f"({' + '.join(f'D({f}, {v}, d{v})' for v in found)})"
        return self.short.get(f"d{f}", "") if found else ""

    def abbreviate(self, left: Any) -> None:
        """After ``dL/dW = ...`` the gradient of the loss may be called dW."""
        found = re.match(r"\s*[d∂](\w+)\s*/\s*[d∂](\w+)", left) if isinstance(left, str) else None
        if found and found[1] == self.loss and f"d{found[2]}" not in self.names:
            self.short.setdefault(f"d{found[2]}", f"d{found[1]}/d{found[2]}")

    def outermost(self, x: Expr, label: str) -> str:
        """The only function of `x` in play that no other one is made of."""
        functions = {n: v for n, v in self.names.items() if isinstance(v, Expr) and v is not x and not v.ndim}
        using = {n: topological([v]) for n, v in functions.items() if x in topological([v])}
        inner = {node for order in using.values() for node in order[:-1]}
        found = [n for n in using if functions[n] not in inner]
        if x.op not in (SYMBOL, PARAMETER) and not found:
            raise FormulaError(f"{label}: write D({label[1:]}, x, dx) for its change along dx, or {label}/dx")
        if len(found) != 1:
            raise FormulaError(
                f"{label}: of which function? Write df/{label} or grad(f, {label[1:]}) for a function f in play"
            )
        return found[0]

    def lengthened(self, side: Any) -> Any:
        """A side with ``df/dW`` for ``dW``, where an earlier left side was short."""
        if isinstance(side, str):
            for name, quotient in self.short.items():
                pattern = rf"([d∂]\w+\s*/\s*)?\b{name}\b(?!\s*/\s*[d∂]\w)"
                side = re.sub(pattern, lambda m, q=quotient: m[0] if m[1] else q, side)  # type: ignore[misc]
        return side


def readable(left: Side, right: Any) -> tuple[Side | None, tuple[Taken, ...]]:
    """The right side and the derivatives taken on both; nothing where they cannot be read."""
    try:
        facing = left.facing(right)
        return facing, (*left.taken, *facing.taken)
    except UNREADABLE:
        return None, ()


def same(a: Any, b: Any) -> bool:
    """Whether two sides are equal."""
    if not isinstance(a, Expr) or not isinstance(b, Expr):
        return isinstance(a, str) and isinstance(b, str) and one_line(a) == one_line(b)
    return a is b or (fits(a, b) and bool(judged(Equation(a, b), a, b, str(b), {})))


def extended(verdict: Verdict, step: Stated, right: Any) -> StepVerdict:
    """The verdict with the equation that it is about, and its right side as it was read."""
    known = {f.name: getattr(verdict, f.name) for f in fields(Verdict)}
    known |= {"written": right if isinstance(right, str) else None}
    return StepVerdict(**known, left=step.left, right=step.right)
