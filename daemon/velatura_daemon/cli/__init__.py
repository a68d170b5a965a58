"""The command `velatura`: everything the daemon can do, from a terminal and from scripts.

One module per group of commands, imported when one of its commands is called: `velatura --version` needs
none. Networks and pictures are imported when a command needs them. Every error that has a code ends in one
line on standard error and the exit code that `exits` states for it; only a defect shows a traceback, or any
error with `--debug`.
"""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from importlib import import_module
from importlib.util import find_spec
from typing import Annotated, Any

import typer
import velatura
from typer.core import TyperGroup
from velatura.errors import PictureWarning, VersionWarning

MODULES = {
    "stylize": "paint",
    "refine": "paint",
    "texture": "paint",
    "upscale": "paint",
    "keypoints": "keypoints",
    "sheet": "sheet",
    "video": "video",
    "webcam": "webcam",
    "batch": "batch",
    "web": "web",
    "styles": "styles",
    "models": "models",
    "daemon": "daemon",
    "keys": "remote",
    "profile": "remote",
    "ps": "jobs",
    "cancel": "jobs",
    "doctor": "doctor",
    "bench": "bench",
    "install": "install",
    "uninstall": "install",
    "service": "install",
    "train": "train",
}
"""Command to the module that has it, as a function of its name or, for a group of commands, as `NAME_app`; in
the order of `velatura --help`."""


class _Commands(TyperGroup):
    """Finds a command's module, runs the command and turns its error into one line and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        trains = find_spec("velatura_models.training") is not None
        return [name for name in MODULES if trains or name != "train"]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in self.list_commands(ctx):
            return None
        module, room = import_module(f".{MODULES[cmd_name]}", __package__), typer.Typer()
        group = getattr(module, f"{cmd_name}_app", None)
        if group is not None:
            room.add_typer(group, name=cmd_name)
        else:
            room.command()(getattr(module, cmd_name))
        return typer.main.get_group(room).commands[cmd_name]

    def invoke(self, ctx: Any) -> Any:
        try:
            with warnings.catch_warnings():
                if not ctx.params.get("debug"):
                    warnings.simplefilter("ignore")  # libraries speak to programmers
                for told in (PictureWarning, VersionWarning):
                    warnings.simplefilter("default", told)
                warnings.showwarning = _tell
                return super().invoke(ctx)
        except BrokenPipeError as error:
            from .exits import ENOUGH

            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what is still to be flushed
            raise SystemExit(ENOUGH) from error
        except (Exception, KeyboardInterrupt) as error:
            from . import show
            from .exits import exit_code, in_words

            code = exit_code(error)
            if code is None:
                raise
            if ctx.params.get("debug"):
                traceback.print_exc()
            show.note(f"velatura: {in_words(error)}")
            raise SystemExit(code) from error


def _tell(message: Any, *_: Any) -> None:
    from . import show

    show.note(f"velatura: {message}")


app = typer.Typer(
    cls=_Commands,
    help="Neural style transfer, served by one local daemon.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        print(f"velatura {velatura.__version__}")
        raise typer.Exit


@app.callback()
def root(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of any error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that stand before a command."""


def main(arguments: list[str] | None = None) -> None:
    """Runs the command line and exits; never returns.

    Args:
        arguments: without the program's name; the process's own by default.
    """
    for stream in (sys.stdout, sys.stderr):  # names of files may hold letters that a pipe's encoding lacks
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    command = typer.main.get_command(app)
    try:
        command.main(arguments, prog_name="velatura")
    except Exception as error:
        if "--debug" in (sys.argv[1:] if arguments is None else arguments):
            raise
        from . import show
        from .exits import INTERNAL, in_words

        show.note(
            f"velatura: a defect ({type(error).__name__}: {in_words(error)}); run it again as"
            " `velatura --debug ...` and report what that shows"
        )
        raise SystemExit(INTERNAL) from error
