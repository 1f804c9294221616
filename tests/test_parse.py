"""Formulas: what is printed reads back, what is wrong is explained, and what is hostile ends."""

from __future__ import annotations

import random
import string
from fractions import Fraction
from typing import Any

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc as gc
from graphc.errors import FormulaError, GraphcError, NameConflictError, ShapeError, UnknownNameError, UnsupportedError
from graphc.frontend import evaluation
from graphc.frontend.lexicon import CHARACTERS, KEYWORDS, OPERATORS
from graphc.ir.expr import Expr
from graphc.ops.leaves import as_expr, constant, parameter, pi, symbol
from graphc.ops.notation import functions

n, m, h = gc.dims("n m h")
DIMS = [n, m, 1, 2, 3, 2 * n, n + 1, (h - n) // 2 + 1, n * m, h - m, n * (n - 1) / 2]
SHAPES: dict[str, Any] = {
    "x": ("n",),
    "y": ("n",),
    "t": ("m",),
    "W": ("m", "n"),
    "A": ("n", "n"),
    "c": ("n", 1),
    "s": (),
}


class Tape:
    """Choices read from a list of integers, so that hypothesis can shrink what they lead to."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = numbers[::-1]

    def choose(self, options: Any) -> Any:
        return options[self.numbers.pop() % len(options)] if self.numbers else options[0]

    def shape(self) -> tuple[Any, ...]:
        return tuple(self.choose([n, m, 1, n, 2, *DIMS]) for _ in range(self.choose([1, 0, 2, 2, 1, 3])))


def leaves(tape: Tape) -> list[Expr]:
    number = tape.choose([2, 0, 1, -1, 0.1, Fraction(1, 3), Fraction(-7, 16), 1e-5, 10**20, Fraction(1, 10**30)])
    size = tape.choose([n, n * m, h - m, n + 1, n / 2, 3 - n, -n, n * (n - 1) / 2, -(h - m) * (n + 1)])
    dtypes = ["float64", "int64", "bool", "float32"]
    return [
        *(symbol(name, tape.shape(), dtype=tape.choose(dtypes)) for name in "abcd"),
        *(symbol("x", (n,)), symbol("S", (n, n)), parameter("W", (n, m))),
        *(constant(number), as_expr(size), pi, constant([[1, Fraction(1, 3)], [-2, 0.5]]), constant([1, 2, 3])),
    ]


def index_key(tape: Tape, a: Expr) -> tuple[Any, ...]:
    key: list[Any] = []
    for d in a.shape:
        key += [None] * tape.choose([0, 0, 1])
        key.append(0 if d == 1 and tape.choose([True, False]) else slice(None))
    return tuple(key)


def contraction(tape: Tape, pool: list[Expr]) -> Expr:
    operands = [tape.choose(pool) for _ in range(tape.choose([2, 1, 3]))]
    terms = ["".join(tape.choose("ijkl") for _ in range(o.ndim)) for o in operands]
    used = sorted(set("".join(terms)))
    output = "".join(used[:: tape.choose([1, -1])][: tape.choose([0, 1, 2, 3])])
    return functions["einsum"](f"{','.join(terms)}->{output}", *operands)


def built(tape: Tape, pool: list[Expr]) -> Expr:
    """One construction over the pool; raises a GraphcError where the operands do not fit."""
    a, b, c = (tape.choose(pool) for _ in range(3))
    axis = tape.choose([None, 0, -1, 1, (0, 1)])
    number = tape.choose([2, 3, -1, -2, 0, 1, 0.5, Fraction(1, 3), 1024, 2000, n, n + 1, h - n, n / 2, pi])
    shape = tape.shape()
    makers = [
        *(lambda: a + b, lambda: a - b, lambda: a * b, lambda: a / b, lambda: a @ b, lambda: -a, lambda: a.T),
        *(
            lambda: a**number,
            lambda: a**b,
            lambda: number**a,
            lambda: a * number,
            lambda: number - a,
            lambda: number / a,
        ),
        *(lambda: a / number, lambda: a + number, lambda: a > b, lambda: a <= number, lambda: functions["equal"](a, b)),
        *(
            lambda: functions["not_equal"](number, b),
            lambda: functions["where"](a, b, c),
            lambda: functions["where"](a > number, b, number),
        ),
        lambda: functions[tape.choose(["sum", "mean", "max", "min", "norm", "logsumexp"])](
            a, axis=axis, keepdims=tape.choose([False, True])
        ),
        lambda: functions[tape.choose(["softmax", "log_softmax"])](a, axis=tape.choose([-1, 0])),
        lambda: functions[tape.choose(["exp", "log", "tanh", "sigmoid", "relu", "abs", "sign", "sqrt", "softplus"])](a),
        lambda: functions[tape.choose(["maximum", "minimum", "cross_entropy", "mse", "outer", "dense"])](a, b),
        *(
            lambda: functions["dense"](a, b, c),
            lambda: functions[tape.choose(["trace", "diag"])](a),
            lambda: contraction(tape, pool),
        ),
        *(
            lambda: a[index_key(tape, a)],
            lambda: functions["transpose"](a, tuple(range(1, a.ndim)) + (0,) * (a.ndim > 0)),
        ),
        *(lambda: functions["broadcast_to"](a, shape + a.shape), lambda: functions["broadcast_to"](number, shape)),
        *(
            lambda: functions["broadcast_to"](a, b.shape) + b,
            lambda: functions["broadcast_to"](a, b.shape) ** functions["broadcast_to"](c, b.shape),
        ),
        *(
            lambda: functions["reshape"](a, (-1,)),
            lambda: functions["reshape"](a, (2, -1)),
            lambda: functions["ones"](*shape),
        ),
        *(
            lambda: functions["eye"](tape.choose(DIMS)),
            lambda: a.named(f"p{a.digest}"),
            lambda: a.named(f"_r{a.digest}"),
        ),
    ]
    return as_expr(tape.choose(makers)())


def reads_back(expr: Expr) -> bool:
    return gc.parse(str(expr), **gc.names(expr)) is expr


SIZES = st.recursive(
    st.sampled_from([n, m, h, sympy.Integer(2), sympy.Integer(3)]),
    lambda part: st.one_of(
        st.builds(lambda a, b: a + b, part, part),
        st.builds(lambda a, b: a - b, part, part),
        st.builds(lambda a, b: a * b, part, part),
        st.builds(lambda a, b: -a * b, part, part),
        st.builds(lambda a: a if a.is_number else a // 2, part),
    ),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(SIZES)
def test_sizes_read_back_as_numbers_and_in_shapes(size: sympy.Expr) -> None:
    """SymPy keeps ``-(a - b)*(n + 1)`` and ``(b - a)*(n + 1)`` apart, beside other terms too."""
    assert reads_back(as_expr(size))
    assert reads_back(functions["ones"](size + 9 if not size.is_number else 9))


@settings(max_examples=250, deadline=None)
@given(st.lists(st.integers(0, 999), min_size=20, max_size=120))
def test_what_is_printed_reads_back(numbers: list[int]) -> None:
    tape = Tape(numbers)
    pool = leaves(tape)
    while tape.numbers:
        try:
            made = built(tape, pool)
        except GraphcError:
            continue
        pool += [made, made]
        assert reads_back(made), str(made)


def test_long_expressions_read_back_as_listings() -> None:
    random_numbers = random.Random(5)
    tape = Tape([random_numbers.randrange(999) for _ in range(2500)])
    pool = leaves(tape)
    while tape.numbers:
        try:
            pool.append(built(tape, pool[-12:]))
        except GraphcError:
            pool.append(random_numbers.choice(pool))
    long = [e for e in pool if "\n" in str(e)]
    assert len(long) > 20
    assert all(reads_back(e) for e in long)


def test_gradients_read_back() -> None:
    X, T = symbol("X", (n, m)), symbol("T", (n, h), facts=["one_hot"])
    W, b = parameter("W", (m, h)), parameter("b", (h,))
    p = gc.softmax(gc.tanh(X @ W + b)).named("p")
    loss = gc.mean(gc.cross_entropy(p, T)) + gc.sum(W**2) / 2
    for e in (*gc.grad(loss, [W, b, X]), gc.grad(gc.sum(gc.grad(loss, b) ** 2), b), gc.simplify(loss)):
        assert reads_back(e), str(e)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(["+", "-", "*", "/", "**", "<", ">", "<=", ">=", "-", "-", "(", "(", ")"]), max_size=14)
)
def test_precedence_is_pythons(words: list[str]) -> None:
    """A random row of operators, made a formula by putting in names, means what Python takes it for."""
    text, opened, wants = "", 0, True
    for word in words:
        if word == "(" and wants:
            text, opened = text + "(", opened + 1
        elif word == ")" and not wants and opened:
            text, opened = text + ")", opened - 1
        elif word == "-" and wants:
            text += "-"
        elif word not in "()":
            text, wants = (text + "x" if wants else text) + f" {word} ", True
        if wants and len(text) % 3 == 0:
            text, wants = text + "abc"[len(text) % 7 % 3], False
    text = text + ("a" if wants else "") + ")" * opened
    values = {name: symbol(name) for name in "abcx"}
    try:
        result = gc.parse(text, **values)
    except FormulaError as error:
        assert "chained" in str(error)
        return
    assert result is eval(text, {}, dict(values))


READ = [
    ("sum((W @ x - t)**2)/m", "sum((W @ x - t)**2)/m"),
    ("-x**2", "-x**2"),
    ("2**-s**2", "2**-s**2"),
    ("0.1*x + 1/3", "0.1*x + 1/3"),
    ("1_000 + 2.5e-1", "4001/4"),
    ("1/3 + 1/6", "0.5"),
    ("sum(A, 0)", "sum(A, axis=0)"),
    ("sum(A, axis=(0, 1),)", "sum(A)"),
    ("x[:, None] * y[None, :]", "x[:, None]*y[None, :]"),
    ("x[..., None]", "x[:, None]"),
    ("c[:, 0]", "c[:, 0]"),
    ("x.T.T + +y", "x + y"),
    ("[[1, 2], [3, 4]] @ [1, 2]", "[[1, 2], [3, 4]] @ [1, 2]"),
    ("ones(n, m) + zeros((n, m))", "ones(n, m) + 0"),
    ("reshape(A, (n*n,))", "reshape(A, (n**2,))"),
    ("reshape(A, n**2)", "reshape(A, (n**2,))"),
    ("eye(n*(n - 1)/2)", "eye(n*(n - 1)/2)"),
    (
        "broadcast_to(s, (floor(n/2) + 1, Max(n, m), Mod(n, 3)))",
        "broadcast_to(s, (floor(n/2) + 1, Max(m, n), Mod(n, 3)))",
    ),
    ("n//2 + n%2", "Mod(n, 2) + floor(n/2)"),
    ("-n + m + n", "m"),
    ("pi*s", "pi*s"),
    ("where(x > 0, x, 0)", "where(x > 0, x, 0)"),
    ("(x == y) + (x != 0)", "(x == y) + (x != 0)"),
    ("einsum('i,j->ij', x, t)", "outer(x, t)"),
    ('einsum("ij->ji", W)', "W.T"),
    ("# a comment\n\n  p = softmax(x)   # weights\n\nsum(p*log(p))\n", "sum(p*log(p))"),
    ("_1 = exp(x)\n_1/sum(_1)", "exp(x)/sum(exp(x))"),
    ("p = softmax(x)", "p = softmax(x)"),
    ("k = 3\nx**k", "x**3"),
    ("q = x", "x"),
    ("x + (y\n  - x)", "x + (y - x)"),
    ("exp(\n  x,  # the input\n)", "exp(x)"),
    ("x\r\n", "x"),
    ("svd(W)[1]", "svdvals(W)"),
    ("svd(W)[-1][0]", "svd_vt(W)[0]"),
    ("U, q, Vt = svd(W)\nU*q @ Vt", "U*q @ Vt"),
    ("(w, V) = eigh(A)\nV*w @ V.T", "V*w @ V.T"),
    ("_, q, _ = svd(W)\nsum(q)", "sum(q)"),
    ("both = eigh(A)\n_w, _V = both\n_w*both[0]", "eigvalsh(A)*eigvalsh(A)"),
    ("concat(split([1, 2, 3, 4]*s, 2))", "concat([([1, 2, 3, 4]*s)[:2], ([1, 2, 3, 4]*s)[2:]])"),
]


@pytest.mark.parametrize(("text", "shown"), READ)
def test_notation(text: str, shown: str) -> None:
    assert str(gc.parse(text, **SHAPES)) == shown


def test_names_are_declared_once_and_keep_what_they_are() -> None:
    x = symbol("x", (n,), facts=["positive"])
    e = gc.parse("sum(x*v)/n + N*k", x=x, v=("n",), N=m, k=0.5, unused=("q",))
    assert e is gc.sum(x * symbol("v", (n,))) / n + m * constant(0.5)
    assert gc.parse("a[0]", a=(1,)).shape == ()
    assert gc.parse("v + w", v=[1, 2], w=(2,)).shape == (2,)
    assert gc.parse("n", n=("n",)).shape == (n,)


def test_lines_name_intermediates() -> None:
    e = gc.parse("h = tanh(W @ x)\nsum(h**2)", **SHAPES)
    assert gc.names(e)["h"] is gc.tanh(symbol("W", (m, n)) @ symbol("x", (n,))).named("h")
    p = gc.softmax(symbol("x", (n,))).named("p")
    assert gc.parse("p = softmax(x)", x=("n",), p=p) is p
    assert gc.parse("p = softmax(x)\np*2", x=("n",), p=p) is p * 2


def test_a_symbol_may_be_called_as_a_function_is() -> None:
    values = {name: symbol(name, (n,)) for name in ("sum", "exp", "axis", "T", "text", "names", "x̂", "ñ_1")}
    for name, value in values.items():
        e = gc.exp(value) / gc.sum(value)
        assert gc.parse(str(e), **{name: value}) is e


def test_listing_names_keep_clear_of_the_users() -> None:
    e = symbol("_1", (n,))
    for _ in range(60):
        e = gc.tanh(e) * e
    assert "_2 = " in str(e)
    assert reads_back(e)
    assert reads_back(e.named("_3"))


ERRORS: list[tuple[str, type[GraphcError], str]] = [
    (
        "x^2",
        FormulaError,
        "^ is not in the notation: write ** for a power, as in x**2\n  line 1, column 2:\n    x^2\n     ^",
    ),
    ("A'", FormulaError, "A': write A.T for the transpose"),
    ("y = sum(x)\n  y + q", NameConflictError, "y is a name given to parse()"),
    ("z = sum(x)\n  z + q", UnknownNameError, "unknown name 'q'; known names:"),
    ("z = sum(x)\n  z + q", UnknownNameError, "  line 2, column 7:\n      z + q\n          ^"),
    ("sn(x)", UnknownNameError, "there is no function 'sn'; did you mean 'sin'?"),
    ("a + s", UnknownNameError, "unknown name 'a'; did you mean 'A'?"),
    ("x(2)", FormulaError, "x is not a function; to multiply, write x*(...)"),
    ("sum", FormulaError, "sum is a function: write sum(...)"),
    ("2x", FormulaError, "2x: write * between a number and a name, as in 2*x"),
    ("0x10", FormulaError, "write numbers in decimal"),
    ("1j", FormulaError, "complex numbers"),
    ("012", FormulaError, "a whole number does not begin with 0"),
    ("x y", FormulaError, "an operator is missing before y; write * for a product"),
    ("(x)(y)", FormulaError, "an operator is missing before (; write * for a product"),
    ("s < s < s", FormulaError, "comparisons cannot be chained: write (a < b) & (b < c)"),
    ("x.exp()", FormulaError, "exp cannot follow a dot; write exp(x) instead of x.exp()"),
    ("x.unsqueeze(0)", FormulaError, "unsqueeze cannot follow a dot; write expand_dims(x, axis)"),
    ("x.sum(axis=7)", ShapeError, "axis 7 is out of range"),
    ("x.clip(0)", FormulaError, ".clip(self, min, max): missing a required argument: 'max'"),
    ("x.__class__", FormulaError, "__class__ cannot follow a dot: there are .T, .shape, .size and NumPy's methods"),
    ("().__class__", FormulaError, "__class__ cannot follow a dot"),
    ("A.shape + 1", FormulaError, "one array is expected here, not the 2 arrays (n, n)"),
    ("np.load(x)", UnknownNameError, "there is no function 'load'"),
    ("np.linalg.foo(x)", UnknownNameError, "there is no function 'foo'"),
    ("np.exp", FormulaError, "exp is a function: write exp(...)"),
    ("np.__dict__", UnknownNameError, "there is no function '__dict__'"),
    ("ln(x)", UnknownNameError, "there is no function 'ln'; write log(x)"),
    ("tr(A)", UnknownNameError, "there is no function 'tr'; write trace(X)"),
    ("where(x > 0, x, -inf)", UnknownNameError, "masks are for masked_softmax and attention"),
    ("A^T", FormulaError, "^ is not in the notation: write ** for a power, as in x**2; the transpose is A.T"),
    ("A^-1", FormulaError, "the inverse of a matrix is inv(A)"),
    ("softmax(x, axis=0", FormulaError, "the bracket ( is not closed"),
    ("x[0", FormulaError, "the bracket [ is not closed"),
    ("(x]", FormulaError, "] does not belong here"),
    ("sum(x))", FormulaError, ") does not belong here"),
    ("x +", FormulaError, "the formula ends where a value is expected"),
    ("x + * y", FormulaError, "a value is expected here, not *"),
    ("", FormulaError, "the formula is empty"),
    ("# nothing", FormulaError, "the formula is empty"),
    ("x\ny", FormulaError, "only the last line can be a bare formula"),
    ("q = x\nq = y\nq", NameConflictError, "q is given already"),
    ("x = y", FormulaError, ""),
    ("svd(W) + 1", FormulaError, "not the 3 arrays (svd_u(W), svdvals(W), svd_vt(W)): pick one by its number, [0] to"),
    ("svd(W) + 1", FormulaError, "line 1, column 8:"),
    ("svd(W)", FormulaError, "or name them on a line of their own, as in a, b, c = f(x)"),
    ("U, s, Vt = svd(W)", FormulaError, "one array is expected here, not the 3 arrays"),
    ("svd(W)[3]", FormulaError, "one of the 3 arrays (svd_u(W), svdvals(W), svd_vt(W)) is picked by its number"),
    ("svd(W)[:, 0]", FormulaError, "what is picked from that array follows in brackets of its own"),
    ("sum(eigh(A))", UnsupportedError, "a list of 2 expressions is not one array"),
    ("U, s = svd(W)\ns", FormulaError, "U, s are 2 names for 3 arrays"),
    ("a, b = x\na", FormulaError, "a, b are 2 names for one array"),
    ("a, b = x", FormulaError, "a, b are 2 names for one array"),
    ("V, x, _ = svd(W)\nV", NameConflictError, "x is a name given to parse()"),
    ("V, n, _ = svd(W)\nV", NameConflictError, "n is a size"),
    ("V, V, _ = svd(W)\nV", NameConflictError, "V is given already"),
    ("n = sum(x)\nx/n", NameConflictError, "n is a size"),
    ("sum(x, axis=2)", ShapeError, "sum(x): axis 2 is out of range for an array with 1 axes"),
    ("W @ W", ShapeError, "the inner sizes differ"),
    ("W @ W", ShapeError, "  line 1, column 3:\n    W @ W\n      ^"),
    ("x[1:3/2]", UnsupportedError, "line 1, column 2"),
    ("x[1:2:3:4]", FormulaError, ": does not belong here"),
    ("x[]", FormulaError, "an index is missing"),
    ("sum(x, axi=0)", FormulaError, "sum(x, axis=None, keepdims=False): got an unexpected keyword argument 'axi'"),
    ("sum(x, axis=0, axis=0)", FormulaError, "axis= is given twice"),
    ("sum(axis=0, x)", FormulaError, "an argument without a name cannot follow one with a name"),
    ("sum(*x)", FormulaError, "write the arguments one by one"),
    ("sum(x for x in x)", FormulaError, "there are no loops in a formula"),
    ("[x for x in x]", FormulaError, "there are no loops in a formula"),
    ("x if s else y", FormulaError, "write where(condition, a, b)"),
    ("s and s", FormulaError, "write (a > 0) & (b > 0) instead of `and`"),
    ("not s", FormulaError, "~(a > 0)"),
    ("lambda x: x", FormulaError, "gc.elementwise or gc.op"),
    ("(s := 3)", FormulaError, "give a name on a line of its own"),
    ("f'{x}'", FormulaError, "f-strings"),
    ("'ij->ji'", FormulaError, "a text can stand only as the first argument of einsum"),
    ("x + 'a", FormulaError, "write A.T for the transpose"),
    ("[1, x]", ShapeError, "stack: all arrays must have one shape, but 1 is () and x is (n,)"),
    ("[[1], 2]", FormulaError, ""),
    ("(1, 2)", FormulaError, "a tuple can only be an argument"),
    ("x, y", FormulaError, "a formula has one value"),
    ("x*True", FormulaError, "True can only be an argument"),
    ("x // 2", FormulaError, "// divides sizes and whole numbers only"),
    ("ceiling(x)", FormulaError, "ceiling() takes sizes and whole numbers"),
    ("n // 0", FormulaError, "division by zero"),
    ("x/0", UnsupportedError, "division by the constant zero"),
    ("x + y = 2", FormulaError, "= belongs at the start of a line"),
    ("x·y", UnknownNameError, "write * for a product"),
    ("x\u00a0+ y", FormulaError, "write a plain space"),
    ("x\0", FormulaError, "is not in the notation"),
    ("x+" * 250 + "x^2", FormulaError, "    ..." + "+x" * 30 + "^2\n    " + " " * 63 + "^"),
]


@pytest.mark.parametrize(("text", "error", "message"), ERRORS)
def test_errors_explain(text: str, error: type[GraphcError], message: str) -> None:
    with pytest.raises(GraphcError) as found:
        gc.parse(text, **SHAPES)
    assert message in str(found.value)
    assert isinstance(found.value, error) or message == ""


@pytest.mark.parametrize("word", [*KEYWORDS, *OPERATORS, *CHARACTERS])
def test_what_the_notation_has_not_is_named_with_its_replacement(word: str) -> None:
    with pytest.raises(GraphcError) as found:
        gc.parse(f"x {word} y", **SHAPES)
    assert (KEYWORDS | OPERATORS | CHARACTERS)[word] in str(found.value)
    assert "line 1, column 3" in str(found.value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("n", "x='n': a shape is a tuple; write x=('n',) for an array with one axis"),
        (None, "write x=() for a scalar"),
        (object(), "x: bind a name to a shape such as ('n', 3), an expression, a dimension or a number, got"),
        ((-1,), "a size cannot be negative"),
    ],
)
def test_bindings_that_are_no_shapes(value: Any, message: str) -> None:
    with pytest.raises(ShapeError) as found:
        gc.parse("x", x=value)
    assert message in str(found.value)


def test_bindings_need_identifiers() -> None:
    with pytest.raises(NameConflictError):
        gc.parse("x", **{"x": (), "no name": ()})
    with pytest.raises(FormulaError, match="a formula is a text, got int"):
        gc.parse(3)  # type: ignore[arg-type]


HOSTILE = {
    "more than 1,000,000 characters": "x" * 1_000_001,
    "deep brackets": "(" * 500_000 + "s" + ")" * 400_000,
    "deep calls": "exp(" * 200_000,
    "deep lists": "[" * 300_000,
    "nested lists": "[" * 900 + "1" + "]" * 900,
    "nested tuples": "reshape(x, " + "(" * 900 + "1" + ",)" * 900 + ")",
    "long number": "9" * 900_000,
    "huge exponent": "1e999999999",
    "huge tiny": "1e-99999",
    "tower": "99999**1000",
    "product of powers": "*".join(["9**300"] * 1000),
    "many axes": "x" + "[None]" * 100_000,
    "long tuple": "broadcast_to(s, (" + "1," * 20_000 + "))",
    "long index text": "einsum('" + "".join(chr(0x4E00 + i) for i in range(20_000)) + "', x)",
    "many terms of a size": "+".join(f"n**{i}" for i in range(1, 50_000)),
    "sizes that multiply out": "reshape(broadcast_to(s, ("
    + ",".join(f"n + m*{i}" for i in range(1, 40))
    + ")), (-1,))",
    "power of a sum of sizes": "broadcast_to(s, ((n + m)**100000,))",
    "nested floors": "floor(" * 500 + "n" + "/2 + m)" * 500,
    "coefficient of a size": "(" * 900 + "n" + "*9)**1000" * 900,
    "unknown name": "z" * 900_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_end_in_an_error(text: str) -> None:
    with pytest.raises(GraphcError) as found:
        gc.parse(text, x=("n",), s=(), n=n, m=m)
    assert len(str(found.value)) < 1000


@pytest.mark.parametrize("text", ["s" + "**s" * 3000, "-" * 3000 + "s", "s" + " @ s" * 3000, "n" + "+n**2*3" * 30_000])
def test_operations_are_counted(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MOST_OPERATIONS", 1000)
    with pytest.raises(GraphcError) as found:
        gc.parse(text, s=(), n=n)
    words = ("may have at most 1,000 operations", "scalar", "more than 1000 signs or powers")
    assert any(word in str(found.value) for word in words)


def test_powers_that_are_too_long_are_not_carried_out() -> None:
    for text in ("9**9**9**9", "10**10**8", "2**2**2**2**2**2", "2**1000*2**1000"):
        with pytest.raises(gc.GraphcError, match="too large"):
            gc.parse(text)
    assert gc.parse("2**1000*2**20") is constant(2**1020)
    assert str(gc.parse("9**-9**9")) == "9**-387420489"


def test_long_formulas_are_read() -> None:
    e = gc.parse("s" + " + s" * 50_000, s=())
    assert e.depth == 50_000
    lines = [f"_{i} = exp(_{i - 1})*s" for i in range(1, 10_000)]
    e = gc.parse("\n".join(["_0 = s", *lines, "_9999"]), s=())
    assert e.depth == 2 * 9_999


def test_random_mutations_raise_no_other_errors() -> None:
    rng = random.Random(17)
    texts = [text for text, _ in READ]
    words = [
        *"()[],:.=+-*/@<>'\"\\\n #^{}~;",
        "**",
        " if ",
        "lambda ",
        "None",
        "axis=",
        "1e9",
        "é",
        "sum(",
        ".T",
        "x",
        "n",
    ]
    outcomes = {True: 0, False: 0}
    for _ in range(2000):
        text = rng.choice(texts)
        for _ in range(rng.randrange(1, 5)):
            at = rng.randrange(len(text) + 1)
            to = min(len(text), at + rng.randrange(4))
            middle = rng.choice([rng.choice(words), text[at:to] * 2, "", rng.choice(string.printable)])
            text = text[:at] + middle + text[to:]
        try:
            e = gc.parse(text, **SHAPES)
        except GraphcError:
            outcomes[False] += 1
            continue
        outcomes[True] += 1
        assert reads_back(e), text
    assert min(outcomes.values()) > 200


def test_two_things_of_one_name_cannot_be_printed_back() -> None:
    with pytest.raises(NameConflictError, match="two different arrays of the expression are called x"):
        gc.names(symbol("x", (n,)) * symbol("x"))
    with pytest.raises(NameConflictError, match="n is an array and a size"):
        gc.names(symbol("n", (n,)) / n)


def test_sizes_in_any_order_are_one_node() -> None:
    for dim in (h - m, 3 - n, -(h - m) * (n + 1), n * (n - 1) / 2, 2 * (n + 1), sympy.floor((h - m) / 2) + 1):
        e = as_expr(dim) * symbol("x")
        assert reads_back(e), str(e)
