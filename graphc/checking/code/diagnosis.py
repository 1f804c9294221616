"""What is wrong with a gradient of code, found from numbers alone and verified at every point."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from graphc.checking.case import Diagnosis
from graphc.checking.code.judged import Sample
from graphc.checking.kinds import Kind

MOST = 24  # the largest denominator of a constant factor
CLOSE = 1e-4  # how well factors at different points must agree before they are tried


class Change(NamedTuple):
    """A mistake undone: its kind, a sentence, the assignment made right, and the changed array at every point."""

    kind: Kind
    sentence: str
    repair: str
    arrays: list[Any]


class Quantity(NamedTuple):
    """A number that the points have: its text, how simple that is, whether it is made of sizes, and its values."""

    text: str
    cost: int
    size: bool
    values: list[float]


def explain(name: str, samples: Sequence[Sample]) -> Diagnosis | None:
    """The first change of the returned arrays that makes them right at every point."""
    comparisons = [s.comparisons[name] for s in samples]
    for change in changes(name, samples):
        if all(replace(c, claim=array).right for c, array in zip(comparisons, change.arrays, strict=True)):
            return Diagnosis(change.kind, change.sentence, change.repair)
    return None


def changes(name: str, samples: Sequence[Sample]) -> Iterator[Change]:
    """Candidates, the likeliest first."""
    claims = [np.asarray(s.comparisons[name].claim, dtype=float) for s in samples]
    if not all(np.all(np.isfinite(c)) for c in claims):
        return
    shapes = [s.comparisons[name].shape for s in samples]
    d = f"d{name}"
    yield Change(Kind.TRANSPOSE, "it is the transpose of the gradient", f"{d}.T", [c.T for c in claims])
    if all(c.size == np.prod(shape) for c, shape in zip(claims, shapes, strict=True)):
        fitted = [c.reshape(shape) for c, shape in zip(claims, shapes, strict=True)]
        yield Change(Kind.SHAPE, "the entries are right, but the shape is not", f"{d}.reshape({name}.shape)", fitted)
    yield from sums(d, claims, shapes)
    yield from exchanged(name, claims, samples)
    if any(not s.comparisons[name].fits for s in samples):
        return
    yield Change(Kind.SIGN, "the sign is wrong", f"-{d}", [-c for c in claims])
    for found in (reordered, factors, masks, products, terms):
        yield from found(name, claims, samples)


def sums(d: str, claims: Sequence[Any], shapes: Sequence[tuple[int, ...]]) -> Iterator[Change]:
    """Sums and means that are missing, where an axis too many tells."""
    ndim = claims[0].ndim
    for axes in (a for count in range(1, ndim + 1) for a in itertools.combinations(range(ndim), count)):
        shown = axes[0] if len(axes) == 1 else axes
        for how, reduce in (("sum", np.sum), ("mean", np.mean)):
            reduced = [reduce(c, axis=axes) for c in claims]
            if all(r.size == np.prod(shape) for r, shape in zip(reduced, shapes, strict=True)):
                sentence = f"the {how} over {'axis' if len(axes) == 1 else 'axes'} {shown} is missing"
                fitted = [r.reshape(shape) for r, shape in zip(reduced, shapes, strict=True)]
                yield Change(Kind.SUM, sentence, f"{d}.{how}(axis={shown})", fitted)


def reordered(name: str, claims: Sequence[Any], samples: Sequence[Sample]) -> Iterator[Change]:
    """Axes that are exchanged or run backwards."""
    ndim = claims[0].ndim
    for order in itertools.permutations(range(ndim)):
        moved = [np.transpose(c, order) for c in claims]
        if list(order) != sorted(order) and all(m.shape == c.shape for m, c in zip(moved, claims, strict=True)):
            yield Change(Kind.TRANSPOSE, f"its axes must be reordered to {order}", f"d{name}.transpose{order}", moved)
    for axes in (a for count in range(1, ndim + 1) for a in itertools.combinations(range(ndim), count)):
        sentence = f"it runs backwards along {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
        flipped = [np.flip(c, axes) for c in claims]
        yield Change(Kind.ORDER, sentence, f"np.flip(d{name}, {axes if len(axes) > 1 else axes[0]})", flipped)


def factors(name: str, claims: Sequence[Any], samples: Sequence[Sample]) -> Iterator[Change]:
    """Constant factors, and factors made of sizes and of scalar inputs, the simplest first."""
    ratios = [projection(s, name, c, s.comparisons[name].slopes.values) for s, c in zip(samples, claims, strict=True)]
    for constant, quantity in simplest(ratios, samples):
        kind = Kind.CHAIN if quantity.text and not quantity.size else Kind.CONSTANT
        text = multiplied(constant, quantity.text)
        values = [float(constant) * v for v in quantity.values]
        arrays = [c * v for c, v in zip(claims, values, strict=True)]
        yield Change(kind, f"the factor {text} is missing", f"d{name}*{text}", arrays)


def terms(name: str, claims: Sequence[Any], samples: Sequence[Sample]) -> Iterator[Change]:
    """A multiple of an input that is missing or too much, as with weight decay."""
    for other, value in samples[0].point.values.items():
        same = isinstance(value, np.ndarray) and value.dtype.kind == "f"
        inputs = [s.point.values[other] for s in samples]
        if not same or any(np.shape(x) != c.shape for x, c in zip(inputs, claims, strict=True)):
            continue
        gaps = [
            s.comparisons[name].slopes.values - c.reshape(-1)[s.comparisons[name].places]
            for s, c in zip(samples, claims, strict=True)
        ]
        ratios = [projection(s, name, x, gap) for s, x, gap in zip(samples, inputs, gaps, strict=True)]
        for constant, quantity in simplest(ratios, samples):
            term = f"{multiplied(abs(constant), quantity.text)}*{other}".removeprefix("1*")
            arrays = [c + float(constant) * v * x for c, v, x in zip(claims, quantity.values, inputs, strict=True)]
            if constant > 0:
                yield Change(Kind.TERM, f"the term {term} is missing", f"d{name} + {term}", arrays)
            else:
                yield Change(Kind.TERM, f"the term {term} does not belong here", f"d{name} - {term}", arrays)


def projection(sample: Sample, name: str, array: Any, target: Any) -> float:
    """The multiple of the compared entries of `array` that is nearest to `target`; NaN for an array of zeros."""
    x = np.asarray(array).reshape(-1)[sample.comparisons[name].places]
    weight = float(x @ x)
    return float(x @ target) / weight if weight else np.nan


def simplest(ratios: Sequence[float], samples: Sequence[Sample]) -> list[tuple[Fraction, Quantity]]:
    """Ways to write numbers, one for each point, as a constant times a quantity; the simplest first."""
    found = []
    for quantity in quantities(samples):
        rests = np.array(ratios) / np.array(quantity.values)
        if not np.all(np.isfinite(rests)) or not np.allclose(rests, rests[0], rtol=CLOSE, atol=0):
            continue
        constant = Fraction(float(rests[0])).limit_denominator(MOST)
        if constant != 0 and abs(float(constant) - rests[0]) <= CLOSE * abs(rests[0]):
            cost = quantity.cost + abs(constant.numerator) + constant.denominator - 2 + (constant < 0)
            found.append((cost, constant, quantity))
    return [(constant, quantity) for _, constant, quantity in sorted(found, key=lambda item: item[0])]


def multiplied(constant: Fraction, text: str) -> str:
    """The text of a constant times a quantity, such as ``2``, ``(1/n)`` or ``(-2/n)``."""
    if not text:
        return str(constant) if constant.denominator == 1 and constant > 0 else f"({constant})"
    if constant == 1:
        return f"({text})" if "/" in text else text
    return f"({constant}{text[1:]})" if text.startswith("1/") else f"{constant}*{text}"


def quantities(samples: Sequence[Sample]) -> list[Quantity]:
    """Nothing, then sizes, scalar inputs, their inverses, products and quotients of two."""
    single = {**sizes_of(samples), **scalars_of(samples)}
    sizes = sizes_of(samples).keys()
    found = [Quantity("", 0, size=False, values=[1.0] * len(samples))]
    for a, x in single.items():
        found.append(Quantity(a, 1, a in sizes, x))
        found.append(Quantity(f"1/{a}", 1, a in sizes, [1 / v if v else np.nan for v in x]))
        if a in sizes:
            found.append(Quantity(f"sqrt({a})", 2, size=True, values=list(np.sqrt(x))))
            found.append(Quantity(f"1/sqrt({a})", 2, size=True, values=list(1 / np.sqrt(x))))
    for (a, x), (b, y) in itertools.combinations(single.items(), 2):
        pairs = list(zip(x, y, strict=True))
        size = a in sizes or b in sizes
        found.append(Quantity(f"{a}*{b}", 3, size, [u * v for u, v in pairs]))
        found.append(Quantity(f"1/({a}*{b})", 3, size, [1 / (u * v) if u * v else np.nan for u, v in pairs]))
        found.append(Quantity(f"{a}/{b}", 3, size, [u / v if v else np.nan for u, v in pairs]))
        found.append(Quantity(f"{b}/{a}", 3, size, [v / u if u else np.nan for u, v in pairs]))
    return found


def sizes_of(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """The sizes in play at every point; those of given arrays as ``X.shape[0]``."""
    if samples[0].point.sizes:
        return {name: [float(s.point.sizes[name]) for s in samples] for name in samples[0].point.sizes}
    arrays = {k: v for k, v in samples[0].point.values.items() if isinstance(v, np.ndarray)}
    return {
        f"{name}.shape[{axis}]": [float(np.shape(s.point.values[name])[axis]) for s in samples]
        for name, value in arrays.items()
        for axis, size in enumerate(value.shape)
        if size > 1
    }


def scalars_of(samples: Sequence[Sample]) -> dict[str, list[float]]:
    """The inputs that are numbers, at every point."""
    numbers = {
        name: [float(s.point.values[name]) for s in samples]
        for name, value in samples[0].point.values.items()
        if isinstance(value, (int, float, np.ndarray)) and not isinstance(value, bool) and np.ndim(value) == 0
    }
    return {name: values for name, values in numbers.items() if all(np.isfinite(values))}


def masks(name: str, claims: Sequence[Any], samples: Sequence[Sample]) -> Iterator[Change]:
    """Entries that must be 0, all others being right."""
    zeros = [np.abs(s.comparisons[name].answer) <= 1e-9 for s in samples]
    if any(z.any() for z in zeros) and not all(z.all() for z in zeros):
        masked = [np.where(z, 0.0, c) for z, c in zip(zeros, claims, strict=True)]
        yield Change(Kind.MASK, "entries that must be 0 are not: a mask is missing", f"d{name}*mask", masked)


def exchanged(name: str, claims: Sequence[Any], samples: Sequence[Sample]) -> Iterator[Change]:
    """The gradient by another input in its place."""
    for other in samples[0].comparisons:
        if other != name:
            arrays = [np.asarray(s.comparisons[other].claim) for s in samples]
            yield Change(Kind.VARIABLE, f"the gradients by {name} and {other} are exchanged", f"d{other}", arrays)


def products(name: str, claims: Sequence[Any], samples: Sequence[Sample]) -> Iterator[Change]:
    """An array in play that is missing as a factor, or too much: the incoming gradient, an input, an output."""
    for text, arrays in arrays_of(samples).items():
        if any(np.shape(a) != c.shape for a, c in zip(arrays, claims, strict=True)):
            continue
        times = [c * a for a, c in zip(arrays, claims, strict=True)]
        yield Change(Kind.CHAIN, f"the factor {text} is missing", f"d{name}*{text}", times)
        with np.errstate(all="ignore"):
            over = [c / a for a, c in zip(arrays, claims, strict=True)]
        yield Change(Kind.FACTOR, f"the factor {text} does not belong here", f"d{name}/{text}", over)


def arrays_of(samples: Sequence[Sample]) -> dict[str, list[Any]]:
    """The arrays in play at every point, by what they are called."""
    first = samples[0]
    found = {label("dout", i, first.incoming): [s.incoming[i] for s in samples] for i in range(len(first.incoming))}
    for name, value in first.point.values.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            found[name] = [s.point.values[name] for s in samples]
    outputs = range(len(first.run.outputs))
    return found | {label("out", i, outputs): [s.run.outputs[i] for s in samples] for i in outputs}


def label(name: str, i: int, every: Sequence[Any]) -> str:
    return name if len(every) == 1 else f"{name}{i}"
