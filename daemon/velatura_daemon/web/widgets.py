"""What Streamlit lacks: a canvas to draw a mask on, and before and after under one slider."""

from __future__ import annotations

import base64
from typing import Any

from streamlit.components.v2 import component

SHARED = """
.box { position: relative; width: 100%; line-height: 0; border-radius: 6px; overflow: hidden; }
.box img { width: 100%; display: block; user-select: none; -webkit-user-drag: none; }
"""

_compare = component(
    "velatura_compare",
    html="""<div class="box"><img class="after" alt="after"><img class="before" alt="before">
      <div class="line"></div>
      <input type="range" min="0" max="100" value="50" aria-label="Before and after"></div>""",
    css=SHARED
    + """
      .before { position: absolute; inset: 0; clip-path: inset(0 calc(100% - var(--at, 50%)) 0 0); }
      .line { position: absolute; top: 0; bottom: 0; left: var(--at, 50%); width: 2px; background: white;
              box-shadow: 0 0 3px black; pointer-events: none; }
      input { position: absolute; inset: 0; width: 100%; height: 100%; margin: 0; opacity: 0;
              cursor: ew-resize; }
    """,
    js="""
      export default function ({ parentElement, data }) {
        const box = parentElement.querySelector(".box"), input = box.querySelector("input");
        box.querySelector(".before").src = data.before;
        box.querySelector(".after").src = data.after;
        input.oninput = () => box.style.setProperty("--at", input.value + "%");
      }
    """,
)

_draw = component(
    "velatura_draw",
    html="""<div class="box"><img alt="your picture"><canvas aria-label="Mask"></canvas></div>
      <div class="tools"><label>Brush <input type="range" min="4" max="120" value="40"></label>
      <button type="button">Clear</button></div>""",
    css=SHARED
    + """
      canvas { position: absolute; inset: 0; width: 100%; height: 100%; opacity: 0.6; cursor: crosshair;
               touch-action: none; }
      .tools { display: flex; justify-content: space-between; align-items: center; padding: 6px 0;
               font: 14px sans-serif; color: inherit; }
    """,
    js="""
      export default function ({ parentElement, data, setStateValue }) {
        const find = (name) => parentElement.querySelector(name);
        const image = find("img"), canvas = find("canvas"), brush = find("input");
        const pen = canvas.getContext("2d");
        if (image.src !== data.picture) {
          image.onload = () => { canvas.width = image.naturalWidth; canvas.height = image.naturalHeight; };
          image.src = data.picture;
        }
        const place = (e) => {
          const r = canvas.getBoundingClientRect();
          const across = canvas.width / r.width, down = canvas.height / r.height;
          return [(e.clientX - r.left) * across, (e.clientY - r.top) * down];
        };
        let last = null;
        const stroke = (to) => {
          pen.lineCap = "round"; pen.strokeStyle = "#ff3b6b"; pen.lineWidth = +brush.value;
          pen.beginPath(); pen.moveTo(...last); pen.lineTo(to[0] + 0.01, to[1]); pen.stroke(); last = to;
        };
        const tell = () => setStateValue("mask", canvas.toDataURL("image/png"));
        canvas.onpointerdown = (e) => {
          canvas.setPointerCapture(e.pointerId); last = place(e); stroke(last);
        };
        canvas.onpointermove = (e) => { if (last) stroke(place(e)); };
        canvas.onpointerup = canvas.onpointercancel = () => { if (last) { last = null; tell(); } };
        find("button").onclick = () => { pen.clearRect(0, 0, canvas.width, canvas.height); tell(); };
      }
    """,
)


def compare(before: bytes, after: bytes) -> None:
    """Two JPEG files of one shape under a slider."""
    _compare(data={"before": _url(before), "after": _url(after)}, key="compare")


def draw(picture: bytes, key: str) -> bytes | None:
    """A canvas over a JPEG file: what is drawn, as a PNG file whose alpha is the mask; None before that."""
    made: Any = _draw(
        data={"picture": _url(picture)}, key=key, default={"mask": ""}, on_mask_change=lambda: None
    )
    _, _, data = (made.mask or "").partition("base64,")
    return base64.b64decode(data) if data else None


def _url(jpeg: bytes) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}"
