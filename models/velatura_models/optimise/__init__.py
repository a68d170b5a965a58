"""Optimising the pixels: what is minimised, how one descends, and coarse to fine."""
