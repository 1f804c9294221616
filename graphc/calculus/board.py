"""A derivation as text, LaTeX and HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from graphc.ir.expr import Expr, behaviour, make
from graphc.ops.contraction import CONTRACT
from graphc.ops.forms import is_implicit
from graphc.ops.leaves import NAMED, SYMBOL, constant

if TYPE_CHECKING:
    from graphc.calculus.derivation import Derivation, Step

FOLD = 40  # lines of the chain rule beyond which the middle of a derivation is folded
WIDE = 100  # characters beyond which an equation goes over two lines
STAND_IN = "?"  # the derivative by the part in the line of that number is the symbol "?4"
_TEXT = re.compile(r"\?(\d+)(\.T|\[)?")
_LATEX = re.compile(r"(?:\\mathbf\{\?\}|\?)_\{(\d+)(?:,([^}]*))?\}(\^)?")


class Lines:
    """The lines of the chain rule, each with the rewrites that explain it; those of L itself come first."""

    def __init__(self, derivation: Derivation) -> None:
        self.own: list[Step] = []
        self.chain: list[tuple[Step, list[Step]]] = []
        for step in derivation.steps:
            if step.kind == "rewrite":
                (self.chain[-1][1] if self.chain else self.own).append(step)
            else:
                self.chain.append((step, []))
        self.parts = [step.node for step, _ in self.chain if step.node is not None]

    def shown(self, *, full: bool) -> Iterator[tuple[int, tuple[Step, list[Step]] | None]]:
        """The lines with their numbers from 1; one None, with their number, for those that are folded."""
        total = len(self.chain)
        for i, line in enumerate(self.chain):
            if full or total <= FOLD or not FOLD // 2 <= i < total - FOLD // 2:
                yield i + 1, line
            elif i == FOLD // 2:
                yield total - FOLD, None


def text(derivation: Derivation, *, full: bool) -> str:
    """The steps as text."""
    lines = Lines(derivation)
    names = ["dL/dL", *(f"dL/d{wrapped(part)}" for part in lines.parts[1:])]
    out = [f"L = {plain(derivation.f)}"]
    for d in kept(derivation.definitions, full=full):
        out.append("    ..." if d is None else f"    with {d.name} = {plain(d)}")
    out += [f"    {rewritten(r)}" for r in lines.own]
    for number, line in lines.shown(full=full):
        if line is None:
            out += ["", f"... {number} steps more: text(full=True) shows them ..."]
            continue
        out += ["", *equation(number, names, line[0]), *(f"      {rewritten(r)}" for r in line[1])]
    out += ["", f"Result: dL/d{wrapped(derivation.x)} = {short(derivation.result)}"]
    if derivation.facts:
        out.append(f"Facts used: {'; '.join(derivation.facts)}")
    return "\n".join(out)


def kept(definitions: Sequence[Expr], *, full: bool) -> list[Expr | None]:
    """Definitions without the middle of a long list, for which None stands."""
    if full or len(definitions) <= FOLD:
        return list(definitions)
    return [*definitions[: FOLD // 2], None, *definitions[-FOLD // 2 :]]


def equation(number: int, names: Sequence[str], step: Step) -> list[str]:
    """``3. dL/dz = dL/dh*h*(1 - h) = ...   [chain rule through sigmoid]``, over two lines if it is long."""
    left, value = f"{number}. {names[number - 1]} = ", short(step.after)
    local = _TEXT.sub(lambda m: _inside(names[int(m[1])], m[2]), local_text(step))
    if local in ("", value):
        return [f"{left}{value}   [{step.rule}]"]
    if len(left) + len(local) + len(value) < WIDE and "\n" not in value:
        return [f"{left}{local} = {value}   [{step.rule}]"]
    return [f"{left}{local}   [{step.rule}]", f"{' ' * (len(left) - 2)}= {value}"]


def _inside(name: str, suffix: str | None) -> str:
    return name if suffix is None else f"({name}){suffix}"


def local_text(step: Step) -> str:
    """The local form of a chain rule; nothing where it has no short one."""
    found = "" if step.local is None or step.kind == "start" else short(step.local)
    return "" if "\n" in found else found


def rewritten(step: Step) -> str:
    return f"{short(step.before)} = {short(step.after)}   [{why(step)}]"


def latex(derivation: Derivation, *, full: bool) -> str:
    """The steps as an ``align*`` environment."""
    lines = Lines(derivation)
    rows = [rf"L &= {tex(derivation.f)}"]
    for d in kept(derivation.definitions, full=full):
        rows.append(r"&\;\;\vdots" if d is None else rf"{tex(d)} &= {tex(d.operands[0])}")
    rows += [f"&{used_rule(r)}" for r in lines.own]
    for number, line in lines.shown(full=full):
        if line is None:
            rows.append(rf"&\;\;\vdots \quad \text{{({number} steps more)}}")
            continue
        rows.append(chained(lines, line[0], " &= "))
        rows += [f"&{used_rule(r)}" for r in line[1]]
    rows.append(rf"{partial(derivation.x)} &= {tex(derivation.result)}")
    return "\\begin{align*}\n" + " \\\\\n".join(rows) + "\n\\end{align*}"


def used_rule(step: Step) -> str:
    """A rewrite as an indented equation with its rule and reason."""
    return rf"\quad {tex(step.before)} = {tex(step.after)} \quad \text{{({words(why(step))})}}"


def why(step: Step) -> str:
    used = f", with {' and '.join(step.facts)}" if step.facts else ""
    return f"{step.rule}: {step.reason}{used}"


def words(text: str) -> str:
    """`text` inside ``\\text{}``."""
    return re.sub(r"[_&%#$^{}]", lambda m: r"\^{}" if m[0] == "^" else "\\" + m[0], text)


def chained(lines: Lines, step: Step, equals: str) -> str:
    """``dL/dz = dL/dh h (1 - h) = ...`` in LaTeX."""
    assert step.node is not None
    left = partial(step.node) if step.kind == "chain" else r"\frac{\partial L}{\partial L}"
    local = tex(step.local) if step.local is not None and local_text(step) else ""
    value = tex(step.after)
    local = _LATEX.sub(lambda m: _fraction(partial(lines.parts[int(m[1])]), m[2], m[3]), local)
    return f"{left}{equals}{value}" if local in ("", value) else f"{left}{equals}{local} = {value}"


def _fraction(name: str, entry: str | None, power: str | None) -> str:
    inside = name if entry is None and power is None else rf"\left({name}\right)"
    return inside + ("" if entry is None else f"_{{{entry}}}") + (power or "")


def partial(part: Expr) -> str:
    return rf"\frac{{\partial L}}{{\partial {tex_part(part)}}}"


def tex_part(part: Expr) -> str:
    return tex(part) if part.name else rf"({tex(part)})"


def html(derivation: Derivation) -> str:
    """The steps as a list with MathML formulas; the rewrites of each fold away, and the middle of a long list."""
    lines = Lines(derivation)
    head = [f"<p>{mathml('L = ' + tex(derivation.f))}</p>"]
    names = "".join(f"<li>{mathml(tex(d) + ' = ' + tex(d.operands[0]))}</li>" for d in derivation.definitions)
    if names:
        names = f"<ul>{names}</ul>"
        many = len(derivation.definitions) > FOLD
        head.append(f"<details><summary>names</summary>{names}</details>" if many else f"<p>with</p>{names}")
    head.append(details(lines.own))
    items = [
        f"<li>{mathml(chained(lines, step, ' = '))} <small>{escape(step.rule)}</small>{details(rewrites)}</li>"
        for step, rewrites in lines.chain
    ]
    if len(items) > FOLD:
        first, last = FOLD // 2, len(items) - FOLD // 2
        folded = f'<ol start="{first + 1}">{"".join(items[first:last])}</ol>'
        middle = f"<li><details><summary>{last - first} steps more</summary>{folded}</details></li>"
        items = [
            *items[:first],
            middle,
            f'<li value="{last + 1}">{items[last].removeprefix("<li>")}',
            *items[last + 1 :],
        ]
    result = mathml(f"{partial(derivation.x)} = {tex(derivation.result)}")
    facts = f"<p>Facts used: {escape('; '.join(derivation.facts))}</p>" if derivation.facts else ""
    return f'<div class="derivation">{"".join(head)}<ol>{"".join(items)}</ol><p>{result}</p>{facts}</div>'


def details(rewrites: Sequence[Step]) -> str:
    """Rewrites that fold away, each with its rule and reason."""
    if not rewrites:
        return ""
    items = "".join(
        f"<li>{mathml(tex(r.before) + ' = ' + tex(r.after))} <em>{escape(r.rule)}</em>: {escape(r.reason)}"
        f"{escape(', with ' + ' and '.join(r.facts)) if r.facts else ''}</li>"
        for r in rewrites
    )
    count = f"{len(rewrites)} rewrite{'s' if len(rewrites) > 1 else ''}"
    return f"<details><summary>{count}</summary><ul>{items}</ul></details>"


def plain(expr: Expr) -> str:
    return str(expr.operands[0] if expr.op is NAMED else expr)


def wrapped(expr: Expr) -> str:
    found = expr.name or str(expr)
    return found if found.isidentifier() else f"({found})"


def short(expr: Expr) -> str:
    """A name for what has one, the number for a stretched number, else the formula."""
    return expr.name or str(narrow(expr))


def narrow(expr: Expr) -> Expr:
    """What a number, or an array, is stretched from."""
    if expr.op is CONTRACT and not expr.operands:
        return constant(expr.attributes["coefficient"])
    return expr.operands[0] if is_implicit(expr) else expr


def tex(expr: Expr) -> str:
    """LaTeX of `expr`; a named intermediate as its name."""
    shown = make(SYMBOL, (), name=expr.name, shape=expr.shape, dtype=expr.dtype) if expr.op is NAMED else expr
    return str(behaviour["latex"](narrow(shown)))


def mathml(latex: str) -> str:
    return str(behaviour["mathml"](latex, display=False))
