"""Checking hand derivations: verdicts with proofs, counterexamples, diagnoses and repairs."""

from graphc.checking.code.check import check_code
from graphc.checking.code.report import CodeReport
from graphc.checking.derivation import StepVerdict
from graphc.checking.derivatives import check_derivative
from graphc.checking.judge import check
from graphc.checking.numeric import compare_gradients, finite_difference
from graphc.checking.steps import StepsVerdict, check_backprop, check_steps
from graphc.checking.verdict import Counterexample, Status, Verdict

__all__ = [
    "CodeReport",
    "Counterexample",
    "Status",
    "StepVerdict",
    "StepsVerdict",
    "Verdict",
    "check",
    "check_backprop",
    "check_code",
    "check_derivative",
    "check_steps",
    "compare_gradients",
    "finite_difference",
]
