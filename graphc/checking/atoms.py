"""Atoms: what the monomials of a proof are made of."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from graphc.checking.labels import Factor, Labels
from graphc.errors import GraphcError

Mono = tuple[tuple[Factor, ...], tuple[int, ...]]
Poly = dict[Mono, Fraction]
UNIT: Mono = ((), ())


class OutOfBudgetError(GraphcError):
    """A proof attempt grew too large, or met something it has no rule for."""


@dataclass(frozen=True, eq=False)
class Atom:
    """What a monomial is made of.

    Attributes
    ----------
    kind : "symbol", "size", "root", "delta", "power", "exp", "log", "sign", "softmax", or an op's name
    rank : the number of its axes
    symmetries : axis permutations that change nothing, the identity first
    body : what it is a function of, over its own axes
    range : the values it can take
    smooth : an analytic function of real symbols, so that it is 0 almost nowhere unless it is 0 everywhere
    generic : a sign whose argument is smooth, also where indices coincide
    leaves : names of the symbols below it
    facts : names of declared facts with their axis, counted from the front
    """

    kind: str
    rank: int
    symmetries: tuple[Labels, ...]
    body: Poly
    positive: bool = False
    nonnegative: bool = False
    binary: bool = False
    smooth: bool = True
    generic: bool = False
    leaves: frozenset[str] = frozenset()
    facts: frozenset[tuple[str, int]] = frozenset()
