"""How the command line explains itself: commands in groups, an example for each, and -q and -v on every one."""

from __future__ import annotations

import re
from typing import Any

from typer.core import TyperCommand, TyperGroup

from overproof.cli.console import Loudness

_EXAMPLES = {
    "init": "overproof init --problems mine.jsonl --provider deepseek",
    "guide": "overproof guide teachers",
    "config": "overproof config configs/quickstart.yaml",
    "doctor": "overproof doctor configs/deepseek.yaml",
    "pilot": "overproof pilot deepseek dashscope_qwen3 --problems 20",
    "presets": "overproof presets gsm8k",
    "audit": "overproof audit mine.jsonl",
    "run": "overproof run mine.yaml --limit 10",
    "sample": "overproof sample mine.yaml --batch-out requests.jsonl",
    "score": "overproof score runs/mine",
    "select": "overproof select runs/mine --set selection.k_per_problem=2",
    "export": "overproof export runs/mine --set export.format=prompt_completion",
    "report": "overproof report runs/mine --lang zh",
    "view": "overproof view runs",
    "suspects": 'overproof suspects runs/mine --drop 17 --why "two questions in one"',
    "rewordings": "overproof rewordings runs/mine",
    "verify": "overproof verify --reference 1/2 --answer 'So it is \\boxed{0.5}.'",
    "grade": "overproof grade answers.csv --answer reply --reference gold",
    "import-traces": "overproof import-traces openr1.jsonl --run-dir runs/openr1",
    "push": "overproof push runs/mine OWNER/NAME",
    "check-student": "overproof check-student sft_tiny --run-dir runs/quickstart",
    "sft": "overproof sft sft_tiny --run-dir runs/quickstart",
    "dpo": "overproof dpo mine.yaml --set train.dataset=runs/pairs/dataset",
    "grpo": "overproof grpo grpo_tiny",
    "evaluate": "overproof evaluate evaluate_tiny",
    "compare": "overproof compare before=runs/a after=runs/b,runs/c --measure pass@8",
    "plan": "overproof plan --detect 3",
    "prove": "overproof prove prove",
}


def example_of(command: str) -> str:
    """The end of a command's help."""
    return f"Example: {_EXAMPLES[command]}"


_TYPE = re.compile(r" <[^<>]*>$")
"""What newer releases of typer put behind an argument's name: its Python type, which says nothing to a reader."""
_BRACES = re.compile(r"\{(.*)\}(\.\.\.)?")
"""How they write a required argument in the usage line."""
_LOUDNESS = {"-q": -1, "--quiet": -1, "-v": 1, "--verbose": 1}


def _take_loudness(words: list[str]) -> list[str]:
    """The words of a command line without -q and -v, which are obeyed; after `--` everything is an argument."""
    end = words.index("--") if "--" in words else len(words)
    for word in words[:end]:
        Loudness.level = _LOUDNESS.get(word, Loudness.level)
    return [word for word in words[:end] if word not in _LOUDNESS] + words[end:]


class OurCommand(TyperCommand):
    """A command that can be told to say less or more."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does, with -q and -v understood anywhere."""
        return super().parse_args(ctx, _take_loudness(args))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """As typer does, with what is required by its bare name."""
        return [_BRACES.sub(r"\1", piece) for piece in super().collect_usage_pieces(ctx)]

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """As typer does, without the types of arguments and with -q and -v at the end."""
        write = formatter.write_dl
        formatter.write_dl = lambda rows, *widths: write([(_TYPE.sub("", name), told) for name, told in rows], *widths)
        super().format_options(ctx, formatter)
        formatter.write_dl = write
        with formatter.section("How much is said"):
            formatter.write_dl(
                [
                    ("-q, --quiet", "Nothing but results and what went wrong."),
                    ("-v, --verbose", "Every step as it is done."),
                ]
            )


class OurGroup(TyperGroup):
    """Lists its commands under the headings they were registered with."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """As typer does, with -q and -v understood before the command too."""
        return super().parse_args(ctx, _take_loudness(args))

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each heading."""
        groups: dict[str, list[tuple[str, str]]] = {}
        width = max(map(len, self.commands))
        for name, command in self.commands.items():
            heading = str(getattr(command, "rich_help_panel", None) or "Commands")
            first = (command.help or "").partition("\n\n")[0]
            groups.setdefault(heading, []).append((name.ljust(width), " ".join(first.split())))
        for heading, rows in groups.items():
            with formatter.section(heading):
                formatter.write_dl(rows)
        formatter.write_paragraph()
        formatter.write_text("overproof COMMAND -h explains a command; overproof guide tells the rest.")
        del ctx
