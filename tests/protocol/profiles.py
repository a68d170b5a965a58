"""ICC profiles for tests, built byte by byte (ICC.1:2022) from published primaries."""

from __future__ import annotations

import struct

# Primaries adapted to D50, as columns R, G, B: Adobe RGB (1998), Display P3, sRGB.
ADOBE = ((0.60974, 0.20528, 0.14919), (0.31111, 0.62567, 0.06322), (0.01947, 0.06087, 0.74457))
P3 = ((0.51512, 0.29198, 0.15710), (0.24120, 0.69225, 0.06657), (-0.00105, 0.04189, 0.78407))
SRGB = ((0.43607, 0.38515, 0.14307), (0.22249, 0.71687, 0.06061), (0.01392, 0.09708, 0.71410))

SRGB_CURVE = (
    b"para"
    + bytes(4)
    + struct.pack(">HH", 3, 0)
    + struct.pack(">5i", *(round(v * 65536) for v in (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)))
)


def gamma_curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)


def table_curve(gamma: float, count: int = 1024) -> bytes:
    values = (round(65535 * (i / (count - 1)) ** gamma) for i in range(count))
    return b"curv" + bytes(4) + struct.pack(f">I{count}H", count, *values)


def profile(primaries, curve: bytes) -> bytes:
    """A display profile of the RGB class with one curve for all channels."""

    def xyz(x: float, y: float, z: float) -> bytes:
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in (x, y, z)))

    def words(text: str) -> bytes:
        return (
            b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text.encode() + bytes(1 + 8 + 3 + 67 + 1)
        )

    tags = {
        b"desc": words("test"),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": xyz(0.9642, 1.0, 0.8249),
    }
    for i, colour in enumerate((b"r", b"g", b"b")):
        tags[colour + b"XYZ"] = xyz(*(row[i] for row in primaries))
        tags[colour + b"TRC"] = curve
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        data += bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data
    head = struct.pack(">I4sI4s4s4s", start + len(body), b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += (
        struct.pack(">6H4s", 2024, 1, 1, 0, 0, 0, b"acsp")
        + bytes(28)
        + struct.pack(">3i", 63190, 65536, 54061)
    )
    head += bytes(128 - len(head))
    return head + struct.pack(">I", len(tags)) + table + body
