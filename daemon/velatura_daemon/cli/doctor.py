"""`velatura doctor`: what works, what does not, and what to do about it; each check gives findings."""

from __future__ import annotations

import difflib
import importlib.metadata
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

import typer
import velatura
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from velatura import endpoint
from velatura.errors import VelaturaError
from velatura.messages import PROTOCOL

from ..paths import Paths, default_paths
from ..settings import PREFIX, Settings, load_settings
from . import show
from .exits import PROBLEMS

OK, NOTE, PROBLEM = "ok", "note", "problem"
MARKS = {OK: "ok", NOTE: "--", PROBLEM: "!!"}
SEE_LOG = "see: velatura daemon logs; velatura daemon logs --worker"
WARM_SECONDS = 60.0
"""How long a worker may take to warm up before that counts as a problem."""
ROOM = 64 << 20
"""Bytes of disk below which a folder counts as full."""
OTHER_VARIABLES = ("home", "connection", "models_url", "web_token")
"""Environment variables beside those of the settings, in small letters."""
EDITORS = {"gimp": "velatura_gimp", "krita": "velatura_krita"}


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `level` is `ok`, `note` (fine, worth knowing) or `problem`."""

    name: str
    level: str
    detail: str
    remedy: str = ""


def doctor(
    json: show.Json = False,
    start: Annotated[bool, typer.Option(help="Start a daemon where none runs.")] = True,
) -> None:
    """Check the installation and say what to do for each problem."""
    findings = []
    for finding in examine(start):
        findings.append(finding)
        if not json:
            remedy = f"\n      -> {finding.remedy}" if finding.remedy else ""
            show.line(f"[{MARKS[finding.level]}] {finding.name}: {finding.detail}{remedy}")
    problems = sum(finding.level == PROBLEM for finding in findings)
    if json:
        show.as_json({"problems": problems, "findings": [vars(finding) for finding in findings]})
    else:
        show.line("no problems" if not problems else f"{problems} problem{'s' if problems > 1 else ''}")
    if problems:
        raise typer.Exit(PROBLEMS)


def examine(start: bool) -> Iterator[Finding]:
    """All findings, as they are made."""
    paths = default_paths()
    for name, check in (
        ("python", python),
        ("packages", packages),
        ("settings", lambda: settings(paths)),
        ("folders", lambda: folders(paths)),
        ("device setting", lambda: device(paths)),
        ("daemon", lambda: daemon(start)),
        ("weights", lambda: weights(paths)),
        ("editors", editors),
    ):
        yield from guarded(check, name)


def guarded(check: Callable[[], Iterator[Finding]], name: str) -> Iterator[Finding]:
    """A check's findings; a check that cannot even run is a finding too, so that the others are made."""
    try:
        yield from check()
    except ImportError as error:
        missing = (error.name or "").partition(".")[0] or "a package"
        yield Finding(name, PROBLEM, f"cannot be looked at: {error}", f"run: pip install -U {missing}")
    except Exception as error:  # whatever is wrong with this machine is what doctor is asked about
        detail = f"cannot be looked at ({type(error).__name__}: {error})"
        yield Finding(name, PROBLEM, detail, "where this says nothing to you, please report it")


def python() -> Iterator[Finding]:
    """The interpreter."""
    version = ".".join(map(str, sys.version_info[:3]))
    allowed = SpecifierSet(importlib.metadata.metadata("velatura-daemon")["Requires-Python"])
    if not allowed.contains(version):
        yield Finding("python", PROBLEM, version, f"use Python {allowed}")
    else:
        yield Finding("python", OK, f"{version} ({sys.executable})")


def packages() -> Iterator[Finding]:
    """The packages that Velatura's own metadata asks for, with the versions found."""
    found, wrong = [], 0
    wanted = [
        *(importlib.metadata.requires("velatura") or []),
        *(importlib.metadata.requires("velatura-daemon") or []),
    ]
    for needed in map(Requirement, wanted):
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        name = needed.name
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            wrong += 1
            yield Finding(
                f"package {name}", PROBLEM, "is not installed", "run: pip install 'velatura[daemon]'"
            )
            continue
        if not needed.specifier.contains(version, prereleases=True):
            wrong += 1
            words = f"{version}, {needed.specifier} needed"
            remedy = f"run: pip install -U '{name}{needed.specifier}'"
            yield Finding(f"package {name}", PROBLEM, words, remedy)
        found.append(f"{name} {version}")
    if not wrong:
        yield Finding("packages", OK, ", ".join(found))


def settings(paths: Paths) -> Iterator[Finding]:
    """The settings file and environment variables."""
    there = paths.settings_file.exists()
    try:
        load_settings(paths)
    except VelaturaError as error:
        remedy = "correct it there" + (f", or remove {paths.settings_file}" if there else "")
        yield Finding("settings", PROBLEM, str(error), remedy)
        return
    yield Finding("settings", OK, str(paths.settings_file) if there else "defaults (no settings file)")
    known = [PREFIX + name.upper() for name in (*(f.name for f in fields(Settings)), *OTHER_VARIABLES)]
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else "unset it"
            yield Finding("environment", PROBLEM, f"{name} is no variable of Velatura's", remedy)


def folders(paths: Paths) -> Iterator[Finding]:
    """That every folder can be written and has room, and that the socket's folder is private."""
    wrong = False
    for purpose in ("config", "state", "cache", "data"):
        folder: Path = getattr(paths, purpose)
        nearest = next(p for p in (folder, *folder.parents) if p.exists())
        if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
            wrong = True
            yield Finding(
                f"folder for {purpose}",
                PROBLEM,
                f"{nearest} cannot be written",
                f"give yourself access to {nearest}, or set VELATURA_HOME to another folder",
            )
        elif (free := shutil.disk_usage(nearest).free) < ROOM:
            wrong = True
            words = f"{nearest} has {free / 1e6:.0f} MB left"
            yield Finding(f"folder for {purpose}", PROBLEM, words, "make room on that disk")
    run = endpoint.run_folder()
    if run.exists():
        try:
            endpoint.private_folder(run)
        except VelaturaError as error:
            wrong = True
            yield Finding("socket folder", PROBLEM, str(error), f"run: chmod 700 '{run}'")
    if not wrong:
        yield Finding("folders", OK, f"writable; socket in {run}")


def weights(paths: Paths) -> Iterator[Finding]:
    """Every installed backbone: digests, and a reconstruction; every trained network that is damaged."""
    from velatura_models.store.manifest import backbones
    from velatura_models.store.verify import verify, verify_networks

    for backbone in backbones().values():
        installed = (
            backbone.source == "embedded" or (paths.weights / f"{backbone.name}.safetensors").is_file()
        )
        pull = f"run: velatura models pull {backbone.name}"
        if not installed:
            yield Finding(f"weights {backbone.name}", NOTE, "not installed, optional", pull)
            continue
        remedy = "install Velatura again" if backbone.source == "embedded" else pull
        for check in verify(backbone.name, paths.weights):
            name = f"weights {backbone.name} {check.part}"
            yield Finding(name, OK if check.ok else PROBLEM, check.detail, "" if check.ok else remedy)
    for check in verify_networks(paths.weights):
        if not check.ok:
            remedy = f"or remove it: velatura models remove {check.backbone}.{check.part}"
            yield Finding(f"network {check.backbone}", PROBLEM, check.detail, remedy)


def device(paths: Paths) -> Iterator[Finding]:
    """That torch can be imported and use the device that is set."""
    from ..engine.device import choose_device

    try:
        settings = load_settings(paths)
    except VelaturaError:
        return  # said by `settings`
    try:
        chosen, why = choose_device(settings.device)
    except VelaturaError as error:
        variable = f"{PREFIX}DEVICE"
        remedy = f"unset {variable}" if variable in os.environ else f"take it out of {paths.settings_file}"
        yield Finding("device setting", PROBLEM, str(error), remedy)
    else:
        yield Finding("device setting", OK, f"{settings.device}: {chosen}, since {why}")


def daemon(start: bool) -> Iterator[Finding]:
    """That a daemon answers, speaks this version, and what it computes with."""
    try:
        with velatura.connect(start=start, client="velatura doctor") as client:
            status = _warm_status(client)
    except VelaturaError as error:
        if error.code == "not_running" and not start:
            yield Finding("daemon", NOTE, "not running", "it starts by itself, or: velatura daemon start")
        else:
            yield Finding("daemon", PROBLEM, f"{error.code}: {error}", SEE_LOG)
        return
    version = str(status.get("version", ""))
    if version != velatura.__version__:
        remedy = "run: velatura daemon stop; the next command starts the new one"
        detail = f"version {version} runs, this is {velatura.__version__}"
        yield Finding("daemon", PROBLEM, detail, remedy)
    else:
        protocol = ".".join(map(str, PROTOCOL))
        yield Finding("daemon", OK, f"version {version}, protocol {protocol}, pid {status.get('pid', '?')}")
    engine, state = status.get("engine") or {}, status["worker"]["state"]
    trouble = status["worker"].get("trouble")
    if engine.get("device") and trouble:
        yield Finding(
            "device", PROBLEM, trouble, "wake the card (often: restart the computer), then the daemon"
        )
    elif engine.get("device"):
        told = (
            f"{key}: {engine[key]}" for key in ("device_reason", "dtype", "dtype_reason") if engine.get(key)
        )
        yield Finding("device", OK, "; ".join([str(engine["device"]), *told]))
    elif trouble:
        yield Finding("device", PROBLEM, f"no worker starts: {trouble}", SEE_LOG)
    elif state == "off":
        yield Finding("device", NOTE, "no worker runs; the first job starts one")
    else:
        yield Finding("device", PROBLEM, f"the worker is not ready after {WARM_SECONDS:g} seconds", SEE_LOG)


def _warm_status(client: velatura.Client) -> dict[str, Any]:
    """The daemon's status, once its worker has warmed up or the time for that is over."""
    until = time.monotonic() + WARM_SECONDS
    status = client.status()
    while status["worker"]["state"] in ("starting", "warming") and time.monotonic() < until:
        time.sleep(0.1)
        status = client.status()
    return status


def editors() -> Iterator[Finding]:
    """Where plug-ins are installed, and of which version."""
    from ..install import installed_version
    from .install import installer

    for editor, package in EDITORS.items():
        install = f"run: velatura install {editor}"
        try:
            places = installer(editor).here()
        except (VelaturaError, OSError) as error:
            yield Finding(editor, NOTE, f"not found ({error})")
            continue
        for place in places:
            target = place.folder / package
            version = installed_version(target)
            if not version:
                yield Finding(place.editor, NOTE, f"plug-in not installed in {target.parent}", install)
            elif version != velatura.__version__:
                yield Finding(place.editor, PROBLEM, f"plug-in {version} in {target}", install)
            else:
                yield Finding(place.editor, OK, f"plug-in {version}")
