"""Texts that nobody should write, from a seed: broken, malicious, huge and misleading formulas."""

from __future__ import annotations

import random
import string
from collections.abc import Callable
from typing import Any

import graphc as gc
from graphc.ops.notation import functions

NAMES: dict[str, Any] = {
    "x": ("n",),
    "y": ("n",),
    "X": ("m", "n"),
    "A": ("n", "n"),
    "S": ("k", "n", "n"),
    "s": (),
    "i": gc.symbol("i", ("k",), dtype="int64"),
    "b": gc.symbol("b", ("n",), dtype="bool"),
    "im": ("n", 3, 6, 6),
    "w": (4, 3, 3, 3),
}
SIZES = ("n", "m", "k")
NUMBERS = ["0", "1", "-1", "2", "3", "0.5", "1/3", "1e-9", "1e308", "1e999", "10**9", "2**63", "-2**31", "10**400"]
HUGE = ["9**9**9", "2**2**2**2**2**2", "10**10**10", "99999**9999", "9" * 5000, "1e9999999", "0.1**99999", "n**99999"]
TRICKS = [
    "x.__class__",
    "x.__class__.__mro__[1]",
    "().__class__.__bases__",
    "x.T.__init__.__globals__",
    "x._apply('str')",
]
TRICKS += ["__import__('os').system('true')", "eval('1')", "exec('1')", "getattr(x, 'op')", "x.op.kernel", "x.shape[7]"]
TRICKS += [
    "np.load(x)",
    "np.exp.__globals__",
    "np.__loader__",
    "x.sum.__func__",
    "x.T.__class__",
    "np.linalg.np.load(x)",
]
TRICKS += [
    "(lambda: 1)()",
    "[y for y in x]",
    "{'a': x}",
    "x if s else y",
    "(z := x)",
    "f'{x}'",
    "x.named('q')",
    "globals()",
]
TRICKS += [
    "*x",
    "**x",
    "print(x)",
    "open('/etc/passwd')",
    "x; y",
    "import os",
    "del x",
    "x.tofile()",
    "await x",
    "yield",
    "@x",
]
KEYS = ["0", "-1", "::2", "i", "b", "1:n", ":, 0", "None", "...", "n", "10**9", "::0"]
ALIKE = dict(zip("aceopxysnimTX", "асеорхуѕпіmТХ", strict=True))
WIDE = {c: chr(ord(c) + 0xFEE0) for c in string.ascii_letters + string.digits + "()+*-/.,"}
WORDS = ["(", ")", "[", "]", ",", ":", ".T", "=", "==", "<", ">=", "+", "-", "*", "**", "/", "//", "%", "@", "'", '"']
WORDS += [
    "None",
    "True",
    "...",
    "axis=",
    "keepdims=True",
    "lambda",
    "if",
    "for",
    "in",
    "\n",
    "#",
    "\\",
    "pi",
    ";",
    "~",
    "&",
]


def argument(rng: random.Random, depth: int = 0) -> str:
    """Something between two commas."""
    kind = rng.randrange(9 if depth < 2 else 4)
    if kind < 3:
        return rng.choice([*NAMES, *SIZES])
    if kind == 3:
        return rng.choice([*NUMBERS, "None", "True", "'ij->j'", "''", "...", "pi", "()", "[]"])
    if kind == 4:
        parts = [argument(rng, depth + 1) for _ in range(rng.randrange(4))]
        return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"
    if kind == 5:
        return f"[{', '.join(argument(rng, depth + 1) for _ in range(rng.randrange(4)))}]"
    if kind == 6:
        operator = rng.choice(["+", "*", "@", "-", "/", "**", ">", "//", "%"])
        return f"{argument(rng, depth + 1)} {operator} {argument(rng, depth + 1)}"
    if kind == 7:
        return f"{rng.choice([*NAMES])}[{rng.choice(KEYS)}]"
    return call(rng, depth + 1)


KEYWORDS = ["axis", "keepdims", "stride", "pad", "dilation", "groups", "ddof", "eps", "axes", "shape", "k", "size", "b"]


def call(rng: random.Random, depth: int = 0) -> str:
    """A function of the notation with arguments of any kind."""
    items = [argument(rng, depth) for _ in range(rng.choice([0, 1, 1, 1, 2, 2, 2, 3, 4]))]
    items += [f"{rng.choice(KEYWORDS)}={argument(rng, 2)}" for _ in range(rng.choice([0, 0, 0, 1, 2]))]
    return f"{rng.choice(sorted(functions))}({', '.join(items)})"


def noise(rng: random.Random, valid: list[str]) -> str:
    pool = rng.choice(
        [string.printable, "".join(map(chr, range(256))), "xsn()[]+*@.,= ", "αβ∑√²×ᵀ😀\u202e\u200b\x00 x+"]
    )
    return "".join(rng.choice(pool) for _ in range(rng.randrange(1, 80)))


def words(rng: random.Random, valid: list[str]) -> str:
    some = [*WORDS, *NAMES, *SIZES, *NUMBERS, *(f"{f}(" for f in rng.sample(sorted(functions), 8))]
    return "".join(rng.choice(some) + rng.choice(["", " "]) for _ in range(rng.randrange(1, 40)))


def mutated(rng: random.Random, valid: list[str]) -> str:
    text = rng.choice(valid)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.randrange(5))
        text = (
            text[:at] + rng.choice([rng.choice(WORDS), text[at:to] * 2, "", rng.choice(string.printable)]) + text[to:]
        )
    return text


def deep(rng: random.Random, valid: list[str]) -> str:
    count = rng.choice([50, 900, 1100, 20_000, 100_000])
    opened = rng.choice(["(", "[", "exp(", "-", "x[", "sum(", "((", "([", "norm(x + ", "2**", "-(-", "(x, ", "1 + ("])
    closed = "".join({"(": ")", "[": "]"}[c] for c in reversed(opened) if c in "([")
    return opened * count + "s" + closed * rng.choice([count, count, count - 1, 0, count + 1])


def huge(rng: random.Random, valid: list[str]) -> str:
    number = rng.choice(HUGE + NUMBERS[9:])
    function = rng.choice(sorted(functions))
    forms = [
        "{f}(x, {n})",
        "{f}({n})",
        "{f}(A, {n})",
        "{f}({n}, {n})",
        "{f}(X, ({n}, {n}))",
        "{f}(S, axis={n})",
        "x**({n})",
    ]
    forms += [
        "({n})**x",
        "x[{n}]",
        "x[{n}:]",
        "x[::{n}]",
        "ones({n}, n)",
        "reshape(x, ({n}, -1))",
        "{n}",
        "{f}(im, {n}, {n})",
    ]
    forms += [
        "{f}(im, w, pad={n})",
        "{f}(im, w, stride={n})",
        "broadcast_to(s, (n,)*{n})",
        "x/({n})",
        "x + {n}*n**({n})",
    ]
    return rng.choice(forms).format(f=function, n=number)


def tricky(rng: random.Random, valid: list[str]) -> str:
    trick = rng.choice(TRICKS)
    return rng.choice(["{}", "sum({})", "x + {}", "{} @ A", "exp(x, {})", "a = {}\na", "sum(x, axis={})"]).format(trick)


def alike(rng: random.Random, valid: list[str]) -> str:
    table = rng.choice([ALIKE, WIDE])
    return "".join(table.get(c, c) if rng.random() < 0.2 else c for c in rng.choice(valid))


def long_names(rng: random.Random, valid: list[str]) -> str:
    name = rng.choice(["z", "x", "é", "_"]) * rng.choice([100, 10_000, 500_000])
    return rng.choice(["{}", "{}(x)", "{} = x\n{}", "x.{}", "sum(x, {}=1)", "1{}"]).replace("{}", name)


def unbalanced(rng: random.Random, valid: list[str]) -> str:
    text = rng.choice(valid)
    places = [i for i, c in enumerate(text) if c in "()[]"]
    if places and rng.random() < 0.6:
        at = rng.choice(places)
        return text[:at] + rng.choice(["", text[at] * 2, *"()[]"]) + text[at + 1 :]
    at = rng.randrange(len(text) + 1)
    return text[:at] + rng.choice("()[]{}") + text[at:]


def listing(rng: random.Random, valid: list[str]) -> str:
    names = ["a", "c", "h", "x", "n", "_1", "sum", "pi", "None"]
    lines = [
        f"{rng.choice(names)} = {rng.choice([*names, 'x'])}{rng.choice([' + ', '*', ' @ '])}{rng.choice([*names, 'y'])}"
        for _ in range(rng.randrange(1, 6))
    ]
    return "\n".join([*lines, rng.choice(["a + h", "", "x", "c"])])


def misused(rng: random.Random, valid: list[str]) -> str:
    return call(rng)


KINDS: list[Callable[[random.Random, list[str]], str]] = [
    *(noise, words, mutated, mutated, deep, huge, huge, tricky, alike, long_names, unbalanced, listing),
    *(misused,) * 6,
]


def text(seed: int, valid: list[str]) -> str:
    """A hostile text; `valid` are formulas to break."""
    rng = random.Random(seed)
    return KINDS[seed % len(KINDS)](rng, valid)
