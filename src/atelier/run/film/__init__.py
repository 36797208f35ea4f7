"""Films through the one way: many frames, painted one after the other, each with what came before it."""
