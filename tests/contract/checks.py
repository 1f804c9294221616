"""The contract as functions: each takes an example and fails where graphc is wrong about it."""

from __future__ import annotations

import ast
import functools
import math
import re
import warnings
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import autograd
import autograd.numpy
import numpy as np
import pytest
from cases import Case
from drawing import direction, drawn, sizes_for
from references import AUTOGRAD, KINKED, NUMPY, UNKNOWN_TO_AUTOGRAD, called, run
from slopes import STEP, NoDerivative, complex_slope, slopes

import graphc as gc
from graphc.ir.dims import bind, dim_names
from graphc.ir.expr import Expr
from graphc.ops.defined import body_of

TRIES = 6


@dataclass(frozen=True)
class Point:
    """Where an example is looked at: its arrays and sizes, and the value that NumPy gives."""

    case: Case
    sizes: dict[str, int]
    arrays: dict[str, Any]
    rng: np.random.Generator

    @property
    def values(self) -> dict[str, Any]:
        return self.sizes | self.arrays

    def reference(self) -> Any:
        with np.errstate(all="ignore"):
            return np.asarray(run(self.case.text, self.values, NUMPY))

    def moving(self) -> Callable[[dict[str, Any]], Any]:
        """The reference as a function of arrays; what stop_gradient holds stays as it is here."""
        held: list[Any] = []
        run(self.case.text, self.values, NUMPY | {"stop_gradient": lambda x: held.append(x) or x})

        def moved(arrays: dict[str, Any]) -> Any:
            again = iter(held)
            with np.errstate(all="ignore"):
                return np.asarray(
                    run(self.case.text, self.values | arrays, NUMPY | {"stop_gradient": lambda x: next(again)})
                )

        return moved


def point(case: Case, seed: int = 0, sizes: dict[str, int] | None = None) -> Point:
    """Arrays for the inputs of `case`, the same in every run."""
    rng = np.random.default_rng([seed, zlib.crc32(case.text.encode())])
    bound = sizes_for([case.node, *case.inputs], sizes)
    bound |= {name: sizes_for([], None).get(name, bound.get(name, 3)) for name in _plain_sizes(case)}
    shapes = [bind(d, bound) for s in case.inputs for d in s.shape]
    least = min([*shapes, *bound.values()], default=1)
    arrays = {str(s.name): drawn(s, bound, rng, case.domain(s), least) for s in case.inputs}
    return Point(case, bound, arrays, rng)


def _plain_sizes(case: Case) -> set[str]:
    return {str(v) for v in case.names.values() if getattr(v, "is_Symbol", False)}


def same(found: Any, expected: Any, rtol: float = 1e-9, atol: float = 1e-11, what: str = "") -> None:
    """Equal shapes, and entries as near as the largest of them allows."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, expected {expected.shape}"
    finite = np.abs(expected[np.isfinite(expected)].astype(float))
    scale = max(1.0, float(np.max(finite, initial=0.0)))
    np.testing.assert_allclose(found, expected, rtol=rtol, atol=atol * scale, err_msg=what)


# -- values --------------------------------------------------------------------------------------------------------


def check_value(case: Case, seed: int = 0, sizes: dict[str, int] | None = None) -> None:
    """The value is NumPy's, in both dtypes; a defined op is its body."""
    at = point(case, seed, sizes)
    expected = at.reference()
    with np.errstate(all="ignore"):
        found = gc.evaluate(case.node, at.values)
        same(found, expected, what=str(case))
        assert found.dtype == case.node.dtype
        assert found.shape == declared_shape(case, at), f"{case} is declared as {case.node.shape}"
        if case.node.op.body is not None:
            same(gc.evaluate(body_of(case.node), at.values), expected, what=f"the body of {case}")
        same(gc.evaluate(gc.simplify(case.node), at.values), expected, what=f"{case}, simplified")
        check_single(case, at, expected)


def declared_shape(case: Case, at: Point) -> tuple[int, ...]:
    return tuple(bind(d, at.sizes) for d in case.node.shape)


def check_single(case: Case, at: Point, expected: Any) -> None:
    """float32 arrays give a float32 result, near the one of float64."""
    if not case.variables:
        return
    single = {name: x.astype(np.float32) if x.dtype == np.float64 else x for name, x in at.arrays.items()}
    found = gc.evaluate(case.node, at.sizes | single)
    wanted = np.dtype(np.float32) if case.node.dtype == "float64" else np.dtype(case.node.dtype)
    assert found.dtype == wanted, f"{case}: {found.dtype} from float32"
    if wanted.kind == "f":
        same(found, expected, 2e-3, 2e-4, f"{case} in float32")


def divided_below_zero(case: Case, at: Point) -> bool:
    """Whether ddof leaves fewer than no entries to divide by: NumPy warns that there are no degrees of freedom."""
    ddof = case.node.attributes.get("ddof", 0)
    counts = [bind(case.node.operands[0].shape[a], at.sizes) for a in case.node.attributes["axis"]] if ddof else []
    return bool(ddof) and math.prod(counts) < ddof


def check_sizes(case: Case, sizes: dict[str, int]) -> bool:
    """Sizes 0 and 1 give what they give in NumPy; returns False where neither can be computed.

    A size below 0, such as n - 1 in ``x[1:]`` of no entries, is refused in words.
    """
    at = point(case, 1, sizes)
    try:
        expected = at.reference()
    except (ValueError, ZeroDivisionError, IndexError, np.linalg.LinAlgError) as refused:
        try:
            gc.evaluate(case.node, at.values)
        except (gc.GraphcError, ValueError, np.linalg.LinAlgError):
            return False
        raise AssertionError(f"{case} with {sizes} has a value, but NumPy says: {refused}") from refused
    if any(d < 0 for d in declared_shape(case, at)) or divided_below_zero(case, at):
        with pytest.raises(gc.ShapeError, match="must be at least"):
            gc.evaluate(case.node, at.values)
        return False
    with np.errstate(all="ignore"):
        found = gc.evaluate(case.node, at.values)
        same(found, expected, what=f"{case} with {sizes}")
        assert found.shape == declared_shape(case, at), f"{case} with {sizes}"
        for x, part in zip(case.variables, case.pulled, strict=True):
            back = gc.evaluate(part, at.values | {"G_": np.ones(expected.shape)})
            assert back.shape == at.arrays[str(x.name)].shape, f"the gradient of {case} by {x.name} with {sizes}"
    return True


# -- derivatives ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Derivatives:
    """The derivatives of an example, as expressions and by differences of its reference, along one direction."""

    case: Case
    at: Point
    cotangent: Expr
    directions: list[Expr]
    more: dict[str, Any]
    moved: Callable[[float], Any]

    @property
    def values(self) -> dict[str, Any]:
        return self.at.values | self.more


def setting(case: Case, seed: int) -> Derivatives:
    at = point(case, seed)
    cotangent = gc.symbol("G_", case.node.shape)
    directions = [gc.symbol(f"{x.name}_", x.shape) for x in case.variables]
    more = {f"{x.name}_": direction(x, at.arrays[str(x.name)], at.rng) for x in case.variables}
    base = {str(x.name): at.arrays[str(x.name)] for x in case.variables}
    reference = at.moving()

    def moved(t: Any) -> Any:
        return reference({name: x + t * more[f"{name}_"] for name, x in base.items()})

    more["G_"] = at.rng.normal(size=at.reference().shape)
    return Derivatives(case, at, cotangent, directions, more, moved)


def smooth(case: Case, orders: int, power: int = 1) -> tuple[Derivatives, Any, list[Any]]:
    """A point without kinks nearby; the slopes of the value, and of the weighted sum of its power."""
    reasons: list[str] = []
    for seed in range(TRIES):
        found = setting(case, seed)
        try:
            (entries,) = slopes(found.moved, 1, STEP / (1 + seed))
            weighted = slopes(functools.partial(weighed, found, power), orders, STEP / (1 + seed))
        except NoDerivative as kink:
            reasons.append(str(kink))
        else:
            return found, entries, weighted
    raise AssertionError(f"{case}: no smooth point in {TRIES} tries: {reasons[-1]}")


def weighed(given: Derivatives, power: int, t: float) -> Any:
    return np.sum(given.more["G_"] * given.moved(t).astype(float) ** power)


def total(parts: list[Expr], given: Derivatives) -> Any:
    """The sum of the products of gradients and directions."""
    values = [gc.evaluate(part, given.values) for part in parts]
    along = [given.more[str(v.name)] for v in given.directions]
    return sum(np.sum(value * v) for value, v in zip(values, along, strict=True))


def check_first(case: Case) -> None:
    """JVP, VJP and Jacobian agree with differences of the reference, and with each other."""
    given, entries, (slope,) = smooth(case, 1)
    forward = gc.jvp(case.node, case.variables, given.directions)
    assert forward.shape == case.node.shape
    same(gc.evaluate(forward, given.values), entries, 1e-7, 1e-7, f"JVP of {case}")
    backward = gc.vjp(case.node, case.variables, given.cotangent)
    for x, part in zip(case.variables, backward, strict=True):
        assert part.shape == x.shape, f"the gradient of {case} by {x.name} has shape {part.shape}"
    same(total(backward, given), slope, 1e-7, 1e-7, f"VJP of {case}")


def check_to_the_last_digit(case: Case) -> bool:
    """The JVP against a complex step, the gradients against autograd; returns whether either knows the functions."""
    words = called(case.text)
    analytic = not (words & KINKED or re.search("[<>=]=|[<>]", case.text))
    given = setting(case, 0)
    if analytic:
        forward = gc.evaluate(gc.jvp(case.node, case.variables, given.directions), given.values)
        same(forward, complex_slope(given.moved), 1e-10, 1e-11, f"JVP of {case} against a complex step")
    if (words | {case.text}) & UNKNOWN_TO_AUTOGRAD:
        return analytic
    names = [str(x.name) for x in case.variables]

    def loss(*arrays: Any) -> Any:
        values = given.values | dict(zip(names, arrays, strict=True))
        return autograd.numpy.sum(given.more["G_"] * run(case.text, values, AUTOGRAD))

    with warnings.catch_warnings(action="ignore", category=UserWarning):  # "Output seems independent of input."
        expected = autograd.grad(loss, tuple(range(len(names))))(*(given.at.arrays[name] for name in names))
    for part, wanted in zip(gc.vjp(case.node, case.variables, given.cotangent), expected, strict=True):
        same(gc.evaluate(part, given.values), wanted, 1e-9, 1e-10, f"VJP of {case} against autograd")
    return True


def check_jacobian(case: Case, most: int = 4000) -> None:
    """A Jacobian has the shape of output and variable, and is the stack of the cotangents of the output's entries."""
    given, entries, _ = smooth(case, 1)
    pushed: Any = 0.0
    for x, v in zip(case.variables, given.directions, strict=True):
        jacobian = gc.jacobian(case.node, x)
        assert jacobian.shape == case.node.shape + x.shape
        along = given.more[str(v.name)]
        if entries.size * along.size > most:
            return
        pushed = pushed + np.tensordot(gc.evaluate(jacobian, given.values), along, x.ndim)
    same(pushed, entries, 1e-7, 1e-7, f"Jacobian of {case}")


def curved(case: Case, given: Derivatives, power: int) -> Expr:
    return gc.sum(given.cotangent * case.node**power)


def check_second(case: Case) -> None:
    """The second derivative of the weighted sum of squares along a direction, mixed blocks included."""
    given, _, slope = smooth(case, 2, power=2)
    loss = curved(case, given, 2)
    same(total(gc.grad(loss, case.variables), given), slope[0], 1e-7, 1e-7, f"gradient of squares of {case}")
    products = gc.hvp(loss, case.variables, given.directions)
    same(total(products, given), slope[1], 1e-5, 1e-6, f"HVP of {case}")


def check_hessian(case: Case, most: int = 600) -> None:
    """Each diagonal block of the Hessian is symmetric, and the HVP is its product with the direction."""
    given, _, _ = smooth(case, 1, power=2)
    loss = curved(case, given, 2)
    for x, v in zip(case.variables, given.directions, strict=True):
        hessian = gc.hessian(loss, x)
        assert hessian.shape == x.shape * 2
        along = given.more[str(v.name)]
        if along.size**2 > most:
            continue
        block = gc.evaluate(hessian, given.values)
        same(block, np.transpose(block, [*range(x.ndim, 2 * x.ndim), *range(x.ndim)]), 1e-7, 1e-8, f"Hessian of {case}")
        product = gc.evaluate(gc.hvp(loss, x, v), given.values)
        same(np.tensordot(block, along, x.ndim), product, 1e-7, 1e-8, f"Hessian of {case} by {x.name}")


def check_third(case: Case) -> None:
    """The third derivative along a direction, as the gradient of the gradient of the gradient."""
    given, _, slope = smooth(case, 3, power=3)
    loss = curved(case, given, 3)
    for _ in range(2):
        gradients = gc.grad(loss, case.variables)
        loss = sum((gc.sum(g * v) for g, v in zip(gradients, given.directions, strict=True)), start=gc.constant(0))
    same(total(gc.grad(loss, case.variables), given), slope[2], 1e-3, 1e-4, f"third derivative of {case}")


# -- text ----------------------------------------------------------------------------------------------------------


def derivatives_of(case: Case, second: bool = True) -> list[Expr]:
    """The example, its gradients and, if asked for, its Hessian-vector products."""
    found = [case.node, gc.simplify(case.node)]
    if case.variables:
        found += case.pulled
    if case.variables and second:
        cotangent = gc.symbol("G_", case.node.shape)
        squares = gc.sum(cotangent * case.node**2)
        found += gc.hvp(squares, case.variables, [gc.symbol(f"{x.name}_", x.shape) for x in case.variables])
    return found


def check_text(expr: Expr) -> None:
    """What is printed reads back as the identical node."""
    text = str(expr)
    again = gc.parse(text, **gc.names(expr))
    assert again is expr, f"{text} reads back as {again}"


def check_latex(expr: Expr) -> None:
    """LaTeX is there, its braces and growing brackets pair, and every environment ends."""
    text = gc.latex(expr)
    assert text.strip()
    plain = re.sub(r"\\[{}]", "", text)
    depth = 0
    for c in plain:
        depth += {"{": 1, "}": -1}.get(c, 0)
        assert depth >= 0, text
    assert depth == 0, text
    assert len(re.findall(r"\\left(?![a-z])", text)) == len(re.findall(r"\\right(?![a-z])", text)), text
    assert re.findall(r"\\begin\{(\w+\*?)\}", text) == re.findall(r"\\end\{(\w+\*?)\}", text)[::-1] or "\\begin" in text


# -- code ----------------------------------------------------------------------------------------------------------


def imported(source: str) -> set[str]:
    """The packages that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


def check_code(case: Case, style: str, sizes: dict[str, int] | None = None) -> None:
    """The emitted module imports NumPy alone, runs by itself, and gives what `evaluate` gives, in both dtypes."""
    at = point(case, 2, sizes)
    outputs: list[Expr] = [case.node]
    values, inputs = dict(at.values), list(case.inputs)
    if case.variables:
        cotangent = gc.symbol("G_", case.node.shape)
        values["G_"] = at.rng.normal(size=at.reference().shape)
        outputs += gc.vjp(case.node, case.variables, cotangent)
        inputs.append(cotangent)
    loose = sorted(at.sizes.keys() - set().union(*(dim_names(x.shape) for x in inputs)))
    inputs.append(gc.symbol("sizes_", tuple(loose)))
    values["sizes_"] = np.zeros([at.sizes[name] for name in loose])
    expected = [gc.evaluate(e, values) for e in outputs]
    source = gc.emit({f"out{i}": e for i, e in enumerate(outputs)}, inputs, style=style)
    assert imported(source) == {"numpy"}
    for dtype in (np.float64, np.float32):
        space: dict[str, Any] = {"__name__": "emitted"}
        exec(compile(source, f"<{style}: {case}>", "exec"), space)
        arrays = [np.asarray(values[str(s.name)]) for s in inputs]
        arrays = [x.astype(dtype) if x.dtype.kind == "f" else x for x in arrays]
        for _ in range(2):
            found = space["step"](*(x.copy() for x in arrays))
            found = found if isinstance(found, (tuple, list)) else (found,)
            for value, wanted in zip(found, expected, strict=True):
                check_output(case, np.asarray(value), wanted, np.dtype(dtype))


def check_output(case: Case, value: Any, wanted: Any, dtype: Any) -> None:
    if case.variables and wanted.dtype.kind == "f":
        assert value.dtype == dtype, f"{case}: code gives {value.dtype} from {dtype}"
    if dtype == np.float64:
        same(value, wanted, what=f"code of {case}")
    elif wanted.dtype.kind == "f":
        same(value, wanted, 5e-3, 5e-4, f"code of {case} in float32")
