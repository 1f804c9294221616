"""Derivations in Markdown files and notebooks: fenced ``graphc`` blocks, judged line by line."""

from graphc.checking.notes.blocks import Place, contains_blocks, find
from graphc.checking.notes.judging import Judgement, Notes
from graphc.checking.notes.report import Outcome, judge_files

__all__ = ["Judgement", "Notes", "Outcome", "Place", "contains_blocks", "find", "judge_files"]
