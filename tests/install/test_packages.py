"""The two distributions: the client is light, the daemon brings the rest, both of one version."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
import velatura
from velatura_daemon.install import archive, vendor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
CLIENT = tomllib.loads((ROOT / "shared_protocol/pyproject.toml").read_text("utf-8"))
DAEMON = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_the_client_needs_no_network_and_brings_no_command() -> None:
    needed = " ".join(CLIENT["project"]["dependencies"])
    assert not re.search("torch|typer|safetensors", needed) and "scripts" not in CLIENT["project"]


def test_the_daemon_needs_the_client_of_its_own_version() -> None:
    assert f"velatura=={velatura.__version__}" in DAEMON["project"]["dependencies"]


def test_every_extra_that_is_recommended_exists() -> None:
    texts = [
        p.read_text("utf-8")
        for pattern in ("*.md", "docs/*.md", "*/vel*/**/*.py")
        for p in ROOT.glob(pattern)
    ]
    asked = {name for text in texts for name in re.findall(r"velatura\[(\w+)\]", text)}
    offered = CLIENT["project"]["optional-dependencies"]
    assert asked and asked <= set(offered)
    for name in set(offered) - {"daemon"}:
        assert (
            offered[name] == [f"velatura-daemon[{name}]"]
            and name in DAEMON["project"]["optional-dependencies"]
        )


def test_the_readme_alone_has_no_link_that_leads_nowhere() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    rules = DAEMON["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]["substitutions"]
    for rule in rules:
        text = re.sub(rule["pattern"], rule["replacement"], text)
    links = re.findall(r"\]\(([^)#][^)]*)\)", text)
    assert all(link.startswith("https://") for link in links) and "![" not in text
    told = re.findall(r"\(`([^`]+)` in the source\)", text)
    assert len(told) > 10 and all((ROOT / path.partition("#")[0]).is_file() for path in told)


def test_plug_ins_are_installed_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vendor, "BROUGHT", tmp_path / "wheels")
    monkeypatch.setattr(vendor, "_pip", lambda command: pytest.fail("pip was called"))
    (tmp_path / "merged" / "zmq").mkdir(parents=True)
    (tmp_path / "merged" / "zmq" / "__init__.py").write_text("")
    name = "-".join(["windows", "arm64", *vendor.PACKAGES]).replace("==", "-")
    archive.write_zip(tmp_path / "merged", vendor.BROUGHT / f"{name}.zip")
    folder = vendor.assemble("windows", "arm64", tmp_path / "cache")
    assert (folder / "zmq" / "__init__.py").is_file()
