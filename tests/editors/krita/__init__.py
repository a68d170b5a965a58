"""Tests of the plug-in in the real Krita, the whole program under Xvfb, against a real daemon."""
