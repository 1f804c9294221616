"""From expressions to an ordered plan: instructions, lifetimes and buffers."""
