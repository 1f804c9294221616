"""The indices of one line: where their names are bound, and along what sizes they run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.errors import FormulaError, FreeIndexError, GraphcError, ShapeError
from graphc.frontend.indices import FREE, REDUCTIONS, Index, Indexed, Labels, arranged, as_indexed, lifted, reduced
from graphc.frontend.lexicon import KEYWORDS, Token, Tokens
from graphc.ir.dims import Dim, compare
from graphc.ir.expr import Expr, make
from graphc.ops import elementwise
from graphc.ops.leaves import SYMBOL, eye
from graphc.ops.notation import functions

SUM_IT = "write sum[{0}](...) where it is summed, or put it into the brackets on the left, as in dW[i,j] = ..."


class Scopes:
    """The indices of a line as far as it is read.

    An index gets its size from an axis that it runs along. One that is used before as a number, or in a delta, has a
    stand-in for its value at first; the line is then read again, with all sizes known.

    Parameters
    ----------
    free : names in brackets on the left side, or None if there is no left side
    dims : their sizes, as far as the left side has them
    taken : whether a name has another meaning as well
    """

    def __init__(self, free: Sequence[str] | None, dims: Sequence[Dim], taken: Callable[[str], bool]) -> None:
        self.free = None if free is None else tuple(Index(name) for name in free)
        self.taken = taken
        self.bound: dict[str, list[Index]] = {index.name: [index] for index in self.free or ()}
        self.sizes: dict[Index, Dim] = dict(zip(self.free or (), dims, strict=False))
        self.same: list[tuple[Index, Index]] = []
        self.waiting = False
        self.again = False
        self.stand_ins = 0

    def named(self, name: str) -> Index | None:
        """The index that a name stands for here, if it is bound."""
        found = self.bound.get(name)
        return found[-1] if found else None

    def bind(self, labels: Labels) -> None:
        for label in labels:
            around = self.bound.setdefault(label.name, [])
            if around and around[-1].scope == FREE:
                raise FormulaError(f"{label.name} is an index of the left side; call the index of the sum another name")
            around.append(label)

    def release(self, labels: Labels) -> None:
        for label in labels:
            self.bound[label.name].pop()

    def settle(self) -> None:
        """Before the line is read again: indices that a delta ties together run along the same size."""
        tied: dict[Index, list[Index]] = defaultdict(list)
        for a, b in self.same:
            tied[a].append(b)
            tied[b].append(a)
        known = list(self.sizes)
        while known:
            label = known.pop()
            for other in tied[label]:
                if other not in self.sizes:
                    self.sizes[other] = self.sizes[label]
                    known.append(other)
        self.waiting, self.again = False, True

    def noted(self, value: Indexed) -> Indexed:
        """`value`, the sizes of its labels remembered.

        Raises
        ------
        ShapeError
            If an index runs along axes of different sizes.
        """
        for label, dim in value.dims():
            known = self.sizes.setdefault(label, dim)
            if compare(known, dim) == "different":
                raise ShapeError(f"the index {label.name} runs along axes of different sizes: {known} and {dim}")
        return value

    # -- values of indices -------------------------------------------------------------------------------------------

    def number_of(self, label: Index) -> Indexed | Expr:
        """The value of an index as a number, from 0."""
        if self.taken(label.name):
            raise FormulaError(
                f"{label.name} is an index here, and also a size or an array; call the index another name"
            )
        dim = self.size_of(label)
        return self.stand_in() if dim is None else Indexed(functions["arange"](dim), (label,))

    def size_of(self, label: Index) -> Dim | None:
        """The size that an index runs along; None where it is not known yet.

        Raises
        ------
        FormulaError
            If the line does not say it.
        """
        if label not in self.sizes:
            if self.again:
                raise FormulaError(
                    f"the index {label.name} runs along no array here, so that its size is not known; "
                    "use it in the brackets of an array, as in x[i]"
                )
            self.waiting = True
        return self.sizes.get(label)

    def stand_in(self) -> Expr:
        self.waiting = True
        self.stand_ins += 1
        return make(SYMBOL, (), name=f"?index{self.stand_ins}", shape=(), dtype="int64")

    def delta(self, a: Index, b: Index) -> Indexed | Expr:
        """1 where two indices are equal, else 0."""
        self.same.append((a, b))
        dims = [self.sizes.get(label) for label in (a, b)]
        known = next((d for d in dims if d is not None), None)
        if known is None or (None in dims and not self.again):
            for label in (a, b):
                self.size_of(label)
            return self.stand_in()
        if None not in dims and compare(*dims) == "different":
            raise ShapeError(f"{a.name} and {b.name} run along axes of different sizes: {dims[0]} and {dims[1]}")
        if a == b:
            return Indexed(functions["ones"]((known,)), (a,))
        return self.noted(Indexed(eye(known), (a, b)))

    def operand(self, value: Any) -> Any:
        """An index as a number; lists of them likewise; everything else as it is."""
        if isinstance(value, (list, tuple)):
            return type(value)(self.operand(v) for v in value)
        return self.number_of(value) if isinstance(value, Index) else value

    # -- operations --------------------------------------------------------------------------------------------------

    def apply(
        self, function: Callable[..., Any], arguments: Sequence[Any], options: Mapping[str, Any]
    ) -> Indexed | Expr:
        """An operation of which at least one argument has to do with indices."""
        if len(arguments) == 2 and all(isinstance(a, Index) for a in arguments):
            if function is elementwise.equal:
                return self.delta(*arguments)
            if function is elementwise.not_equal:
                return self.apply(lambda x: 1 - x, [self.delta(*arguments)], {})
        values = [self.operand(a) for a in arguments]
        return lifted(function, values, {key: self.operand(v) for key, v in options.items()})

    def reduce(self, name: str, body: Any, labels: Labels) -> Indexed | Expr:
        """``name[labels](body)``."""
        value = as_indexed(self.number_of(body) if isinstance(body, Index) else body)
        missing = [label for label in labels if label not in value.labels]
        if missing:
            dims = [self.size_of(label) for label in missing]
            if None in dims:
                return self.stand_in()
            over = {label: dim for label, dim in zip(missing, dims, strict=True) if dim is not None}
            over |= dict(value.dims())
            value = Indexed(arranged(value, over), tuple(over))
        return reduced(name, value, labels)

    def finished(self, value: Any, *, any_order: bool = False) -> Any:
        """The value of the whole line: an array whose axes are the indices of the left side, in their order.

        With `any_order` and no left side, its indices are taken in the order in which they appear.

        Raises
        ------
        FormulaError
            If an index is neither on the left nor summed (FreeIndexError), or the order of several is not given.
        """
        self.again = True
        if isinstance(value, Index):
            value = self.number_of(value)
        if not isinstance(value, Indexed):
            if not self.free or not isinstance(value, Expr):
                return value
            if value.ndim == len(self.free):  # the whole array instead of its entry
                return value
            value = as_indexed(value)
            if value.rank:
                names = ",".join(label.name for label in self.free)
                raise FormulaError(
                    f"the left side is an entry, this is an array with {value.rank} axes: write (...)[{names}]"
                )
        wanted = self.free if self.free is not None else value.labels
        stray = [label.name for label in value.labels if label not in wanted]
        if stray:
            unsummed = f"the index {stray[0]} is neither on the left nor summed: {SUM_IT.format(stray[0])}"
            raise FreeIndexError(unsummed)
        if self.free is None and len(wanted) > 1 and not any_order:
            names = ",".join(label.name for label in wanted)
            raise FormulaError(
                f"the order of the indices {names} is not given: write them on the left, as in dW[{names}] = ...; "
                f"an index that is summed needs sum[{wanted[-1].name}](...)"
            )
        self.free = wanted
        return arranged(value, {label: dim for label in wanted if (dim := self.size_of(label)) is not None})


def read_labels(tokens: Tokens, function: Token, failure: Callable[[int, str], GraphcError]) -> Labels:
    """The indices of ``sum[i, j](``, whose words after the name are read.

    Raises
    ------
    FormulaError
        If the function is no reduction, or the brackets hold anything but names.
    """
    name, offset = function.text, function.offset
    if name not in REDUCTIONS:
        known = ", ".join(f"{r}[i](...)" for r in REDUCTIONS)
        raise failure(offset, f"{name}[...] is not in the notation; over an index go {known}")
    tokens.next()
    labels: list[Index] = []
    closed = False
    while not closed:
        word, then = tokens.next(), tokens.next()
        if word.kind != "name" or word.text in KEYWORDS or then.text not in (",", "]"):
            wrong = then if word.kind == "name" else word
            raise failure(wrong.offset, f"{name}[i](...): the brackets hold names of indices, each of a whole axis")
        if any(word.text == label.name for label in labels):
            raise failure(word.offset, f"the index {word.text} is named twice")
        labels.append(Index(word.text, offset))
        closed = then.text == "]"
    if tokens.next().text != "(":
        raise failure(offset, f"{name}[{labels[0].name}] takes its value in brackets: write {name}[i](...)")
    return tuple(labels)
