"""The page, top to bottom: a picture, a style, controls, a button, the result. Run by Streamlit."""

from __future__ import annotations

import hashlib
from typing import Any

import streamlit as st
from streamlit.runtime import get_instance
from streamlit.runtime.scriptrunner import get_script_run_ctx
from velatura.errors import VelaturaError
from velatura.pictures.arrays import Pixels
from velatura.pictures.formats import READABLE
from velatura.pixels import Layout
from velatura.recipe import RECIPES, RecipeClass, Stylize

from velatura_daemon.web import widgets
from velatura_daemon.web.controls import controls
from velatura_daemon.web.visitor import (
    MOST_BYTES,
    Lobby,
    Visitor,
    fitted_mask,
    jpeg,
    mask_of,
    mixed,
    read_upload,
    shown,
)

TYPES = sorted(suffix.lstrip(".") for suffix in READABLE)
OWN = "A picture of my own"
AGAIN = 0.4
"""Seconds between two looks at a running job."""


def main() -> None:
    st.set_page_config("Velatura", "🖌️", "wide")
    try:
        visitor = _visitor()
        left, right = st.columns([2, 3], gap="large")
        with left:
            kind = _kind()
            content = _picture("Picture", "content", camera=True) if kind.FACTS.content else None
            style = _style(visitor) if kind.FACTS.styles else ()
            layout = content.layout if content is not None else Layout()
            fields = controls(kind, (layout.width, layout.height))
            mask = _mask(content) if content is not None and kind.FACTS.mask else None
        with right:
            _work(visitor, kind, content, style, mask, fields)
    except VelaturaError as error:
        st.error(str(error))


def _visitor() -> Visitor:
    """This tab's session; begun at its first sight."""
    visitor: Visitor | None = st.session_state.get("visitor")
    if visitor is None or visitor.closed:
        context = get_script_run_ctx()
        assert context is not None
        st.session_state.visitor = visitor = _lobby().enter(context.session_id)
    return visitor


@st.cache_resource
def _lobby() -> Lobby:
    runtime = get_instance()
    loop = (
        runtime._get_async_objs().eventloop
    )  # where alone sessions may be closed; there is no public way to it
    return Lobby(
        runtime.is_active_session, lambda session: loop.call_soon_threadsafe(runtime.close_session, session)
    )


def _kind() -> RecipeClass:
    """What to do: what editors offer too, but for experts' ways, and teaching the painter."""
    offered = [cls for cls in RECIPES.values() if cls.FACTS.editors or cls.FACTS.placed == "library"]
    kinds = {cls.KIND: cls for cls in offered if not cls.FACTS.expert}
    name = st.segmented_control(
        "What to do",
        kinds,
        default=Stylize.KIND,
        format_func=lambda k: kinds[k].FACTS.title,
        required=True,
        wrap=True,
    )
    kind = kinds[name or Stylize.KIND]
    st.caption(f"{kind.FACTS.help}.")
    return kind


def _picture(label: str, key: str, camera: bool = False) -> Pixels | None:
    """A picture by file or camera, read once."""
    most = MOST_BYTES >> 20
    sent = st.file_uploader(label, TYPES, key=f"{key}.file", max_upload_size=most)
    if camera and sent is None and st.toggle("Camera", key=f"{key}.camera"):
        sent = st.camera_input(label, key=f"{key}.shot", label_visibility="collapsed")
    if sent is None:
        st.session_state.pop(f"{key}.read", None)
        return None
    data = sent.getvalue()
    digest = hashlib.sha256(data).hexdigest()
    known = st.session_state.get(f"{key}.read")
    if known is None or known[0] != digest:
        st.session_state[f"{key}.read"] = known = digest, read_upload(data, sent.name)
    return known[1]


@st.cache_data(max_entries=500, show_spinner=False)
def _thumbnail(digest: str, _visitor: Visitor) -> bytes:
    return jpeg(_visitor.client.picture(digest), 160)


def _style(visitor: Visitor) -> Any:
    """One style or a mix of two: names of the library, or pictures that were sent."""
    library = {entry["name"]: entry for entry in visitor.client.styles()}
    st.session_state.setdefault("style", "great-wave" if "great-wave" in library else next(iter(library)))
    with st.expander("Gallery"):
        sought = st.text_input("Search", key="sought").lower()
        with st.container(horizontal=True, height=360, gap="small"):
            for name, entry in library.items():
                words = " ".join(str(entry.get(k, "")) for k in ("title", "artist", "year", "tags")).lower()
                if sought in words or sought in name:
                    _card(visitor, name, entry)
    names = [*library, OWN]

    def title(name: str) -> str:
        return library[name].get("title") or name if name in library else name

    first = st.selectbox("Style", names, key="style", format_func=title)
    second = st.selectbox(
        "Mixed with", ["", *names], key="second", format_func=lambda n: title(n) if n else "nothing"
    )
    chosen = [name for name in dict.fromkeys((first, second)) if name]
    pictures: dict[str, Any] = {name: name for name in chosen if name in library}
    if OWN in chosen:
        own = _picture("Style picture", "own")
        if own is not None:
            pictures[OWN] = own
            _keep(visitor, own)
    share = st.slider("Share of the second", 0.0, 1.0, 0.5, format="percent") if len(chosen) > 1 else 0.0
    found = [pictures[name] for name in chosen if name in pictures]
    return mixed(found, share) if len(found) == len(chosen) else ()


def _card(visitor: Visitor, name: str, entry: dict[str, Any]) -> None:
    with st.container(width=104, gap=None):
        if entry.get("thumbnail"):
            st.image(_thumbnail(entry["thumbnail"], visitor), width=104)
        st.button(
            entry.get("title") or name,
            key=f"card.{name}",
            type="primary" if st.session_state.style == name else "tertiary",
            on_click=lambda: st.session_state.update(style=name),
        )


def _keep(visitor: Visitor, own: Pixels) -> None:
    """Puts one's own style into the daemon's library, where it is asked for."""
    with st.popover("Keep this style"):
        name = st.text_input("Name", key="own.name", placeholder="my-style")
        if st.button("Keep", disabled=not name):
            visitor.client.add_style(name, own.array, title=name)
            st.toast(f"{name} is in the library now")


def _mask(content: Pixels) -> Any:
    """Where to paint: everywhere, where one draws, or by a file."""
    how = st.segmented_control("Where", ["Everywhere", "Draw", "File"], default="Everywhere", required=True)
    if how == "Draw":
        drawn = widgets.draw(_jpeg_of(content), f"draw.{_digest(content)}")
        mask = mask_of(drawn, content) if drawn else None
        share = 0 if mask is None else max(1, round(100 * float((mask > 0).mean())))
        st.caption(f"{share}% is drawn over." if share else "Draw over what is to be painted.")
        return mask
    if how == "File":
        sent = _picture("Mask: white is in full", "mask")
        return fitted_mask(sent, content) if sent is not None else None
    return None


def _digest(content: Pixels) -> str:
    return content.blob().hash_whole()[:16]


def _jpeg_of(picture: Any) -> bytes:
    return jpeg(picture.array if isinstance(picture, Pixels) else picture)


def _work(
    visitor: Visitor, kind: RecipeClass, content: Any, style: Any, mask: Any, fields: dict[str, Any]
) -> None:
    """Button, progress and result."""
    ready = (content is not None or not kind.FACTS.content) and (bool(style) or not kind.FACTS.styles)
    quick = kind is Stylize and fields.get("quality") == "fast"
    with st.container(horizontal=True, vertical_alignment="center"):
        pressed = st.button(kind.FACTS.title, type="primary", disabled=not ready, icon=":material/brush:")
        live = quick and st.toggle("Show at once", True, help="A small picture after every change")
    if not ready:
        st.info("Choose a picture and a style." if kind.FACTS.content else "Choose a style.")
    else:
        asked = _asked(kind, content, style, mask, fields)
        if pressed or (live and visitor.running is None and st.session_state.get("asked") != asked):
            st.session_state.asked = asked  # so that no small one takes the place of what the button made
            visitor.start(kind, content, style, mask, fields, draft=not pressed)
    if visitor.running is not None:
        _watch()
    elif visitor.result is not None:
        _result(visitor, kind, content)
    elif content is not None:
        st.image(shown(content.array), width="stretch")


def _asked(*parts: Any) -> str:
    """What was asked for, in short."""
    kind, content, style, mask, fields = parts
    named = [(s if isinstance(s, str) else _digest(s), w) for s, w in style]
    drawn = hashlib.sha256(mask.tobytes()).hexdigest() if mask is not None else ""
    return repr((kind.KIND, _digest(content) if content is not None else "", named, drawn, fields))


@st.fragment(run_every=AGAIN)
def _watch() -> None:
    """The running job, looked at again and again without the rest of the page."""
    visitor = _visitor()
    ended = visitor.take()
    if ended is not None:
        st.session_state.said, st.session_state.notes = ended.error, ended.notes
        st.session_state.draft = ended.draft
        st.rerun()
    running = visitor.running
    if running is None:
        return
    st.progress(min(running.done, 1.0), running.said)
    if not running.draft and st.button("Stop and keep" if running.stops else "Cancel"):
        visitor.stop()
    if running.preview is not None:
        st.image(shown(running.preview), width="stretch")


def _result(visitor: Visitor, kind: RecipeClass, content: Any) -> None:
    if st.session_state.get("said"):
        st.error(st.session_state.said)
    for note in st.session_state.get("notes", ()):
        st.caption(f"{note[:1].upper()}{note[1:]}.")
    assert visitor.result is not None
    data = visitor.result.read_bytes()
    after = read_upload(data, "result.png")
    aspects = [picture.layout.width / picture.layout.height for picture in (content or after, after)]
    if content is not None and abs(aspects[0] - aspects[1]) < 0.02:
        widgets.compare(_jpeg_of(content), _jpeg_of(after))
    else:
        st.image(shown(after.array), width="stretch")
    about = f"{after.layout.width} x {after.layout.height} pixels"
    if st.session_state.get("draft"):
        st.caption(f"{about}: a small one. The button paints it in full size, to be downloaded.")
    else:
        st.download_button("Download", data, "velatura.png", "image/png", help="A PNG with its recipe inside")
        st.caption(f"{about}. The file holds its recipe: `velatura {kind.KIND} --recipe` runs it again.")


main()
