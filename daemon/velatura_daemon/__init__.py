"""The daemon: sockets, queue, worker processes, style library and command line."""


def main() -> None:
    """The command `velatura`; Ctrl-C while it is still being imported ends it without a traceback."""
    try:
        from .cli import main
    except KeyboardInterrupt:
        raise SystemExit(130) from None  # `cli.exits` may not be there
    main()
