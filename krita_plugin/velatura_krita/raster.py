"""Strips of pixels reduced to the size they are shown or previewed at. Uses QImage, nothing of Krita.

A strip is as high as a multiple of the factor, so reduced strips follow each other without a seam and
are simply appended.
"""

from __future__ import annotations

from .qt import QtCore, QtGui

_FORMAT = QtGui.QImage.Format


def thin(pixels: bytes, width: int, height: int, pixel_bytes: int, skip: int) -> tuple[bytes, int, int]:
    """Every `skip`-th pixel of every `skip`-th row, before a costly conversion.

    Returns:
        The pixels and the new width and height.
    """
    if skip == 1:
        return pixels, width, height
    columns = -(-width // skip)
    row_bytes = width * pixel_bytes
    out = bytearray()
    for y in range(0, height, skip):
        row = pixels[y * row_bytes : (y + 1) * row_bytes]
        thinned = bytearray(columns * pixel_bytes)
        for i in range(pixel_bytes):
            thinned[i::pixel_bytes] = row[i :: pixel_bytes * skip]
        out += thinned
    return bytes(out), columns, -(-height // skip)


def rgb_to_bgra(pixels: bytes) -> bytes:
    """RGB of 8 bits as opaque BGRA."""
    out = bytearray(b"\xff") * (len(pixels) // 3 * 4)
    out[0::4], out[1::4], out[2::4] = pixels[2::3], pixels[1::3], pixels[0::3]
    return bytes(out)


def reduce_color(pixels: bytes, width: int, height: int, size: tuple[int, int]) -> bytes:
    """A strip of BGRA u8, straight alpha, averaged to another size."""
    if size == (width, height):
        return pixels
    image = QtGui.QImage(pixels, width, height, width * 4, _FORMAT.Format_ARGB32)
    return packed(_scaled(image, size).convertToFormat(_FORMAT.Format_ARGB32), 4)


def reduce_mask(values: bytes, width: int, height: int, size: tuple[int, int]) -> bytes:
    """A strip of one byte a pixel averaged to another size."""
    if size == (width, height):
        return values
    image = QtGui.QImage(values, width, height, width, _FORMAT.Format_Grayscale8)
    return packed(_scaled(image, size).convertToFormat(_FORMAT.Format_Grayscale8), 1)


def lightness(pixels: bytes, width: int, height: int) -> bytes:
    """How light BGRA u8 pixels with straight alpha are, a byte each; over black."""
    image = QtGui.QImage(width, height, _FORMAT.Format_RGB32)
    image.fill(QtCore.Qt.GlobalColor.black)
    painter = QtGui.QPainter(image)
    painter.drawImage(0, 0, to_image(pixels, width, height))
    painter.end()
    return packed(image.convertToFormat(_FORMAT.Format_Grayscale8), 1)


def _scaled(image: QtGui.QImage, size: tuple[int, int]) -> QtGui.QImage:
    return image.scaled(
        *size, QtCore.Qt.AspectRatioMode.IgnoreAspectRatio, QtCore.Qt.TransformationMode.SmoothTransformation
    )


def packed(image: QtGui.QImage, pixel_bytes: int) -> bytes:
    """The bytes of an image without the padding at the end of its rows."""
    whole = image.constBits().asstring(image.bytesPerLine() * image.height())
    row = image.width() * pixel_bytes
    if image.bytesPerLine() == row:
        return whole
    step = image.bytesPerLine()
    return b"".join(whole[y * step : y * step + row] for y in range(image.height()))


def to_image(pixels: bytes | bytearray | memoryview, width: int, height: int) -> QtGui.QImage:
    """BGRA u8 with straight alpha as a QImage that owns its memory."""
    image = QtGui.QImage(bytes(pixels), width, height, width * 4, _FORMAT.Format_ARGB32)
    return image.convertToFormat(_FORMAT.Format_ARGB32_Premultiplied)


def place(image: QtGui.QImage, strip: QtGui.QImage, top: int) -> None:
    """Puts a strip into an image, from row `top` on."""
    painter = QtGui.QPainter(image)
    painter.setCompositionMode(QtGui.QPainter.CompositionMode.CompositionMode_Source)
    painter.drawImage(0, top, strip)
    painter.end()
