"""`python -m velatura_daemon run`: the daemon in this process, with nothing imported that it does not need.

Clients start it this way. Everything for people is the `velatura` command.
"""

from __future__ import annotations

import sys

from velatura.errors import VelaturaError
from velatura.launch import ALREADY_RUNNING

from .service.instance import AlreadyRunning
from .service.run import run


def main(arguments: list[str]) -> int:
    """Exit code 0 after an orderly end, 1 for a wrong setting or folder, 2 for a wrong call,
    `ALREADY_RUNNING` when another daemon runs."""
    if arguments not in (["run"], ["run", "--verbose"]):
        print("usage: python -m velatura_daemon run [--verbose]", file=sys.stderr)
        return 2
    try:
        run(to_stderr="--verbose" in arguments)
    except AlreadyRunning as other:
        print(other, file=sys.stderr)
        return ALREADY_RUNNING
    except VelaturaError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:  # a full disk, a folder that cannot be written
        print(f"the daemon cannot start: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
