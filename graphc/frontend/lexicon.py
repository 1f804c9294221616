"""The words of a formula: tokens with their places, and what to write instead of what the notation has not."""

from __future__ import annotations

import difflib
import keyword
import re
from collections.abc import Iterable
from typing import NamedTuple

from graphc.errors import FormulaError, GraphcError

LONGEST_TEXT = 1_000_000  # characters
LONGEST_STRING = 500
WINDOW = 60  # characters shown on either side of the place of an error


class Token(NamedTuple):
    """A word of a formula: `kind` is number, name, string, operator, newline or end."""

    kind: str
    text: str
    offset: int


_ASCII = re.compile(
    r"""(?P<blank>[ \t\r\f]+|\#[^\n]*)
      | (?P<newline>\n)
      | (?P<number>(?:[0-9](?:_?[0-9])*)?\.[0-9](?:_?[0-9])*(?:[eE][+-]?[0-9]+)?
                 | [0-9](?:_?[0-9])*\.?(?:[eE][+-]?[0-9]+)?)
      | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
      | (?P<string>'[^'\n\\]*'|"[^"\n\\]*")
      | (?P<operator>\*\*|//|<<|>>|<=|>=|==|!=|->|:=|\.\.\.|[-+*/%@&|^~<>()\[\]{},:.;=!])""",
    re.VERBOSE,
)

KEYWORDS = {
    "if": "write where(condition, a, b) instead of `a if condition else b`",
    "else": "write where(condition, a, b) instead of `a if condition else b`",
    "and": "write (a > 0) & (b > 0) instead of `and`",
    "or": "write (a > 0) | (b > 0) instead of `or`",
    "not": "write ~(a > 0), or where(condition, a, b), instead of `not`",
    "for": "there are no loops in a formula: write sum(x, axis=0), or einsum('i,i->', x, y) for sums over an index",
    "in": "the comparisons are < <= > >= == and !=",
    "is": "the comparisons are < <= > >= == and !=",
    "lambda": "a formula is one value: declare a function of your own with gc.elementwise or gc.op",
}
KEYWORDS |= {
    word: f"`{word}` is a word of Python's own and cannot stand in a formula"
    for word in keyword.kwlist
    if word not in KEYWORDS and word not in ("True", "False", "None")
}
OPERATORS = {
    "^": "write ** for a power, as in x**2",
    "!": "write != for `not equal`, ~(a > 0) for `not`; there is no factorial",
    "<<": "write 2**k * x",
    ">>": "write x / 2**k",
    ":=": "give a name on a line of its own: name = formula",
    ";": "put the next `name = formula` on a line of its own",
    "->": "an arrow belongs inside the text of einsum, as in einsum('ij->ji', X)",
    "{": "constant arrays are written with [ ], groups with ( )",
    "}": "constant arrays are written with [ ], groups with ( )",
}
CHARACTERS = {
    **dict.fromkeys("·×⋅∗⊙∘", "write * for a product"),
    **dict.fromkeys("−–—", "write - for minus"),
    **dict.fromkeys("÷∕", "write / for a quotient"),
    **dict.fromkeys("ᵀ⊤", "write .T for the transpose, as in A.T"),
    **dict.fromkeys("∑Σ", "write sum(x, axis=0)"),
    **dict.fromkeys("‘’“”`", "write straight quotes, and those only around the text of einsum"),
    "π": "write pi",
    "²": "write x**2",
    "³": "write x**3",
    "√": "write sqrt(x)",
    "∞": "numbers must be finite",
    "∂": "derivatives are taken by gc.grad, not in a formula",
    "≤": "write <=",
    "≥": "write >=",
    "≠": "write !=",
    "\\": "a formula goes on over a line break inside brackets; LaTeX is not read",
    "$": "write the formula in Python's notation; LaTeX is not read",
    "?": "write where(condition, a, b)",
}
PREFIXED = "f-strings and other texts with a prefix are not in the notation; a plain text is the index text of einsum"
PREFIXES = ("f", "r", "b", "u", "rb", "br", "fr", "rf")
QUOTE = "write A.T for the transpose; texts in quotes can stand only as the first argument of einsum or after `name=`"


class Tokens:
    """The words of `text`, one at a time, with a look at the one that follows; line breaks in brackets are skipped."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0
        self.upcoming = self._scan()

    def mark(self) -> tuple[int, int, Token]:
        """The place to come `back` to."""
        return self.position, self.depth, self.upcoming

    def back(self, mark: tuple[int, int, Token]) -> None:
        self.position, self.depth, self.upcoming = mark

    def next(self) -> Token:
        token = self.upcoming
        if token.text in ("(", "[") and token.kind == "operator":
            self.depth += 1
        elif token.text in (")", "]") and token.kind == "operator":
            self.depth -= 1
        self.upcoming = self._scan()
        return token

    def _scan(self) -> Token:
        while self.position < len(self.text):
            start = self.position
            found = _ASCII.match(self.text, start)
            kind = found.lastgroup if found else None
            if found is None or kind is None:
                return self._other(start)
            self.position = found.end()
            if kind == "blank" or (kind == "newline" and self.depth > 0):
                continue
            if kind == "name":
                return self._name(start)
            if kind == "number" and _continues(self.text, self.position):
                raise self._glued(start)
            if kind == "string" and self.position - start > LONGEST_STRING:
                reason = f"a text may have at most {LONGEST_STRING} characters"
                raise error_at(FormulaError(reason), self.text, start)
            return Token(kind, found.group(), start)
        return Token("end", "", len(self.text))

    def _name(self, start: int) -> Token:
        while _continues(self.text, self.position):
            self.position += 1
        name = self.text[start : self.position]
        quote = self.text[self.position : self.position + 1]
        if quote in ("'", '"'):
            closed = self.text.find(quote, self.position + 1, self.position + LONGEST_STRING) > 0
            reason = PREFIXED if closed and name.lower() in PREFIXES else f"{shorten(name)}{quote}: {QUOTE}"
            raise error_at(FormulaError(reason), self.text, self.position)
        return Token("name", name, start)

    def _other(self, start: int) -> Token:
        character = self.text[start]
        if character in CHARACTERS and not character.isidentifier():
            reason = f"{character} is not in the notation: {CHARACTERS[character]}"
        elif character in ("'", '"'):
            reason = f"{character}: {QUOTE}"
        elif character.isidentifier():
            self.position = start + 1
            return self._name(start)
        elif character.isspace():
            reason = f"the blank U+{ord(character):04X} is not in the notation: write a plain space"
        else:
            reason = f"the character {character!r} is not in the notation"
        raise error_at(FormulaError(reason), self.text, start)

    def _glued(self, start: int) -> GraphcError:
        number, end = self.text[start : self.position], self.position
        while _continues(self.text, end) and end - start < WINDOW:
            end += 1
        rest = self.text[self.position : end]
        if number == "0" and rest[:1].lower() in "xob":
            reason = f"{number}{rest}: write numbers in decimal"
        elif rest in ("j", "J"):
            reason = f"{number}{rest}: complex numbers are not in the notation"
        else:
            reason = f"{shorten(number)}{rest}: write * between a number and a name, as in {shorten(number)}*{rest}"
        return error_at(FormulaError(reason), self.text, start)


def _continues(text: str, position: int) -> bool:
    """Whether a name goes on at `position`; names may hold any letters that Python's may."""
    return position < len(text) and ("a" + text[position]).isidentifier()


def error_at(error: GraphcError, text: str, offset: int) -> GraphcError:
    """`error` again, its message followed by the line and column of `offset` and a mark below the place."""
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", start)
    line = text[start : end if end >= 0 else len(text)]
    column = offset - start
    low = max(0, column - WINDOW)
    shown = line[low : column + WINDOW]
    head, tail = "..." if low else "", "..." if column + WINDOW < len(line) else ""
    shown = "".join(c if c.isprintable() else " " for c in shown)
    mark = " " * (len(head) + column - low) + "^"
    place = f"line {text.count(chr(10), 0, offset) + 1}, column {column + 1}"
    return type(error)(f"{error}\n  {place}:\n    {head}{shown}{tail}\n    {mark}")


def shorten(text: str, limit: int = 40) -> str:
    """`text`, short enough for a message."""
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def nearest(word: str, candidates: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the candidate nearest to `word`, or nothing."""
    if len(word) > WINDOW:
        return ""
    names = list(candidates)
    found = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    found = found or [c for c in names if c.lower() == word.lower()][:1]
    return f"; did you mean {found[0]!r}?" if found else ""


def meant(name: str) -> str:
    """What to write instead of a mathematical letter in a name."""
    return next((f"; {CHARACTERS[c]}" for c in name if c in CHARACTERS), "")


# Names of other libraries, and of mathematics -> what to write
SYNONYMS = {
    **dict.fromkeys(("ln", "logarithm"), "log(x)"),
    **dict.fromkeys(("tr", "Tr"), "trace(X)"),
    **dict.fromkeys(("power", "pow", "float_power"), "x**y"),
    **dict.fromkeys(
        ("add", "subtract", "multiply", "divide", "true_divide", "mul", "sub", "div"), "x + y, x - y, x*y, x/y"
    ),
    **dict.fromkeys(("negative", "neg"), "-x"),
    **dict.fromkeys(("mm", "bmm", "mv", "matvec", "vecmat"), "x @ y"),
    **dict.fromkeys(("multi_dot", "chain_matmul"), "A @ B @ C"),
    "hadamard": "x*y",
    **dict.fromkeys(("concatenate", "cat", "vstack", "row_stack"), "concat([x, y], axis=0)"),
    "hstack": "concat([x, y], axis=1), of vectors axis=0",
    **dict.fromkeys(("column_stack", "dstack"), "stack([x, y], axis=-1)"),
    **{f"a{name}": f"arc{name}(x)" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **dict.fromkeys(("amax", "fmax"), "max(x, axis=0), maximum(x, y)"),
    **dict.fromkeys(("amin", "fmin"), "min(x, axis=0), minimum(x, y)"),
    **dict.fromkeys(("fabs", "absolute"), "abs(x)"),
    **dict.fromkeys(("clamp", "clamp_min", "clamp_max"), "clip(x, lo, hi)"),
    "masked_fill": "where(mask, value, x)",
    "gather": "take_along_axis(x, i, axis=1)",
    **dict.fromkeys(("index_select", "select"), "take(x, i, axis=0)"),
    "unsqueeze": "expand_dims(x, axis)",
    **dict.fromkeys(("view", "view_as", "flatten", "vec", "unflatten"), "reshape(x, shape), ravel(x)"),
    "permute": "transpose(x, axes)",
    "movedim": "moveaxis(x, i, j)",
    **dict.fromkeys(("fliplr", "flipud", "rot90"), "flip(x, axis=0), transpose(x)"),
    **dict.fromkeys(("narrow", "chunk"), "a slice, x[i:j], or split(x, k)"),
    "rsqrt": "x**(-1/2)",
    "cbrt": "x**(1/3)",
    **dict.fromkeys(("expit", "logistic", "sigm"), "sigmoid(x)"),
    "logit": "log(x) - log(1 - x)",
    "erfc": "1 - erf(x)",
    **dict.fromkeys(("ndtr", "norm_cdf", "normcdf"), "(1 + erf(x/sqrt(2)))/2"),
    **dict.fromkeys(("gammaln", "loggamma"), "lgamma(x)"),
    "gamma": "exp(lgamma(x)), for x > 0",
    "factorial": "exp(lgamma(x + 1))",
    "betaln": "lgamma(a) + lgamma(b) - lgamma(a + b)",
    "psi": "digamma(x)",
    "trigamma": "polygamma(1, x)",
    **dict.fromkeys(("sgn", "signum"), "sign(x)"),
    **dict.fromkeys(("fmod", "remainder", "mod", "frac"), "x - y*floor(x/y)"),
    **dict.fromkeys(("floor_divide",), "floor(x/y)"),
    **dict.fromkeys(("diagonal", "diag_embed", "diagflat"), "diag(x)"),
    **dict.fromkeys(("inverse", "pinverse"), "inv(X), pinv(X)"),
    **dict.fromkeys(("cholesky_solve", "solve_triangular", "triangular_solve"), "solve(A, b)"),
    "matrix_exp": "expm(X)",
    **dict.fromkeys(("logabsdet", "slogdeterminant"), "logdet(X)"),
    **dict.fromkeys(("frobenius", "vector_norm", "matrix_norm"), "norm(X)"),
    **{f"{kind}_pool{n}d": f"{kind}pool{n}d(x, k)" for kind in ("max", "avg") for n in (1, 2)},
    "adaptive_avg_pool2d": "mean(x, axis=(2, 3)), avgpool2d(x, k)",
    "unfold": "windows(x, kh, kw)",
    "linear": "dense(x, W, b)",
    "mse_loss": "mse(x, t)",
    "l1_loss": "mae(x, t)",
    "nll_loss": "nll(log_softmax(z), t)",
    "bce_loss": "binary_cross_entropy(p, t)",
    "bce_with_logits": "binary_cross_entropy_with_logits(z, t)",
    "cross_entropy_loss": "cross_entropy(softmax(z), t)",
    "kl_div": "kl_divergence(p, q)",
    **{f"{name}_loss": f"{name}(...)" for name in ("huber", "smooth_l1", "gaussian_nll", "poisson_nll", "soft_margin")},
    "triplet_margin_loss": "triplet(a, p, n)",
    "cosine_embedding_loss": "cosine_embedding(a, b, y)",
    **dict.fromkeys(("scaled_dot_product_attention", "sdpa"), "attention(Q, K, V)"),
    **dict.fromkeys(("detach", "stopgradient", "stop_grad"), "stop_gradient(x)"),
    "dropout": "x*mask, with nn.dropout in Python",
    **dict.fromkeys(
        ("inf", "infty", "infinity"), "a large number such as 1e9; masks are for masked_softmax and attention"
    ),
    "e": "exp(1), and exp(x) for e**x",
    "I": "eye(n)",
}


def said(word: str) -> str:
    """``; write ...`` for a name that other libraries, or mathematics, have for something of the notation."""
    return f"; write {SYNONYMS[word]}" if word in SYNONYMS else ""
