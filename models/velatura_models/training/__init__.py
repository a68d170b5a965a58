"""Trainers of the embedded networks."""
