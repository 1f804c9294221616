"""What an expression is: sizes, facts, ops and interned nodes."""
