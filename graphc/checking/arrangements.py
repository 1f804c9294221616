"""Polynomials of arrays whose axes are merged, split or turned round, and of the places of largest entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from graphc.checking.angles import Angles
from graphc.checking.atoms import Atom, Poly
from graphc.checking.labels import Factor, Labels
from graphc.checking.movers import Mover
from graphc.ir.dims import Dim, Shape
from graphc.rewriting.reshapes import blocks

ONE = Fraction(1)
SPREADING = frozenset(("positive", "nonnegative", "unit_interval"))  # facts of symbols whose entries move freely


class Arrangements(Angles):
    """Functions, and arrangements of the entries of arrays as products with arrays of zeros and ones."""

    def mover(self, kind: str, key: object, mover: Mover, symmetries: tuple[Labels, ...] = ()) -> int:
        """The atom of an arrangement."""
        rank = len(mover.dims)
        own = symmetries or (tuple(range(rank)),)
        number = self.atom((kind, key), lambda: Atom(kind, rank, own, {}, nonnegative=True, binary=True, smooth=False))
        self.movers[number] = mover
        return number

    def merge(self, whole: Dim, parts: Shape) -> int:
        """[k = i*q + j], for an axis and the parts that it is merged from, in row-major order."""
        places = tuple(range(1, 1 + len(parts)))
        return self.mover("merge", (whole, parts), Mover(((0,), places), (whole, *parts)))

    def flip(self, d: Dim) -> int:
        """[i + j = d - 1]."""
        return self.mover("flip", d, Mover(((0,), (1,)), (d, d)), ((0, 1), (1, 0)))

    def reshaped(self, p: Poly, before: Shape, after: Shape) -> Poly | None:
        """A reshape that merges axes or splits them; None for one that does both at once."""
        groups = blocks(before, after)
        if not all(1 in (len(a), len(b)) and a and b for a, b in groups):
            return None
        away = len(before) + len(after)
        p = self.relabel(p, {i: away + i for i in range(len(before))})
        for old, new in groups:
            if len(old) == len(new) == 1:
                p = self.relabel(p, {away + old[0]: new[0]})
                continue
            wide, sizes = ((new, before), old) if len(new) == 1 else ((old, after), new)
            whole = after[new[0]] if len(new) == 1 else before[old[0]]
            atom = self.merge(whole, tuple(wide[1][i] for i in sizes))
            ends = (new[0], *(away + i for i in old)) if len(new) == 1 else (away + old[0], *new)
            p = self.summed(self.multiply(self.single(atom, ends), p), {away + i: before[i] for i in old})
        return p

    def turned_round(self, p: Poly, axis: int, d: Dim, away: int) -> Poly:
        """The entries in reverse order along an axis."""
        moved = self.relabel(p, {axis: away})
        return self.summed(self.multiply(self.single(self.flip(d), (axis, away)), moved), {away: d})

    # -- functions of entries --------------------------------------------------------------------------------------

    def carried(self, args: list[Poly], function: Callable[[list[Poly]], Poly]) -> Poly:
        """A function of entries; an arrangement of its arguments becomes one of its values."""
        found = next((key for p in args for m in p for key in m[0] if key[0] in self.movers), None)
        if found is None:
            return function(args)
        for p in args:
            for factors, _ in p:
                for a, labels, _ in factors:
                    for inner, outer in self._sides(a, labels):
                        if self._arranged(args, a, inner, outer):
                            return self._moved(args, a, labels, (inner, outer), function)
        return function(args)

    def exp(self, p: Poly) -> Poly:
        """exp of a sum is a product, so that each term is arranged for itself."""
        if not self.movers:
            return super().exp(p)
        result = self.number(1)
        for mono, c in p.items():
            result = self.multiply(result, self.carried([{mono: c}], lambda own: super(Arrangements, self).exp(own[0])))
        return result

    def _sides(self, atom: int, labels: Labels) -> list[tuple[Labels, Labels]]:
        """The places of the summed and of the free axes of an arrangement, where it has both."""
        if atom not in self.movers or not self.movers[atom].groups[1]:
            return []
        first, second = self.movers[atom].groups
        pairs = [(first, second), (second, first)]
        return [(a, b) for a, b in pairs if all(labels[i] < 0 for i in a) and all(labels[i] >= 0 for i in b)]

    def _arranged(self, args: Sequence[Poly], atom: int, inner: Labels, outer: Labels) -> bool:
        """Whether every term that carries the free axes does so by the arrangement alone."""
        found = [ls for p in args for m in p for a, ls, _ in m[0] if a == atom and self._fits(ls, inner, outer)]
        free = {tuple(ls[i] for i in outer) for ls in found}
        if len(free) != 1:
            return False
        own = set(next(iter(free)))
        return len(own) == len(outer) and all(
            [(a, self._fits(ls, inner, outer)) for a, ls, _ in m[0] if own & set(ls)] in ([], [(atom, True)])
            for p in args
            for m in p
        )

    @staticmethod
    def _fits(labels: Labels, inner: Labels, outer: Labels) -> bool:
        return all(labels[i] < 0 for i in inner) and all(labels[i] >= 0 for i in outer)

    def _moved(
        self,
        args: list[Poly],
        atom: int,
        labels: Labels,
        sides: tuple[Labels, Labels],
        function: Callable[[list[Poly]], Poly],
    ) -> Poly:
        inner, outer = sides
        dims = self.movers[atom].dims
        away = 1 + max(x for p in args for m in p for _, ls, _ in m[0] for x in ls)
        fresh = {i: away + k for k, i in enumerate(inner)}
        ends = tuple(fresh.get(i, labels[i]) for i in range(len(labels)))
        free = {labels[i]: dims[i] for i in outer}
        back = [self.summed(self.multiply(self.single(atom, ends), p), free) for p in args]
        value = self.carried(back, function)
        return self.summed(self.multiply(self.single(atom, ends), value), {fresh[i]: dims[i] for i in inner})

    # -- the largest entry -----------------------------------------------------------------------------------------

    def top(self, p: Poly, axes: tuple[int, ...], dims: Shape) -> Poly | None:
        """[p is the largest over its axes], where ties are kinks and differ almost everywhere; else None."""
        if not axes or not self._apart(p, axes):
            return None
        frame = self.frame([p], first=axes)
        places = tuple(range(len(axes)))
        mover = Mover((places, ()), (*dims, *(1 for _ in frame.labels[len(axes) :])))
        return self.single(self.mover("top", (frame.key, len(axes)), mover, frame.symmetries), frame.labels)

    def _apart(self, p: Poly, axes: tuple[int, ...]) -> bool:
        """Whether p - p' is not 0 almost everywhere for different places, and depends on what a derivative is by.

        That is so if a symbol with free entries occurs in p once, linearly, with all of the axes, in a term whose
        other factors do not carry them.
        """
        below = frozenset().union(*(self.atoms[a].leaves for m in p for a, _, _ in m[0]))
        if self.off_kinks_of.isdisjoint(below):
            return False
        for factors, _ in p:
            for a, labels, e in factors:
                atom = self.atoms[a]
                free = atom.kind == "symbol" and atom.smooth and {name for name, _ in atom.facts} <= SPREADING
                others = [f for f in factors if f[:2] != (a, labels)]
                if (
                    free
                    and e == 1
                    and set(axes) <= set(labels)
                    and len(set(labels)) == len(labels)
                    and self._once(p, atom.leaves)
                    and all(self._plain(f, axes) for f in others)
                ):
                    return True
        return False

    def _once(self, p: Poly, leaves: frozenset[str]) -> bool:
        return sum(bool(self.atoms[a].leaves & leaves) for m in p for a, _, _ in m[0]) == 1

    def _plain(self, factor: Factor, axes: tuple[int, ...]) -> bool:
        """A factor without the axes that is not 0 almost everywhere."""
        a, labels, _ = factor
        return self.atoms[a].smooth and not set(axes) & set(labels)
