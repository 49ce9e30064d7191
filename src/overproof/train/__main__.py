"""`python -m overproof.train CONFIG`: the training alone, for `accelerate launch -m overproof.train CONFIG`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from overproof.config import SftRun, load_table
from overproof.errors import OverproofError
from overproof.runfolder import find_run
from overproof.train import dpo, sft


def main() -> None:
    """Train a student as the `train` table of a config says; the same command again resumes."""
    parser = argparse.ArgumentParser(prog="python -m overproof.train", description=main.__doc__)
    parser.add_argument("config", help="a YAML file, or the name of a shipped config")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="override a key of the config")
    parser.add_argument("--dpo", action="store_true", help="train on pairs of replies, as overproof dpo does")
    parser.add_argument("--run-dir", type=Path, help="folder of the run; default: runs/<name of the config>")
    arguments = parser.parse_args()
    try:
        config = load_table(arguments.config, SftRun, arguments.set or ())
        method = dpo if arguments.dpo else sft
        summary = method(config.train, find_run(arguments.config, arguments.run_dir), _say)
        for line in summary.lines():
            _say(line)
    except OverproofError as error:
        print(f"overproof: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    finally:
        _leave_processes()


def _say(line: str) -> None:
    """Print in the first process only; launchers number the processes in RANK."""
    if os.environ.get("RANK", "0") == "0":
        print(line, flush=True)


def _leave_processes() -> None:
    """Part from the other processes of the training, if there are any."""
    if (torch := sys.modules.get("torch")) is not None and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
