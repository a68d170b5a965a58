"""Runs inside GIMP: takes Python code from a test over a socket, runs it, and sends back `value`.

Given to GIMP as its batch; the helpers below are what tests use. GIMP kills a plug-in whose buffers outlive
their image, so rubbish is collected after every piece of code.
"""

import base64
import gc
import json
import os
import socket
import traceback

import gi

gi.require_version("Gimp", "3.0")

from gi.repository import Gegl, Gimp  # noqa: E402

PRECISIONS = {p.value_nick: p for p in (
    Gimp.Precision.U8_LINEAR, Gimp.Precision.U8_NON_LINEAR, Gimp.Precision.U8_PERCEPTUAL,
    Gimp.Precision.U16_LINEAR, Gimp.Precision.U16_NON_LINEAR, Gimp.Precision.U16_PERCEPTUAL,
    Gimp.Precision.U32_LINEAR, Gimp.Precision.U32_NON_LINEAR, Gimp.Precision.U32_PERCEPTUAL,
    Gimp.Precision.HALF_LINEAR, Gimp.Precision.HALF_NON_LINEAR, Gimp.Precision.HALF_PERCEPTUAL,
    Gimp.Precision.FLOAT_LINEAR, Gimp.Precision.FLOAT_NON_LINEAR, Gimp.Precision.FLOAT_PERCEPTUAL,
    Gimp.Precision.DOUBLE_LINEAR, Gimp.Precision.DOUBLE_NON_LINEAR, Gimp.Precision.DOUBLE_PERCEPTUAL,
)}  # fmt: skip


def rectangle(drawable):
    return Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())


def put(drawable, data, form="R'G'B'A u8"):
    """Fills a drawable."""
    buffer = drawable.get_buffer()
    buffer.set(rectangle(drawable), form, data)
    buffer.flush()
    drawable.update(0, 0, drawable.get_width(), drawable.get_height())


def get(drawable, form="R'G'B'A float"):
    """All of a drawable's pixels; no format gives them as they are stored."""
    return bytes(drawable.get_buffer().get(rectangle(drawable), 1.0, form, Gegl.AbyssPolicy.CLAMP))


def picture(width, height):
    """A colourful test picture with a soft alpha, R'G'B'A u8."""
    rows = bytearray()
    for y in range(height):
        for x in range(width):
            alpha = 255 if x > width // 4 else 128 + x
            rows += bytes((x * 255 // width, y * 255 // height, (x * 7 + y * 3) % 256, alpha))
    return bytes(rows)


def new_image(width=48, height=40, precision="u8-non-linear", mode="rgb", layer=None, offset=(0, 0)):
    """An image with one layer that holds the test picture; its size is the image's unless given."""
    bases = {"rgb": Gimp.ImageBaseType.RGB, "gray": Gimp.ImageBaseType.GRAY}
    kinds = {"rgb": Gimp.ImageType.RGBA_IMAGE, "gray": Gimp.ImageType.GRAYA_IMAGE}
    base = "rgb" if mode == "indexed" else mode
    image = Gimp.Image.new_with_precision(width, height, bases[base], PRECISIONS[precision])
    size = layer or (width, height)
    made = Gimp.Layer.new(image, "paint", *size, kinds[base], 100, Gimp.LayerMode.NORMAL)
    made.set_offsets(*offset)
    image.insert_layer(made, None, 0)
    put(made, picture(*size))
    if mode == "indexed":
        image.convert_indexed(
            Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 64, True, False, ""
        )
    image.clean_all()
    return image, image.get_layers()[0]


def soft_ellipse(image, x, y, width, height, radius=8):
    image.select_ellipse(Gimp.ChannelOps.REPLACE, x, y, width, height)
    Gimp.Selection.feather(image, radius)


def selection(image, form="Y u8"):
    """The selection over the whole image; in an image of more than 8 bits it has more than 8 bits too."""
    box = Gegl.Rectangle.new(0, 0, image.get_width(), image.get_height())
    return bytes(image.get_selection().get_buffer().get(box, 1.0, form, Gegl.AbyssPolicy.NONE))


def call(kind, image, layer, mode=Gimp.RunMode.NONINTERACTIVE, **arguments):
    """Runs a procedure; its status, error text, layer and recipe."""
    procedure = Gimp.get_pdb().lookup_procedure("plug-in-velatura-" + kind)
    config = procedure.create_config()
    config.set_property("run-mode", mode)
    config.set_property("image", image)
    config.set_core_object_array("drawables", layer if isinstance(layer, list) else [layer])
    for name, value in arguments.items():
        config.set_property(name.replace("_", "-"), value)
    values = procedure.run(config)
    status = values.index(0).value_nick
    if status != "success":
        error = values.index(1) if values.length() > 1 else ""
        return {"status": status, "error": error or Gimp.get_pdb().get_last_error()}
    return {"status": status, "layer": values.index(1).get_id(), "recipe": json.loads(values.index(2))}


def state(image):
    """All that must not change when something fails: layers, pixels, selection, parasites."""
    layers = [
        (x.get_id(), x.get_name(), tuple(x.get_offsets()), get(x, None), x.get_parasite_list())
        for x in image.get_layers()
    ]
    return [layers, [x.get_id() for x in image.get_channels()], selection(image), image.is_dirty()]


def encode(value):
    if isinstance(value, (bytes, bytearray)):
        return {"bytes": base64.b64encode(value).decode()}
    raise TypeError(f"cannot send {value!r}")


def serve(path):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect(path)
    space = dict(globals())
    with peer.makefile("rwb") as lines:
        for line in lines:
            try:
                exec(compile(json.loads(line), "<test>", "exec"), space)
                reply = {"value": space.pop("value", None)}
            except BaseException:
                reply = {"error": traceback.format_exc()}
            gc.collect()
            try:
                data = json.dumps(reply, default=encode)
            except TypeError as error:
                data = json.dumps({"error": str(error)})
            lines.write(data.encode() + b"\n")
            lines.flush()


Gegl.init(None)
serve(os.environ["TEST_SOCKET"])
