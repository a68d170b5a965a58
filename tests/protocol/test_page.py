"""PROTOCOL.md says what the code does."""

from __future__ import annotations

import hashlib
import importlib
import re
from pathlib import Path

import protocol_page
import pytest
from velatura import messages
from velatura.errors import CODES
from velatura.pixels import Layout, digest

DOCS = Path(__file__).parents[2] / "docs"
PAGE = protocol_page.PAGE.read_text(encoding="utf-8")


def test_the_generated_parts_are_fresh():
    assert protocol_page.rendered(PAGE) == PAGE, "run: python shared_protocol/protocol_page.py"


def test_the_docs_tables_of_fields_are_fresh_and_all_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(DOCS)
    tables = importlib.import_module("field_tables")
    pages = "".join(page.read_text(encoding="utf-8") for page in DOCS.glob("*.md"))
    assert all(
        f"<!-- {name} -->\n{table}\n<!-- /{name} -->" in pages for name, table in tables.parts().items()
    ), "run: python docs/field_tables.py"
    with pytest.raises(KeyError, match="fields sculpt"):
        tables.rendered("<!-- fields sculpt -->\n<!-- /fields sculpt -->")


def test_a_page_without_a_part_is_noticed():
    with pytest.raises(ValueError, match="message hello"):
        protocol_page.rendered(PAGE.replace("<!-- message hello -->", ""))


def test_every_message_and_error_is_on_the_page():
    assert all(f"### `{name}` (" in PAGE for name in messages.TYPES)
    assert all(f"| `{code}` |" in PAGE for code in CODES)


def test_the_digest_of_the_example_follows_from_the_words_of_the_page():
    independent = hashlib.blake2b(b"2 1 RGBA u8 straight srgb\n" + bytes(range(8)), digest_size=16)
    assert f"has the digest `{independent.hexdigest()}`" in PAGE and "\n2 1 RGBA u8 straight srgb\n" in PAGE
    assert digest(Layout(2, 1), [bytes(range(3)), bytes(range(3, 8))]) == independent.hexdigest()


def test_the_limits_on_the_page_are_the_code_s():
    major, minor = messages.PROTOCOL
    assert f"version {major}.{minor}" in PAGE.splitlines()[0]
    assert f"| header (frame 1) | {messages.MAX_HEADER:,} bytes |" in PAGE
    assert f"| body (frame 2) | {messages.CHUNK_BYTES:,} bytes |" in PAGE
    assert f"| chunks in flight, per transfer | {messages.WINDOW} |" in PAGE


def test_the_bytes_of_the_example_header_are_right():
    shown = re.search(r"^81 .*?^```", PAGE, re.DOTALL | re.MULTILINE)
    assert shown
    found = bytes.fromhex("".join(re.findall(r"^ *((?:[0-9a-f]{2} )+) ", shown[0], re.MULTILINE)))
    assert found == messages.encode(messages.Heartbeat())
