"""Checking hand derivations: verdicts with proofs, counterexamples, diagnoses and repairs."""

from graphc.checking.derivatives import check_derivative
from graphc.checking.judge import check
from graphc.checking.numeric import compare_gradients, finite_difference
from graphc.checking.verdict import Counterexample, Status, Verdict

__all__ = ["Counterexample", "Status", "Verdict", "check", "check_derivative", "compare_gradients", "finite_difference"]
