"""Tests inside the real GIMP."""
