"""From a plan to standalone NumPy source, to be read or to be fast."""

from graphc.codegen.emitting import emit
from graphc.codegen.update import UpdateRule

__all__ = ["UpdateRule", "emit"]
