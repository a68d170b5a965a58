"""Tests against the real Krita and the real GIMP, in a folder that `roots/build.sh` builds once."""
