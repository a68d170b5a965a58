"""Velatura's GIMP plug-in; `velatura_gimp.py` is the program that GIMP starts."""
