"""Junk at the public face: every failure is a graphc error with a sentence, or Python's own for a wrong call."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import graphc as gc

n, m = gc.dims("n m")
x, y, A, B = gc.symbol("x", (n,)), gc.symbol("y", (n,)), gc.symbol("A", (n, n)), gc.symbol("B", (n, m))
image, kernel = gc.symbol("image", ("N", "C", "H", "V")), gc.symbol("kernel", ("F", "C", 3, 3))
loss = gc.sum(gc.tanh(x) * y)
step = gc.compile([loss, gc.grad(loss, x)], [x, y])
w, target, inputs = gc.parameter("w", (3,)), gc.symbol("target", ("b",)), gc.symbol("inputs", ("b", 3))
fitted = gc.mean((inputs @ w - target) ** 2)
data = {"inputs": np.ones((8, 3)), "target": np.ones(8)}


class Unreadable:
    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no array")


NUMBERS = [
    0,
    1,
    -1,
    10**400,
    3.5,
    float("nan"),
    float("inf"),
    1j,
    True,
    np.int64(3),
    np.float64("nan"),
    np.float32(1.5),
]
ARRAYS = [
    np.array(3),
    np.array([1.0, 2.0]),
    np.array([1 + 2j]),
    np.array(["a"]),
    np.array([None, 1]),
    np.zeros((2, 0, 3)),
    np.ma.array([1, 2], mask=[0, 1]),
    np.datetime64("2020-01-01"),
]
PYTHON = [None, "", "x", "(", "1x", "if", b"abc", [], (), {}, {1, 2}, [[1, 2], [3]], [None], ("n", "n+"), {"x": 1}]
PYTHON += [{1: 2}, lambda q: q, len, int, type, object(), Unreadable(), range(3), slice(None), Ellipsis, "a" * 3000]
SYMBOLIC = [sympy.Symbol("q"), sympy.oo, sympy.nan, sympy.I, sympy.Matrix([[1, 2]]), sympy.true, n / 2, x, A, image]
SYMBOLIC += [gc, gc.facts.binary, [gc.facts.one_hot(5)], gc.optim.Adam(), [x, y], [x, None]]
JUNK: list[Any] = [*NUMBERS, *ARRAYS, *PYTHON, *SYMBOLIC]

Call = tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]
CALLS: list[Call] = [
    (gc.symbol, ("q", ("n",)), {"dtype": "float64", "facts": ["positive"]}),
    (gc.parameter, ("q", ("n",)), {"init": "zeros"}),
    (gc.constant, (1,), {}),
    (gc.dims, ("n d",), {}),
    (gc.parse, ("sum(x)",), {"x": ("n",)}),
    (gc.grad, (loss, x), {}),
    (gc.jacobian, (gc.tanh(x), x), {}),
    (gc.hessian, (loss, x, y), {}),
    (gc.jvp, (gc.tanh(x), x, y), {}),
    (gc.vjp, (gc.tanh(x), x, y), {}),
    (gc.hvp, (loss, x, y), {}),
    (gc.simplify, (x * x,), {}),
    (gc.expand, (x,), {}),
    (gc.count_ops, (loss,), {"pairwise": True}),
    (gc.derive, (loss, x), {}),
    (gc.latex, (loss,), {}),
    (gc.names, (loss,), {}),
    (gc.check, (loss, x, "y"), {}),
    (gc.evaluate, (loss, {"x": np.ones(2), "y": np.ones(2)}), {}),
    (gc.compile, (loss, [x, y]), {"style": "fast", "copy": True, "sizes": {"n": 3}}),
    (gc.emit, (loss, [x, y]), {"style": "readable", "name": "step", "sizes": {"n": 3}}),
    (gc.elementwise, ("junk", "x*tanh(x)"), {}),
    (gc.op, (lambda q: q * 2,), {}),
    (step, (np.ones(2), np.ones(2)), {}),
    (step, (), {"x": np.ones(2), "y": np.ones(2)}),
    *((f, (B,), {"axis": 0, "keepdims": True}) for f in (gc.sum, gc.mean, gc.max, gc.var, gc.norm, gc.logsumexp)),
    (gc.softmax, (B,), {"axis": 0}),
    (gc.where, (x > 0, x, y), {}),
    (gc.clip, (x, 0, 1), {}),
    (gc.matmul, (A, B), {}),
    (gc.einsum, ("ij,j->i", A, x), {}),
    (gc.reshape, (B, (n * m,)), {}),
    (gc.transpose, (B, (1, 0)), {}),
    (gc.broadcast_to, (x, (m, n)), {}),
    (gc.ones, (n, m), {}),
    (gc.windows, (image, 3, 3), {"stride": 1, "pad": 0, "dilation": 1}),
    (gc.conv2d, (image, kernel), {"stride": 1, "pad": 0, "dilation": 1, "groups": 1}),
    (gc.maxpool2d, (image, 2), {}),
    (gc.layer_norm, (B, gc.symbol("g", (m,)), gc.symbol("h", (m,))), {"axis": -1, "eps": 1e-5}),
    (gc.nn.dense, (B, 4, "l"), {"bias": True}),
    (gc.nn.dropout, (B, 0.5, "drop"), {}),
    (gc.nn.parameters, (loss,), {}),
    (gc.optim.SGD, (), {"lr": 0.1, "momentum": 0.9}),
    (gc.optim.Adam, (), {"lr": 0.1, "betas": (0.9, 0.999), "eps": 1e-8}),
    (gc.regularize.L2, (0.1,), {}),
    (gc.regularize.EarlyStopping, (), {"patience": 3, "min_delta": 0.1}),
    (gc.train.fit, (fitted, data), {"optimizer": gc.optim.SGD(0.1), "epochs": 1, "batch_size": 4, "seed": 0}),
    (gc.train.predict, (inputs @ w, {"w": np.ones(3)}, data), {}),
]
WRONG_CALL = ("positional argument", "keyword argument", "required", "multiple values", "takes no")


def called(function: Callable[..., Any], args: list[Any], options: dict[str, Any]) -> None:
    """The call succeeds, or fails with a graphc error of a readable length, or as Python refuses a call."""
    try:
        result = function(*args, **options)
        if isinstance(result, gc.Expr):
            str(result)
    except gc.GraphcError as error:
        assert 12 < len(str(error)) < 1500
    except TypeError as error:
        assert error.__traceback__ is not None
        assert error.__traceback__.tb_next is None, error
        assert any(words in str(error) for words in WRONG_CALL)


@pytest.mark.usefixtures("own_ops")
@pytest.mark.parametrize("place", range(len(CALLS)))
def test_junk_is_refused_with_a_sentence(place: int) -> None:
    function, args, options = CALLS[place]
    rng = random.Random(place)
    slots: list[Any] = [*range(len(args)), *options]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for _ in range(40):
            given: dict[Any, Any] = {**dict(enumerate(args)), **options}
            for slot in rng.sample(slots, min(len(slots), rng.choice([1, 1, 2, 3]))):
                given[slot] = rng.choice(JUNK)
            called(function, [given[i] for i in range(len(args))], {k: given[k] for k in options})


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: gc.sum(B, keepdims=np.ones(2)), gc.UnsupportedError, r"sum\(keepdims=\) must be True or False, got"),
        (lambda: gc.sum(B, axis=np.ones(2)), gc.ShapeError, "a whole number is needed"),
        (lambda: gc.broadcast_to(x, np.array(3)), gc.ShapeError, "a shape must be a tuple of sizes"),
        (lambda: gc.compile(loss, [x, y], sizes={"n": 2.5}), gc.SettingError, "the size n must be a whole number"),
        (lambda: gc.emit(loss, [x, y], sizes=3), gc.UnsupportedError, r"emit\(sizes=\) needs a mapping from names"),
        (lambda: gc.symbol("q", (n,), facts=3), gc.FactError, "q: facts are a list of names"),
        (lambda: gc.op(int), gc.UnsupportedError, "op defines an op by a function of expressions"),
        (lambda: gc.nn.masks(3), gc.UnsupportedError, "needs an expression, got 3"),
        (
            lambda: step(np.ma.array([1.0, 2], mask=[0, 1]), np.ones(2)),
            gc.DTypeError,
            "x: the array has masked entries",
        ),
        (lambda: step(Unreadable(), np.ones(2)), gc.DTypeError, "x: .* cannot be read as an array: no array"),
        (lambda: gc.regularize.L2(10**400), gc.SettingError, "alpha must be a number"),
    ],
)
def test_sentences(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_a_long_word_is_cut_short_in_a_message() -> None:
    with pytest.raises(gc.GraphcError) as caught:
        gc.sum(B, axis="a" * 5000)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("module", [gc, gc.nn, gc.optim, gc.regularize, gc.train, gc.facts])
def test_a_module_lists_what_it_offers_alone(module: Any) -> None:
    found = dir(module)
    assert not {"annotations", "Any", "Iterable", "np", "UnsupportedError"} & {*found} - {*gc.__all__}
    assert all(hasattr(module, name) for name in found)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("power", r"graphc has no 'power'; write x\*\*y"),
        ("vstack", r"write concat\(\[x, y\], axis=0\)"),
        ("sofmax", "did you mean 'softmax'"),
        ("_private", "graphc has no '_private'$"),
    ],
)
def test_names_that_are_missing_are_told_what_to_write(name: str, message: str) -> None:
    with pytest.raises(AttributeError, match=message):
        getattr(gc, name)
