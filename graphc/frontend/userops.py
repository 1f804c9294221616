"""Ops of the user's own: scalar formulas applied entry by entry, and Python functions of expressions."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from fractions import Fraction
from typing import Any, overload

import numpy as np
import sympy

from graphc.errors import FormulaError, NameConflictError, UnsupportedError
from graphc.frontend.derivatives import custom_rule, given_partials
from graphc.frontend.evaluation import usage
from graphc.frontend.lexicon import LONGEST_STRING
from graphc.frontend.numeric import numeric
from graphc.frontend.parse import parse
from graphc.frontend.scalars import partial
from graphc.frontend.sizes import SIZE_FUNCTIONS, as_size
from graphc.frontend.templates import arguments, entrywise, replay, stable
from graphc.ir.dims import as_dim
from graphc.ir.expr import Expr, make, topological
from graphc.ir.op import Op, register, registry
from graphc.ops.arguments import shown, signature_of
from graphc.ops.arithmetic import broadcast
from graphc.ops.broadcasting import declared_at, one_shape
from graphc.ops.defined import defined
from graphc.ops.elementwise import apply, infer_float
from graphc.ops.leaves import as_expr, checked_name, exact, number, symbol
from graphc.ops.notation import functions

_given: dict[str, Any] = {}  # what each of the user's ops was made from: the same definition again is no conflict


def elementwise(name: str, formula: str | Callable[..., Any], /, derivative: Any = None) -> Callable[..., Expr]:
    """Define a function by a scalar formula, applied entry by entry.

    Parameters
    ----------
    name : str
        The name of the function, in Python and in formulas.
    formula : str
        A formula in the notation. Its names are the arguments, in the order in which they first appear. A function
        of NumPy arrays that acts entry by entry can stand here too; its derivative must be given, and emitted code
        holds its source.
    derivative : str, or sequence of str, optional
        A derivative to use instead of the formula's own, one formula for each argument, in the arguments and the
        function's value ``y``. It may differ on purpose: ``derivative="1"`` makes a straight-through estimator.
        `check_derivative` compares it with the derived one.

    Returns
    -------
    function
        Takes as many arrays as the formula has names, broadcasts them, and gives an array of their common shape.
        Its derivative is SymPy's unless one is given, written with the function's own value where that is shorter.

    Raises
    ------
    NameConflictError
        If the name is taken or no identifier. Names of graphc's own layers, losses and activations may be taken
        over: from then on formulas mean the new function.
    FormulaError, UnknownNameError
        If the formula cannot be read, has no names, or uses a function that does not act entry by entry.

    Examples
    --------
    >>> bent = elementwise("bent", "(sqrt(x**2 + 1) - 1)/2 + x")
    >>> print(bent(symbol("z", ("n",))))
    bent(z)
    """
    if not isinstance(name, str):
        raise UnsupportedError(f"elementwise needs a name, got {shown(name)}")
    definition = (formula, tuple(derivative) if isinstance(derivative, list) else derivative)
    if name in _given and isinstance(formula, str) and _given[name] == definition:
        return functions[name]
    _check_free(name)
    if not isinstance(formula, (str, Expr)) and callable(formula):
        record, names = numeric(name, formula, derivative)
        return _enter(record, definition, _entry_by_entry(record, names))
    variables = [symbol(v) for v in arguments(formula)]
    template = parse(formula, **{str(v.name): v for v in variables})
    for node in topological([template]):
        if not entrywise(node.op):
            raise FormulaError(f"{name}: {node.op.name} does not act entry by entry; use @gc.op for formulas of arrays")
    template = stable(template)
    output = symbol("_".join(["value", *(str(v.name) for v in variables)]))

    given = None if derivative is None else given_partials(name, derivative, variables, output)

    @functools.cache
    def partials() -> tuple[Expr, ...]:
        return given or tuple(partial(template, variables, v, output) for v in variables)

    def slopes(*operands: Expr) -> tuple[Expr | None, ...]:
        values = dict(zip([*variables, output], operands, strict=True))
        return tuple(broadcast(replay(p, values), operands[-1].shape) for p in partials())

    def vjp(node: Expr, g: Expr) -> tuple[Expr | None, ...]:
        return tuple(None if d is None else g * d for d in slopes(*node.operands, node))

    def body(node: Expr) -> Expr:
        return broadcast(replay(template, dict(zip(variables, node.operands, strict=True))), node.operands[0].shape)

    record = Op(
        name,
        infer_float,
        vjp=vjp,
        derivative=slopes,
        custom=None if given is None else vjp,
        formula=formula,
        body=body,
        conditions=one_shape,
        domain=((-2.0, 2.0),) * len(variables),
        summary=f"{formula.strip()}, entry by entry.",
    )
    return _enter(record, definition, _entry_by_entry(record, [str(v.name) for v in variables]))


@overload
def op(function: Callable[..., Any], /, *, vjp: Callable[..., Any] | None = None) -> Callable[..., Expr]: ...
@overload
def op(*, vjp: Callable[..., Any] | None = None) -> Callable[[Callable[..., Any]], Callable[..., Expr]]: ...


def op(function: Any = None, /, *, vjp: Callable[..., Any] | None = None) -> Any:
    """Define an op by a Python function of expressions: its body is the definition.

    Positional parameters are operands, keyword-only ones are attributes (numbers, sizes, texts, or tuples of them;
    decimals are exact, 0.1 is one tenth). The op keeps its name in graphs, formulas and pictures, and its gradient is
    derived from the body. Its shape is the body's, found at each call.

    Parameters
    ----------
    function : function of expressions
    vjp : function, optional
        A derivative rule to use instead of the body's: ``vjp(*operands, y, g, **options)`` gets the operands, the
        output and a cotangent of the output's shape, and gives the cotangent of each operand (None for a constant
        one). Options go to keyword-only parameters of their names. It may differ on purpose; `check_derivative`
        compares it with the derived one. A rule that is linear in the cotangent serves Jacobians too.

    Returns
    -------
    function
        Gives the node of the op; raises what the body raises. With options alone, as in ``@op(vjp=rule)``, a
        decorator.

    Raises
    ------
    NameConflictError
        If an op or a function of the notation has the name already; those of layers, losses and activations may be
        taken over, as in `elementwise`.
    UnsupportedError
        If the function has no operands or takes ``**`` options; at a call, for an attribute that is no constant.

    Examples
    --------
    >>> @op
    ... def rms_scaled(x, gain, *, axis=-1, eps=1e-6):
    ...     return gain * x / ((x * x).mean(axis=axis, keepdims=True) + eps) ** 0.5
    >>> print(rms_scaled(symbol("x", ("n", "d")), symbol("g", ("d",)), eps=0.01))
    rms_scaled(x, g, eps=0.01)
    >>> @op(vjp=lambda x, y, g, *, strength: -strength * g)
    ... def reversal(x, *, strength=1):
    ...     return x
    """
    if function is None:
        return functools.partial(op, vjp=vjp)
    if not callable(function) or isinstance(function, type) or not hasattr(function, "__name__"):
        raise UnsupportedError(f"op defines an op by a function of expressions, got {shown(function)}")
    name, signature = function.__name__, signature_of(function, "op")
    if name in _given and all(map(_same, _given[name], (function, vjp))):
        return functions[name]
    _check_free(name)
    kinds = {p.name: p.kind for p in signature.parameters.values()}
    options = [p for p in signature.parameters.values() if p.kind is p.KEYWORD_ONLY]
    positional = [p for p in signature.parameters.values() if p.kind not in (p.KEYWORD_ONLY, p.VAR_KEYWORD)]
    if inspect.Parameter.VAR_KEYWORD in kinds.values() or "name" in [p.name for p in options]:
        raise UnsupportedError(f"{name}: name each option of an op after *; ** options and `name` are not possible")
    if not positional:
        raise UnsupportedError(f"{name}: an op needs an operand; begin its parameters with an array such as x")
    defaults = {p.name: p.default if p.default is p.empty else attribute(name, p.name, p.default) for p in options}

    def body(node: Expr) -> Expr:
        result = function(*node.operands, **{key: node.attributes.get(key) for key in defaults})
        if result is None:
            raise UnsupportedError(f"the body of {name} returns nothing; end it with a return")
        return as_expr(result)

    record = defined(
        name,
        body,
        custom=None if vjp is None else custom_rule(name, vjp),
        defaults=defaults,
        domain=((-2.0, 2.0),) * len(positional),
        summary=inspect.getdoc(function) or "",
    )

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Expr:
        try:
            given = signature.bind(*args, **kwargs)
        except TypeError as error:
            raise UnsupportedError(f"{usage(name, signature)}: {error}{declared_at()}") from None
        given.apply_defaults()
        operands = list(given.args)
        while operands and operands[-1] is None:
            operands.pop()
        attributes = {key: attribute(name, key, value) for key, value in given.kwargs.items()}
        return make(record, tuple(as_expr(x) for x in operands), **attributes)

    return _enter(record, (function, vjp), call, registered=True)


def attribute(owner: str, key: str, value: Any) -> Any:
    """An option of an op as an exact constant that can be hashed, printed and read back."""
    if isinstance(value, Expr):
        known = as_size(value) if number(value) is None else number(value)
        value = value if known is None else known
    if isinstance(value, str) and (repr(value)[1:-1] != value or len(value) > LONGEST_STRING):
        raise UnsupportedError(
            f"{owner}: {key}={value!r}: a text is short and has no quotes, backslashes or line breaks"
        )
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, (np.bool_, np.integer)):
        return value.item()
    if isinstance(value, sympy.Rational):
        return Fraction(int(value.p), int(value.q))
    if isinstance(value, sympy.Expr):
        return as_dim(value)
    if isinstance(value, (tuple, list)):
        return tuple(attribute(owner, key, v) for v in value)
    try:
        return exact(value)
    except UnsupportedError:
        reason = "options are numbers, sizes, texts or tuples of them; make an array a positional parameter"
        raise UnsupportedError(f"{owner}: {key}={value!r}: {reason}") from None


def _check_free(name: str) -> None:
    """The name is new, or that of a layer, loss or activation of graphc, whose place a user's op may take."""
    checked_name(name)
    function = functions.get(name)
    present = registry.get(name) or registry.get(getattr(function, "__name__", ""))
    taken = not present.replaceable if present is not None else function is not None
    if taken or name in SIZE_FUNCTIONS or name == "pi":
        raise NameConflictError(f"{name} is a function or op of graphc already; choose another name")


def _enter(record: Op, source: Any, function: Callable[..., Expr], registered: bool = False) -> Callable[..., Expr]:
    if not registered:
        register(record)
    functions[record.name] = function
    _given[record.name] = source
    return function


def _entry_by_entry(record: Op, names: list[str]) -> Callable[..., Expr]:
    parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in names]
    signature = inspect.Signature(parameters)

    def function(*arrays: Any) -> Expr:
        if len(arrays) != len(names):
            listed = ", ".join(names)
            raise UnsupportedError(f"{record.name}({listed}) takes {len(names)} arrays, got {len(arrays)}")
        return apply(record, arrays)

    function.__name__ = function.__qualname__ = record.name
    function.__doc__ = f"{record.summary[:1].upper()}{record.summary[1:]}"
    function.__signature__ = signature  # type: ignore[attr-defined]
    return function


def _same(a: Any, b: Any) -> bool:
    """Whether two functions were compiled from the same lines, as when a notebook cell runs again."""
    if not (inspect.isfunction(a) and inspect.isfunction(b)):
        return a is b
    plain = a.__closure__ is None and b.__closure__ is None
    return (
        plain and a.__code__ == b.__code__ and (a.__defaults__, a.__kwdefaults__) == (b.__defaults__, b.__kwdefaults__)
    )
