"""How near an editor's preview is to what Apply gives, shown at the same size.

A photo is painted in full size and reduced; beside it what the preview shows while a slider moves: the whole
at screen size, as the recipe shrinks with it, and a part in full size by the statistics of the whole, which
is what is seen zoomed in. Differences are means over pixels and channels, of 255.

    python tests/benchmarks/preview_truth.py PHOTO [--side 2048] [--screen 1024] [--style great-wave]
"""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image
from velatura.editor import geometry
from velatura.editor.geometry import Rect
from velatura.editor.reduced import at_reduced_size
from velatura.editor.seen import patch, place_in
from velatura.kind import Within
from velatura.pixels import Layout
from velatura.recipe import Style, Stylize
from velatura_models.store.pictures import read_rgb


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--side", type=int, default=2048)
    parser.add_argument("--screen", type=int, default=1024)
    parser.add_argument("--style", default="great-wave")
    args = parser.parse_args()
    os.environ["VELATURA_HOME"] = tempfile.mkdtemp()
    from velatura_daemon.engine.engine import TorchEngine
    from velatura_daemon.engine.tasks import EngineTask, Finished, Slot, memory
    from velatura_daemon.settings import Settings

    engine = TorchEngine(Settings(threads=1))

    def run(
        recipe: Stylize, pixels: np.ndarray, reference: np.ndarray | None = None, place: Within | None = None
    ) -> np.ndarray:
        def slot(array: np.ndarray, name: str) -> Slot:
            layout = Layout(array.shape[1], array.shape[0], "RGB")
            return Slot(layout, memoryview(np.ascontiguousarray(array).tobytes()), name * 64)

        pictures = {} if reference is None else {"b" * 64: slot(reference, "b")}
        recipe = replace(recipe, reference="b" * 64 if pictures else "", place=place)
        name = f"{len(pixels):x}"[-1]
        task = EngineTask("job", recipe, slot(pixels, name), None, pictures, memory)
        (end,) = (event for event in engine.run(task) if isinstance(event, Finished))
        return np.frombuffer(end.data, np.uint8).reshape(pixels.shape)

    photo = read_rgb(Path(args.photo))
    scale = args.side / max(photo.size)
    photo = photo.resize((round(photo.width * scale), round(photo.height * scale)), Image.Resampling.LANCZOS)
    whole = np.asarray(photo)
    area = Rect(0, 0, *photo.size)
    factor = geometry.reduction(area, args.screen)

    def small(pixels: np.ndarray) -> np.ndarray:
        size = geometry.reduced_size(area, factor)
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))

    part = patch(area.middle, args.screen // 2, area)
    where = np.s_[part.y : part.bottom, part.x : part.right]
    print(f"{area.width} x {area.height}, reduced by {factor}; {args.style}")
    for method, scale in (
        ("auto", 1.0),
        ("auto", 2.0),
        ("auto", 4.0),
        ("adain-skip", 0.6),
        ("adain-skip", 1.0),
        ("adain-skip", 2.0),
    ):
        recipe = Stylize((Style(args.style),), method=method, scale=scale)
        final = run(recipe, whole)
        seen = run(at_reduced_size(recipe, factor, {args.style}), small(whole))
        close = run(recipe, whole[where], small(whole), place_in(area, part, factor))
        off = [np.abs(a.astype(int) - b).mean() for a, b in ((seen, small(final)), (close, final[where]))]
        print(f"{method:10} stroke size {scale:3.0%}: whole {off[0]:5.1f}   part {off[1]:5.1f}")


if __name__ == "__main__":
    main()
