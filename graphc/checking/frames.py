"""Function applications as atoms that equal arguments share, ranges of values, and common factors."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from fractions import Fraction
from math import gcd, lcm
from typing import Any, NamedTuple

from graphc.checking.atoms import Atom, Poly
from graphc.checking.labels import Factor, Labels
from graphc.checking.polynomials import Algebra
from graphc.checking.squares import is_square


class Frame(NamedTuple):
    """Arguments in the order of axes (and with the sign) that gives the smallest key."""

    key: object
    labels: Labels
    symmetries: tuple[Labels, ...]
    sign: int
    bodies: list[Poly]


class Framed(Algebra):
    """Polynomials with function applications, their arguments in canonical order."""

    def frame(self, polys: list[Poly], *, first: tuple[int, ...] = (), flip: bool = False) -> Frame:
        """A canonical order of the axes of `polys`; axes in `first` keep their place in front."""
        used = sorted({x for p in polys for m in p for _, ls, _ in m[0] for x in ls if x >= 0} - set(first))
        best: tuple[object, Labels, int, list[Poly]] | None = None
        tied: list[Labels] = []
        for order in itertools.permutations(used) if len(used) <= 4 else [tuple(used)]:
            labels = (*first, *order)
            moved = [self.relabel(p, {x: i for i, x in enumerate(labels)}) for p in polys]
            for sign in (1, -1) if flip else (1,):
                bodies = moved if sign == 1 else [self.add((-1, p)) for p in moved]
                key = tuple(tuple(sorted(p.items())) for p in bodies)
                if best is None or key < best[0]:  # type: ignore[operator]
                    best, tied = (key, labels, sign, bodies), [labels]
                elif key == best[0] and sign == best[2]:
                    tied.append(labels)
        assert best is not None
        key_, labels, sign, bodies = best
        symmetries = tuple(tuple(labels.index(x) for x in other) for other in tied)
        return Frame(key_, labels, symmetries, sign, bodies)

    def function(self, name: str, frame: Frame, **known: Any) -> Poly:
        """A function application over framed arguments; `known` as in `applied`."""
        return self.single(self.applied(name, frame, **known), frame.labels)

    def applied(
        self,
        name: str,
        frame: Frame,
        *,
        positive: bool = False,
        nonnegative: bool = False,
        moving: bool = False,
        facts: frozenset[tuple[str, int]] = frozenset(),
    ) -> int:
        """The atom of a function application over framed arguments."""
        below = {a for p in frame.bodies for m in p for a, _, _ in m[0]}
        smooth = all(self.atoms[a].smooth for a in below)
        return self.atom(
            (name, frame.key),
            lambda: Atom(
                name,
                len(frame.labels),
                frame.symmetries,
                frame.bodies[0] if frame.bodies else {},
                positive,
                nonnegative or positive,
                smooth=smooth and name != "sign",
                generic=smooth and moving,
                leaves=frozenset().union(*(self.atoms[a].leaves for a in below)),
                facts=facts,
            ),
        )

    # -- ranges --------------------------------------------------------------------------------------------------

    def is_nonnegative(self, p: Poly) -> bool:
        return self._plainly(p) or any(self._plainly(self.mirrored(p, key)) for key in self.shares(p))

    def shares(self, p: Poly) -> list[tuple[int, Labels]]:
        """The symbols in `p` that lie between 0 and 1."""
        keys = {(a, ls) for factors, _ in p for a, ls, e in factors if e == 1 and min(ls, default=0) >= 0}
        return sorted(key for key in keys if ("unit_interval", 0) in self.atoms[key[0]].facts)

    def mirrored(self, p: Poly, key: tuple[int, Labels]) -> Poly:
        """`p` with 1 - u for u, which lies between 0 and 1 as well."""
        other = self.add((1, self.number(1)), (-1, self.single(*key)))
        parts: list[tuple[Fraction | int, Poly]] = []
        for (factors, dims), c in p.items():
            rest = [f for f in factors if f[:2] != key]
            term = self.monomial(c, rest, {-1 - i: d for i, d in enumerate(dims)})
            powers = [e for a, ls, e in factors if (a, ls) == key]
            if any(e != 1 for e in powers):
                return {}
            parts.append((1, self.multiply(term, other) if powers else term))
        return self.add(*parts)

    def _plainly(self, p: Poly) -> bool:
        return all(c > 0 and (all(self._unsigned(f) for f in m[0]) or is_square(self, m)) for m, c in p.items())

    def is_positive(self, p: Poly) -> bool:
        forms = [p, *(self.mirrored(p, key) for key in self.shares(p))]
        return any(self._plainly(q) and self._strictly(q) for q in forms)

    def _strictly(self, p: Poly) -> bool:
        return any(all(self.atoms[a].positive for a, _, _ in m[0]) for m in p)

    def _unsigned(self, factor: Factor) -> bool:
        a, _, e = factor
        return self.atoms[a].nonnegative or e.denominator != 1 or e % 2 == 0

    # -- common factors ------------------------------------------------------------------------------------------

    def content(self, p: Poly, wanted: Callable[[Atom], bool]) -> tuple[Fraction, list[Factor], Poly]:
        """`p` as a positive number, powers of the atoms that all terms share outside their sums, and the rest."""
        shared: dict[tuple[int, Labels], Fraction] | None = None
        for factors, _ in p:
            own = {(a, ls): e for a, ls, e in factors if wanted(self.atoms[a]) and min(ls, default=0) >= 0}
            keys = own.keys() if shared is None else own.keys() | shared.keys()
            shared = {
                k: min(
                    own.get(k, Fraction(0)), own.get(k, Fraction(0)) if shared is None else shared.get(k, Fraction(0))
                )
                for k in keys
            }
        common = [(a, ls, e) for (a, ls), e in (shared or {}).items() if e]
        number = Fraction(gcd(*(c.numerator for c in p.values())), lcm(*(c.denominator for c in p.values())))
        rest = self.add(
            *(
                (
                    1 / number,
                    self.monomial(
                        c, [*m[0], *((a, ls, -e) for a, ls, e in common)], {-1 - i: d for i, d in enumerate(m[1])}
                    ),
                )
                for m, c in p.items()
            )
        )
        return number, common, rest
