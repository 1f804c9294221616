"""Imports run one way, nothing heavy is loaded on import, and the public names are there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import graphc as gc

ROOT = Path(__file__).parent.parent


def test_the_pipeline_imports_one_way() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_heavy_packages_are_loaded_when_they_are_needed() -> None:
    heavy = [
        "networkx",
        "graphviz",
        "ziamath",
        "resvg_py",
        "opt_einsum",
        "latex2mathml",
        "cyclopts",
        "rich",
        "matplotlib",
    ]
    code = f"import sys, graphc; print([m for m in {heavy!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names() -> None:
    promised = """
        dims symbol parameter constant parse names grad simplify expand count_ops derive latex draw compile emit
        evaluate check facts nn optim regularize train elementwise op softmax sigmoid relu cross_entropy mse
    """
    missing = [name for name in promised.split() if not hasattr(gc, name)]
    assert not missing
    undocumented = [name for name in vars(gc) if not name.startswith("_") and not getattr(gc, name).__doc__]
    assert not undocumented
