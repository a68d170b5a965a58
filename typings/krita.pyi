"""libkis, which exists only inside Krita."""

from typing import Any

def __getattr__(name: str) -> Any: ...
