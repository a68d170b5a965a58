"""The profile of sRGB that every conversion of colours uses: LittleCMS's own, in Python so that it is at hand
inside editors, which make one of their own whose primaries differ in the fifth decimal.
"""

from __future__ import annotations

import base64
import zlib

_PACKED = (
    "eNqVkb1Lw1AUxU9bRdFKBx1EHDJUcWhBFMRR69ClSKkVrLokr2krJGlIUqS4Ci4OBQfRxa/B/0BXwVVBEBRBxNnRr0VKPGkK"
    "LaKD9/Fyf5y8c7nvPiCY0oRud8wAuuFYmWRCWsotS10vCHA1Qha2OZtOp/BnfN75Z2/jXi38L3rzqi2AQDd5SpiWQ2Y3SK07"
    "psfb5AFRkvPkQ3LMYoPkK09XfH72uOjzu8dWNjMHBL2aUrGNlTYWJUsnj5GjulYRzX68m4RVY3GBeYh7GDYySCIBCQoqWIMG"
    "B3FmgzP73Tfe8M2jTI/g10QVFh1FlOiNUa2wqspcoK5yaah6c/85T7swOeFXDyeAzifXfRsBunaAes11v45ct34MhB6BC6Pl"
    "L3NO0x/Uay0tegBENoGzy5am7ALnW8DggylbckMKcQcLBeD1FOjLAf03QM+KP6vmf5zcA9kNPtE1sLcPjPJ8ZPUbPitnsA=="
)

PROFILE = zlib.decompress(base64.b64decode(_PACKED))
"""ICC bytes."""

NEAR = 2 / 255
"""How far profiles that are all called sRGB differ by the rounding of their makers, next to black, where the
curve is steep; any other profile in use differs by 20 steps and more."""
