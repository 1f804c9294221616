"""Running expressions: at once on arrays, or compiled to NumPy code."""
