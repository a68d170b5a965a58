"""Networks as torch modules: encoder, decoders, and those that paint in one pass."""
