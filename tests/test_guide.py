"""The guide and the README: their Python runs, their YAML is a config, and every link leads to a file."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from overproof.resources import guide_pages

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *guide_pages("en").values(), *guide_pages("zh").values()]
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


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "configs").glob("*.yaml")))
def test_every_shipped_config_is_explained_as_yaml_that_is_a_config_again(name: str) -> None:
    import yaml

    from overproof.config import explaining

    text = "\n".join(explaining.explain_config(name))
    assert isinstance(yaml.safe_load(text), dict)
    assert "# not the default" in text
