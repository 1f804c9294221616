"""Products of entries over axes: of a positive array as exp(sum(log(x))), of a product factor by factor."""

from __future__ import annotations

from fractions import Fraction

from graphc.checking.arrangements import Arrangements
from graphc.checking.atoms import Atom, Poly
from graphc.ir.dims import Dim

ONE = Fraction(1)
Axes = dict[int, Dim]


class Products(Arrangements):
    """Arrangements, and products over axes."""

    def product_over(self, p: Poly, axes: Axes) -> Poly:
        """The product of the entries over axes."""
        if not axes or not p:
            return p
        apart = self._with_delta(p, axes)
        if apart is not None:
            return apart
        if self.is_positive(p):
            return self.exp(self.summed(self.log(p), axes))
        if len(p) == 1:
            (((factors, dims), c),) = p.items()
            if not dims and c > 0 and all(e.denominator == 1 for _, _, e in factors):
                parts = [self.number(c), *(self.single(a, ls, e) for a, ls, e in factors)]
                result = self.number(1)
                for part in parts:
                    result = self.multiply(result, self._of_factor(part, axes))
                return result
        return self._product_atom(p, axes)

    def _of_factor(self, p: Poly, axes: Axes) -> Poly:
        carried = {x for m in p for _, ls, _ in m[0] for x in ls}
        if self.is_positive(p):
            return self.exp(self.summed(self.log(p), axes))
        left = {x: d for x, d in axes.items() if x in carried}
        outside = [self.size(d) for x, d in axes.items() if x not in carried]
        if left and outside:
            return self._product_atom(p, axes)
        if not left:
            count = outside[0]
            for n in outside[1:]:
                count = self.multiply(count, n)
            return self.general_power(p, count)
        (((((a, ls, e),), _), _),) = p.items()
        return self.power(self._product_atom(self.single(a, ls), left), e)

    def _product_atom(self, p: Poly, axes: Axes) -> Poly:
        frame = self.frame([p], first=tuple(axes))
        k = len(axes)
        below = [self.atoms[a] for m in p for a, _, _ in m[0]]
        make = Atom(
            "prod",
            len(frame.labels) - k,
            tuple(tuple(x - k for x in s[k:]) for s in frame.symmetries),
            {},
            nonnegative=self.is_nonnegative(p),
            smooth=all(a.smooth for a in below),
            leaves=frozenset().union(*(a.leaves for a in below)),
        )
        return self.single(self.atom(("prod", k, frame.key), lambda: make), frame.labels[k:])

    def _with_delta(self, p: Poly, axes: Axes) -> Poly | None:
        """prod_j (q[j] + delta[i, j] r[j]) is prod(q) (q[i] + r[i])/q[i], where q[i] is not 0."""
        if len(axes) != 1:
            return None
        (j,) = axes
        found = {m: next((f for f in m[0] if f[0] == self.delta and j in f[1]), None) for m in p}
        ends = {next(x for x in f[1] if x != j) for f in found.values() if f is not None}
        if len(ends) != 1 or min(ends) < 0:
            return None
        (i,) = ends
        q = {m: c for m, c in p.items() if found[m] is None}
        at = self.relabel(p, {j: i})
        own = self.relabel(q, {j: i})
        if not own:
            return None
        return self.multiply(self.multiply(self.product_over(q, axes), at), self.power(own, -ONE))
