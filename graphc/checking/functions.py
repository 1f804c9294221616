"""Powers, exponentials, logarithms and signs of polynomials, split as far as identities allow."""

from __future__ import annotations

import itertools
from fractions import Fraction

import sympy

from graphc.checking.atoms import UNIT, Atom, OutOfBudgetError, Poly
from graphc.checking.cases import Cases
from graphc.checking.factoring import factored
from graphc.checking.frames import Frame
from graphc.checking.labels import Factor, Labels
from graphc.checking.polynomials import ONE

ODD = frozenset(("arctan", "arcsin", "erf"))
RISING = frozenset(("tanh", "sinh", "arctan", "arcsin", "erf"))  # increasing, and 0 at 0


class Functions(Cases):
    """Functions of polynomials by their identities."""

    def __init__(self, budget: int = 20_000, off_kinks_of: frozenset[str] = frozenset()) -> None:
        super().__init__(budget, off_kinks_of)
        self.ramps: dict[object, Poly] = {}  # relu(x) multiplied out, and its sign [x > 0]

    # -- powers --------------------------------------------------------------------------------------------------

    def power(self, p: Poly, e: Fraction) -> Poly:
        """``p**e``: products by factors (under roots only those known not to be negative), sums as one atom."""
        if e == 0:
            return self.number(1)
        if e == 1 or not p:
            if not p and e < 0:
                raise OutOfBudgetError("a division by zero")
            return p
        if len(p) == 1:
            (((factors, dims), c),) = p.items()
            if not dims:
                return self._product_power(c, factors, e)
        if e.denominator == 1 and 1 < e <= 8:
            return self.whole_power(p, int(e))
        number, common, rest = self.content(p, lambda a: e.denominator == 1 or a.nonnegative)
        result = self.multiply(
            self.number_power(number, e), self.monomial(ONE, [(a, ls, q * e) for a, ls, q in common], {})
        )
        return self.multiply(result, self._sum_power(rest, e))

    def _product_power(self, c: Fraction, factors: tuple[Factor, ...], e: Fraction) -> Poly:
        if e.denominator == 1:
            return self.monomial(c**e.numerator, [(a, ls, p * e) for a, ls, p in factors], {})
        result = self.number_power(abs(c), e)
        left: list[Factor] = []
        for a, ls, p in factors:
            whole = p * e
            if self.atoms[a].nonnegative or p.denominator != 1:
                result = self.multiply(result, self.single(a, ls, whole))
            elif p % 2 == 0 and whole.denominator == 1:  # sqrt(x**2) is x sign(x)
                sign = self.power(self.sign(self.single(a, ls)), whole % 2) if whole % 2 else self.number(1)
                result = self.multiply(result, self.multiply(self.single(a, ls, whole), sign))
            else:
                left.append((a, ls, p))
        if c > 0 and len(left) == 1 and left[0][2] == 1:
            return self.multiply(result, self.single(left[0][0], left[0][1], e))
        rest = self.monomial(Fraction(1 if c > 0 else -1), left, {})
        return result if rest == self.number(1) else self.multiply(result, self._sum_power(rest, e))

    def _sum_power(self, rest: Poly, e: Fraction) -> Poly:
        if rest == self.number(1):
            return rest
        parts = factored(rest) if e.denominator == 1 else None
        if parts is not None:
            result = self.number(1)
            for part, times in parts:
                result = self.multiply(result, self.power(part, e * times))
            return result
        frame = self.frame([rest], flip=e.denominator == 1)
        body = frame.bodies[0]
        atom = self.applied("power", frame, positive=self.is_positive(body), nonnegative=self.is_nonnegative(body))
        return self.add((frame.sign ** abs(e.numerator) if frame.sign < 0 else 1, self.single(atom, frame.labels, e)))

    def number_power(self, value: Fraction, e: Fraction) -> Poly:
        """A positive number to a rational power, by primes."""
        if e.denominator == 1:
            return self.number(value**e.numerator)
        result = self.number(1)
        for n, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, times in sympy.factorint(n).items():
                atom = self.atom(
                    ("root", int(prime)),
                    lambda prime=prime: Atom("root", 0, ((),), {UNIT: Fraction(int(prime))}, True, True),
                )
                result = self.multiply(result, self.single(atom, (), e * int(times) * sign))
        return result

    # -- exponentials and logarithms -----------------------------------------------------------------------------

    def exp(self, p: Poly) -> Poly:
        """exp of a sum is a product: one atom for each term, its coefficient as exponent."""
        result = self.number(1)
        for (factors, dims), c in p.items():
            if len(factors) == 1 and not dims and factors[0][2] == 1 and self.atoms[factors[0][0]].kind == "log":
                a, labels, _ = factors[0]
                part = self._exp_log(self.relabel(self.atoms[a].body, dict(enumerate(labels))), c)
            else:
                frame = self.frame([{(factors, dims): ONE}])
                part = self.single(self.applied("exp", frame, positive=True), frame.labels, c)
            result = self.multiply(result, part)
        return result

    def _exp_log(self, p: Poly, c: Fraction) -> Poly:
        """exp(c log|p|)."""
        if self.is_positive(p) or c % 2 == 0:
            return self.power(p, c)
        return self.power(self.multiply(p, self.sign(p)), c)

    def log(self, p: Poly) -> Poly:
        """log of a product is a sum: atoms stand for log|x|, which is log(x) wherever that is defined."""
        if not p:
            raise OutOfBudgetError("the logarithm of zero")
        number, common, rest = self.content(p, lambda a: a.kind != "delta")
        total = self.log_number(number)
        for a, labels, e in common:
            atom = self.atoms[a]
            if atom.kind == "sign":
                continue  # log(abs(x)), for x other than 0
            if atom.kind == "root":
                ((_, value),) = atom.body.items()
                part = self.log_number(value)
            elif atom.kind in ("exp", "power"):
                body = self.relabel(atom.body, dict(enumerate(labels)))
                part = body if atom.kind == "exp" else self.log(body)
            else:
                part = self.function("log", self.frame([self.single(a, labels)]))
            total = self.add((1, total), (e, part))
        if rest in (self.number(1), self.number(-1)):
            return total
        if len(rest) == 1 and rest != p and not next(iter(rest))[1]:
            return self.add((1, total), (1, self.log(rest)))
        return self.add((1, total), (1, self.function("log", self.frame([rest], flip=True))))

    def log_number(self, value: Fraction) -> Poly:
        total: Poly = {}
        for n, sign in ((value.numerator, 1), (value.denominator, -1)):
            for prime, times in sympy.factorint(n).items():
                term = self.function("log", self.frame([self.number(int(prime))]), positive=True)
                total = self.add((1, total), (sign * int(times), term))
        return total

    def general_power(self, a: Poly, b: Poly) -> Poly:
        """a**b is exp(b log a) for a positive a; else only whole numbers are split from b: a negative a has powers."""
        if self.is_positive(a):
            return self.exp(self.multiply(b, self.log(a)))
        whole = Fraction(b.get(UNIT, Fraction(0)).__floor__())
        rest = self.add((1, b), (-1, self.number(whole)))
        return self.multiply(self.elementwise("general_power", [a, rest]), self.power(a, whole))

    def elementwise(self, name: str, args: list[Poly]) -> Poly:
        odd = name in ODD
        frame = self.frame(args, flip=odd and len(args) == 1)
        made = self.function(name, frame)
        return self.add((frame.sign if odd else 1, made))

    # -- signs ---------------------------------------------------------------------------------------------------

    def sign(self, p: Poly) -> Poly:
        """The sign of a product is the product of signs; sums keep theirs as one atom in {-1, 0, 1}."""
        if self.is_positive(p):
            return self.number(1)
        ramp = self.ramps.get(tuple(sorted(p.items())))
        if ramp is not None:
            return ramp
        if not p or self.is_positive(self.add((-1, p))):
            return self.number(-1) if p else p
        _, common, rest = self.content(p, lambda a: True)
        if len(p) == 1 and len(common) == 1 and abs(common[0][2]) == 1 and len(rest) == 1 and UNIT in rest:
            a, labels, _ = common[0]
            return self.add((rest[UNIT], self._sign_atom(a, labels)))
        result = self.number(1)
        for a, labels, e in common:
            if e.denominator != 1:
                factor = self.sign(self.single(a, labels))  # a root is not negative, and 0 with its argument
                factor = self.power(factor, Fraction(2))
            else:
                factor = self.power(self._sign_atom(a, labels), 2 - e % 2)
            result = self.multiply(result, factor)
        return self.multiply(result, self._sign_rest(rest))

    def _sign_atom(self, a: int, labels: Labels) -> Poly:
        atom = self.atoms[a]
        if atom.positive:
            return self.number(1)
        if atom.kind in ("sign", "delta") or atom.binary or ("binary", 0) in atom.facts:
            return self.single(a, labels)
        if atom.kind == "power" or atom.kind in RISING:
            return self.sign(self.relabel(atom.body, dict(enumerate(labels))))
        frame = self.frame([self.single(a, labels)])
        return self.function("sign", frame, moving=self.moving(frame))

    def _sign_rest(self, rest: Poly) -> Poly:
        for turn in (1, -1):
            turned = self.add((turn, rest))
            if self.is_positive(turned):
                return self.number(turn)
            if self.is_nonnegative(turned):  # 0 or 1, as is the square
                frame = self.frame([rest], flip=True)
                s = self.function("sign", frame, moving=self.moving(frame))
                return self.add((turn, self.multiply(s, s)))
        inner = {(a, ls) for factors, _ in rest for a, ls, _ in factors}
        if len(inner) == 1:
            ((a, ls),) = inner
            if self.atoms[a].kind == "sign":
                return self._of_sign(rest, self.single(a, ls))
        frame = self.frame([rest], flip=True)
        return self.add((frame.sign, self.function("sign", frame, moving=self.moving(frame))))

    def _of_sign(self, p: Poly, s: Poly) -> Poly:
        """The sign of a polynomial in one sign s, from its values at -1, 0 and 1."""
        values = [sum((c * v ** int(m[0][0][2] if m[0] else 0) for m, c in p.items()), Fraction(0)) for v in (-1, 0, 1)]
        low, mid, high = ((v > 0) - (v < 0) for v in values)
        even, odd = Fraction(low + high - 2 * mid, 2), Fraction(high - low, 2)
        return self.add((mid, self.number(1)), (odd, s), (even, self.multiply(s, s)))

    def moving(self, frame: Frame) -> bool:
        """Whether the argument does not vanish on a diagonal, as x[i] - x[j] does where i = j."""
        (p,) = frame.bodies
        axes = range(len(frame.labels))
        pairs = [{j: i} for i, j in itertools.combinations(axes, 2)]
        return len(axes) <= 3 and all(self.relabel(p, m) for m in [*pairs, dict.fromkeys(axes, 0)])
