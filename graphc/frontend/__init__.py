"""Declaring expressions: formula text, ops of the user's own, and layers that create their parameters."""
