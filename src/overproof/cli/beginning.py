"""The commands that one types first: a config of one's own, and the guide."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from overproof.cli.completing import name_languages, name_pages, name_profiles
from overproof.cli.console import print_lines, print_next, print_page, spoken, typed


def init(
    problems: Annotated[
        str | None, typer.Option(metavar="FILE", help="The problem file, or a preset's name [default: asked].")
    ] = None,
    provider: Annotated[
        str | None,
        typer.Option(metavar="PROFILE", help="Whose model is asked [default: asked].", autocompletion=name_profiles),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="NAME", help="The model's name as the provider knows it.")
    ] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Where a server of your own answers, such as http://HOST:8000/v1.")
    ] = None,
    question: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the question.")] = None,
    reference: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column with the known answer.")] = None,
    n: Annotated[int, typer.Option(min=1, metavar="N", help="Traces per problem.")] = 4,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="The config [default: FILE's name.yaml].")] = None,
) -> None:
    """Look at a problem file and write a commented config for it; asks for what was not given.

    Where the provider's key is in the environment, it is tried with two real calls.
    """
    from overproof import starting
    from overproof.errors import ConfigError
    from overproof.journal import write_bytes

    problems = problems or _ask("Problem file (or preset)", "--problems")
    provider = provider or _ask("Provider (dashscope, deepseek, vllm, openai, generic, …)", "--provider")
    if starting.needs_address(provider):
        base_url = base_url or _ask("Address of the server", "--base-url", starting.LOCAL)
    if starting.needs_model(provider):
        model = model or _ask("Model, as the provider names it", "--model")
    found = starting.look_at(problems)
    if found.columns:
        seen = f"question: {question or found.question or '?'}, reference: {reference or found.reference or 'none'}"
        print_lines([f"{problems} has {', '.join(found.columns)}; {seen}"])
        if question is None and found.question is None:
            question = _ask("Column with the question", "--question")
    path = out or Path(f"{Path(problems).stem}.yaml")
    if path.exists():
        raise ConfigError(f"{path} is there already: give another name with --out")
    whom = starting.Whom(provider, model, base_url)
    text = starting.write_config(problems, whom, question=question, reference=reference, n=n)
    write_bytes(path, text.replace("THIS_FILE", str(path)).encode())
    print_lines([f"config   {path}"])
    variable = starting.key_variable(provider)
    if variable is not None and not os.environ.get(variable):
        print_next(f"export {variable}=…", typed("doctor", path), typed("run", path, "--limit", 10))
        return
    if variable is not None:
        from overproof.cli.stages import doctor

        doctor(str(path))
        print_next(typed("run", path, "--dry-run"), typed("run", path, "--limit", 10))
    else:
        print_next(typed("doctor", path), typed("run", path, "--limit", 10))


def _ask(what: str, option: str, usual: str | None = None) -> str:
    """What a person types, `usual` where that is nothing; with nobody there, the option that says it is named."""
    from overproof.errors import ConfigError

    if not sys.stdin.isatty():
        if usual is not None:
            return usual
        raise ConfigError(f"{option} is missing, and there is nobody to ask.")
    return str(typer.prompt(what, default=usual, err=True)).strip()


def guide(
    topic: Annotated[
        str | None,
        typer.Argument(metavar="TOPIC", help="A page; without one they are listed.", autocompletion=name_pages),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(
            metavar="en|zh", help="Language of the page [default: that of the locale].", autocompletion=name_languages
        ),
    ] = None,
) -> None:
    """Read the guide: one page a topic, as text."""
    from overproof.errors import ConfigError, suggest
    from overproof.resources import guide_pages
    from overproof.wording import choose_language

    english = guide_pages("en")
    pages = english | (guide_pages("zh") if spoken(choose_language(lang)) == "zh" else {})
    if topic is None:
        titles = {
            name: page.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ") for name, page in pages.items()
        }
        print_lines([f"{name:<16} {title}" for name, title in titles.items()])
        print_next("overproof guide TOPIC")
        return
    if topic not in pages:
        hint = suggest(topic, pages) or f" There are {', '.join(pages)}"
        raise ConfigError(f"There is no guide page '{topic}'.{hint}")
    lines = pages[topic].read_text(encoding="utf-8").rstrip().splitlines()
    print_page([line for line in lines if not line.startswith("<!--")])  # what is written for tests
