"""The `overproof` command, also as `python -m overproof`: an interrupt ends it quietly while its modules still load."""

import os
import signal


def main() -> None:
    """Run the command that was typed."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Not by an exception: one that is raised in a callback of the import system is printed and lost.
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        from overproof.cli import main as run_command

        signal.signal(signal.SIGINT, signal.default_int_handler)
    else:
        from overproof.cli import main as run_command
    try:
        run_command()
    except KeyboardInterrupt:  # a command tells of those that interrupt it
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
