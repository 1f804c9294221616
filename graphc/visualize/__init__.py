"""Showing expressions: text, LaTeX, pictures and pages."""
