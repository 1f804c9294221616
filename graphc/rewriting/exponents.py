"""Exponents that add up, and logarithms of products: exp(x) exp(y), x**y x, log(a b)."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import lcm

from graphc.ir.expr import Expr, make
from graphc.ir.facts import Fact
from graphc.ops.arithmetic import ADD, broadcast
from graphc.ops.contraction import CONTRACT, ONE, aligned, contract, factors_of, summed
from graphc.ops.defined import LOG_SOFTMAX, SOFTMAX
from graphc.ops.elementwise import exp, general_power, log
from graphc.ops.gather import TAKE, TAKE_ALONG_AXIS
from graphc.ops.leaves import CONSTANT, PI, SIZE, constant
from graphc.ops.leaving_out import PROD
from graphc.ops.products import sum as sum_
from graphc.ops.reductions import reduced_axes
from graphc.ops.slicing import SLICE
from graphc.rewriting.engine import Engine, Known, Step, law
from graphc.rewriting.order import Factor, Labels
from graphc.rewriting.powers import rational_root
from graphc.rewriting.ranges import LEVELS, ranged
from graphc.rewriting.terms import leading, view

EXPONENTIALS = law("exponents", "exp(x)**a exp(y)**b = exp(a x + b y)")
BASES = law("exponents", "x**y x**z = x**(y + z)")
INVERSE = law("exponents", "exp(x + c log(a)) = a**c exp(x), where log(a) exists")
LOGARITHMS = law("exponents", "log(a b**c) = log(a) + c log(b), where b is positive")
EXP, POWER, LOG = exp(constant(1)).op, general_power(constant(2), constant(2)).op, log(constant(2)).op
PRODUCT = law("exponents", "log(prod(x)) = sum(log(x)), where x is positive")
PICKED = law("exponents", "the logarithm of entries of a softmax is those entries of its logarithm")
POSITIVE = Fact("positive")
MOST = 8  # powers of an exponential that are written outside of it


def exponential(engine: Engine, node: Expr) -> Expr:
    """``exp(3*x)`` as ``exp(x)**3``, and ``exp(x + 2*log(a))`` as ``a**2*exp(x)``."""
    (x,) = node.operands
    pairs = list(zip(x.attributes["coefficients"], x.operands, strict=True)) if x.op is ADD else [(ONE, x)]
    terms = [(c * leading(t)[0], leading(t)[1]) for c, t in pairs]
    logs = [(logged(t), c) for c, t in terms]
    if any(found is not None for found, _ in logs):
        rest = engine.sum([term for term, (found, _) in zip(terms, logs, strict=True) if found is None], node.shape)
        factors = [(*found, c) for found, c in logs if found is not None]
        result = engine.product(ONE, [*factors, whole(engine.normal(exp(rest)))], node.shape)
        engine.steps.append(INVERSE.step(node, result))
        return result
    number, core = leading(x)
    if number == 0:
        return broadcast(constant(1), node.shape)
    times = abs(number.numerator)
    if not 1 < times <= MOST or core.weak:
        return node
    inner = engine.product(number / times, [whole(core)], node.shape)
    return engine.product(
        ONE, [(engine.normal(exp(inner)), aligned(node.shape, node.shape), Fraction(times))], node.shape
    )


def logged(term: Expr) -> tuple[Expr, Labels] | None:
    """The array whose logarithm a term is, and its labels."""
    inner, labels = view(term)
    return (inner.operands[0], labels) if inner.op is LOG and -1 not in labels else None


def whole(x: Expr) -> Factor:
    return x, aligned(x.shape, x.shape), ONE


def exponentials(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """Exponentials of one shape in a product as one, and their quotients and roots."""
    groups: dict[Labels, list[Factor]] = {}
    for f, labels, e in factors_of(node):
        if f.op is EXP and -1 not in labels:
            groups.setdefault(labels, []).append((f, labels, e))
    for labels, group in groups.items():
        if len(group) == 1 and group[0][2].denominator == 1 and group[0][2] > 0:
            continue
        shape = group[0][0].shape
        exponent = engine.sum([(e, f.operands[0]) for f, _, e in group], shape)
        return replaced(engine, node, group, [(engine.normal(exp(exponent)), labels, ONE)], EXPONENTIALS.step)
    return None


def powers(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """Powers of one base in a product as one: ``x**y/x`` is ``x**(y - 1)``."""
    factors = factors_of(node)
    for f, labels, e in factors:
        if f.op is not POWER or e.denominator != 1 or -1 in labels:
            continue
        scale, core = leading(f.operands[0])
        base, places = view(core)
        own = tuple(labels[i] for i in places)
        group, terms, number = [(f, labels, e)], [(e, f.operands[1])], ONE
        for g, ls, p in factors:
            if g is base and ls == own and (scale == 1 or (p.denominator == 1 and scale > 0)):
                group.append((g, ls, p))
                number *= scale**-p.numerator if scale != 1 else ONE
                terms.append((p, contract([], f.shape, ONE) if f.shape else constant(1)))
            elif (
                g is not f and g.op is POWER and ls == labels and g.operands[0] is f.operands[0] and p.denominator == 1
            ):
                group.append((g, ls, p))
                terms.append((p, g.operands[1]))
        if len(group) > 1 or e != 1:
            power = general_power(f.operands[0], engine.sum(terms, f.shape))
            new = [(constant(number), (), ONE)] if number != 1 else []
            return replaced(engine, node, group, [*new, (engine.normal(power), labels, ONE)], BASES.step)
    return None


def replaced(
    engine: Engine, node: Expr, gone: list[Factor], new: list[Factor], step: Callable[[Expr, Expr], Step]
) -> tuple[Expr, Step]:
    """`node` with some of its factors replaced."""
    kept = [factor for factor in factors_of(node) if factor not in gone]
    result = engine.product(node.attributes["coefficient"], [*new, *kept], node.shape)
    return result, step(node, result)


def logarithm(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """The logarithm of a product, of which all factors but one are known to be positive, as a sum."""
    (x,) = node.operands
    if x.op is CONSTANT and x.attributes["value"] == 1:
        result = constant(0)
        return result, LOGARITHMS.step(node, result)
    if x.op is not CONTRACT or summed(x) or not x.operands or x.attributes["coefficient"] <= 0:
        return None
    numbers, known, rest = list[Factor](), list[Factor](), list[Factor]()
    for factor in factors_of(x):
        f = factor[0]
        if f.op in (CONSTANT, PI, SIZE):
            numbers.append(factor)
        else:
            (known if POSITIVE in f.op.facts(f) or f.op is POWER else rest).append(factor)
    if len(rest) == 1 and rest[0][2].numerator % 2:
        known, rest = [*known, *rest], []
    alone = len(known) == 1 and not rest and known[0][2] == 1
    if not known and not (numbers and not rest and all(e.denominator != 1 for *_, e in numbers)):
        return None
    if alone and known[0][0].op is not EXP and POSITIVE not in known[0][0].op.facts(known[0][0]):
        return None
    terms = [(e, stretched(engine, log(f), labels, node)) for f, labels, e in known]
    terms += constants(engine, x.attributes["coefficient"], numbers, node)
    if rest:
        terms.append((ONE, engine.normal(log(engine.product(ONE, rest, node.shape)))))
    result = engine.sum(terms, node.shape)
    facts = tuple(Known(POSITIVE, f) for f, _, _ in known if POSITIVE in f.op.facts(f) and len(known) + len(rest) > 1)
    return (result, LOGARITHMS.step(node, result, facts)) if result is not node else None


def of_product(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """The logarithm of a product over an axis as the sum of the logarithms."""
    (x,) = node.operands
    if x.op is not PROD:
        return None
    entries = positive_entries(x.operands[0])
    if entries is None:
        return None
    result = engine.normal(sum_(log(x.operands[0]), axis=reduced_axes(x)))
    return result, PRODUCT.step(node, result, entries)


def positive_entries(x: Expr) -> tuple[Known, ...] | None:
    """The facts by which no entry is 0 or less; a symbolic power is of what is positive. None for what is not known."""
    found = ranged(x, LEVELS)
    if found is not None and found.positive:
        return found.facts
    if x.op is POWER:
        return ()
    if x.op is not CONTRACT or summed(x) or x.attributes["coefficient"] <= 0:
        return None
    parts = [positive_entries(f) for f in x.operands]
    return None if None in parts else tuple(dict.fromkeys(k for part in parts for k in part or ()))


def stretched(engine: Engine, x: Expr, labels: Labels, node: Expr) -> Expr:
    return engine.product(ONE, [(engine.normal(x), labels, ONE)], node.shape)


def constants(engine: Engine, coefficient: Fraction, numbers: list[Factor], node: Expr) -> list[tuple[Fraction, Expr]]:
    """The logarithm of the numbers of a product: that of sqrt(2*pi) is log(2*pi)/2."""
    times = lcm(*(e.denominator for *_, e in numbers)) if numbers else 1
    powers = [(f, (), e * times) for f, _, e in numbers]
    number = rational_root(coefficient, Fraction(times))
    if number is None:
        return [(ONE, engine.normal(log(engine.product(coefficient, numbers, ()))))]
    if number == 1 and not powers:
        return []
    value = engine.product(number, powers, ())
    return [(Fraction(1, times), engine.product(ONE, [(engine.normal(log(value)), (), ONE)], node.shape))]


def picked(engine: Engine, node: Expr) -> tuple[Expr, Step] | None:
    """The logarithm of some entries of a softmax, through all of its logarithms: nothing vanishes."""
    (x,) = node.operands
    if x.op not in (SLICE, TAKE, TAKE_ALONG_AXIS) or x.operands[0].op is not SOFTMAX:
        return None
    whole_log = make(LOG_SOFTMAX, x.operands[0].operands, **x.operands[0].attributes)
    result = engine.normal(make(x.op, (whole_log, *x.operands[1:]), **x.attributes))
    return result, PICKED.step(node, result)


EXPONENTS = {"contract": (exponentials, powers), "log": (logarithm, picked, of_product)}
