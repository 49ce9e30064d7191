"""The guide and the README: their Python runs, and every command, option, config and page that they name exists."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from overproof.cli import app
from overproof.config import find_config
from overproof.resources import guide_pages

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *guide_pages("en").values(), *guide_pages("zh").values()]
GROUP = typer.main.get_command(app)
COMMANDS = getattr(GROUP, "commands")  # noqa: B009 (typer's group is not typed)
_BLOCK = re.compile(r"^(<!-- not run:[^\n]*-->\n)?```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[bool, str]]:
    """Whether each block of a language may be run, and its text."""
    return [
        (not kept, text) for kept, named, text in _BLOCK.findall(page.read_text(encoding="utf-8")) if named == language
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
@pytest.mark.slow
def test_the_python_of_a_page_runs(page: Path, tmp_path: Path) -> None:
    for may_run, text in blocks(page, "python"):
        if may_run:
            ran = subprocess.run(
                [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, check=False
            )
            assert ran.returncode == 0, f"{text}\n{ran.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    shell = [body for named in ("sh", "bash", "text", "") for _, body in blocks(page, named)]
    lines = [line for body in shell for line in body.splitlines()] + re.findall(r"`(overproof [^`]*)`", text)
    for line in lines:
        for name, rest in re.findall(r"(?:^|\s|/)overproof ([a-z][a-z-]+)((?: [^#&|;]*)?)", line):
            assert name in COMMANDS, f"{page.name}: there is no command in {line!r}"
            options = {option for parameter in COMMANDS[name].params for option in parameter.opts}
            wrong = set(re.findall(r"(?<=\s)--[a-z][a-z-]*", rest)) - options - {"--help"}
            assert not wrong, f"{page.name}: {name} has no {wrong}"
        for config in re.findall(r"configs/([a-z0-9_.]+)\.yaml", line):
            assert find_config(config).is_file()


def test_every_link_of_a_page_leads_to_a_file() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links {link}"


def test_the_readme_is_short_and_holds_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert re.search(r"^python3 -m venv .*pytest", text, re.MULTILINE)
    assert re.search(r"^python3 -m venv .*overproof run", text, re.MULTILINE)


_MESSAGE = re.compile(r"[`'\":(] ?overproof ([a-z][a-z-]+) (?=[A-Z{]|--)")


def test_every_command_that_a_message_names_exists() -> None:
    for path in (ROOT / "src" / "overproof").rglob("*.py"):
        for name in _MESSAGE.findall(path.read_text(encoding="utf-8")):
            assert name in COMMANDS, f"{path.name} names 'overproof {name}'"


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "configs").glob("*.yaml")))
def test_every_shipped_config_is_explained_as_yaml_that_is_a_config_again(name: str) -> None:
    import yaml

    from overproof.config import explaining

    text = "\n".join(explaining.explain_config(name))
    assert isinstance(yaml.safe_load(text), dict)
    assert "# not the default" in text
