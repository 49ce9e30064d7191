"""The command line: parse arguments, load the config, call one stage; prints, holds no logic."""


def main() -> None:
    """Run the command."""
    raise SystemExit(2)
