"""graphc: gradients of tensor expressions in closed form, drawn, emitted as NumPy code, and checked."""
