"""The guide and the README: their Python runs, their YAML is a config, and every link leads to a file."""

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel
from typer.main import get_command

from overproof.cli import app
from overproof.config import EvaluationRun, ProofRun, RunConfig, SftRun, load_config, parse_table
from overproof.config.grpo import GrpoConfig
from overproof.engine.joining import CLIENT_PORT
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


IN_A_NOTEBOOK = """
import asyncio
assert asyncio.get_running_loop().is_running()
shown = overproof.run("quickstart", run_dir="runs/shown", show=overproof.Display(), problems={"limit": 1})
print(overproof.compare(run, shown))
"""


@pytest.mark.slow
def test_the_page_about_python_runs_in_a_notebook_where_an_event_loop_goes_on_already(tmp_path: Path) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat.v4")
    pytest.importorskip("ipykernel")
    texts = [text for _, text in blocks(guide_pages("en")["python"], "python")]
    cells = [*texts, IN_A_NOTEBOOK, "overproof.load_run('runs/from_pyhton')"]
    notebook = nbformat.new_notebook(cells=[nbformat.new_code_cell(text) for text in cells])
    place = {"metadata": {"path": str(tmp_path)}}
    nbclient.NotebookClient(notebook, timeout=120, allow_errors=True, kernel_name="python3", resources=place).execute()
    said = [str(cell.outputs) for cell in notebook.cells]
    assert [number for number, text in enumerate(said) if "'error'" in text] == [len(cells) - 1], said
    assert "sample   8/8" in said[-2]
    assert "1 problems, paired" in said[-2]
    assert "Did you mean 'runs/from_python'?" in said[-1]


NEEDED = {"problems": {"path": "mine.jsonl"}, "teacher": {"model": "m"}}
KINDS: tuple[Any, ...] = (RunConfig, EvaluationRun, SftRun, ProofRun, GrpoConfig)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: f"{page.parent.name}-{page.stem}")
def test_the_yaml_of_a_page_is_part_of_a_config(page: Path) -> None:
    for _, text in blocks(page, "yaml"):
        if "apiVersion:" in text:  # a cluster's, which only has to be YAML
            assert all(yaml.safe_load_all(text))
            continue
        tree = yaml.safe_load(text)
        named = re.findall(r"^(\w+):", text, re.MULTILINE)
        assert sorted(named) == sorted(tree), f"{page.name} gives a table twice: {text}"
        own = next((kind for kind in KINDS if set(tree) <= set(kind.model_fields)), None)
        assert own is not None, f"{page.name}: no kind of config holds {set(tree)}"
        rest = {key: value for key, value in _least(own).items() if key not in tree}
        parse_table(rest | tree, f"{page.name}: {text}", own)


def _least(kind: type[BaseModel]) -> dict[str, Any]:
    """The tables without which there is no config of this kind."""
    needed = NEEDED | {
        "student": "m" if kind is GrpoConfig else {"model": "m"},
        "output": "o",
        "evaluation": {"problems": {"path": "held_out.jsonl"}},
        "train": {"student": "m"},
    }
    return {name: value for name, value in needed.items() if name in kind.model_fields}


SHELLS = {"sh", "bash"}
WITH_SHELL = [page for page in PAGES if any(may_run for named in SHELLS for may_run, _ in blocks(page, named))]


@pytest.mark.parametrize("page", WITH_SHELL, ids=lambda page: f"{page.parent.name}-{page.stem}")
@pytest.mark.slow
def test_the_commands_of_a_page_do_what_it_says_one_after_the_other(page: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text('{"question": "What is 1 + 1?", "answer": "2"}\n', encoding="utf-8")
    ours = f'overproof() {{ "{sys.executable}" -m overproof "$@"; }}\n'
    shell = "".join(text for named in SHELLS for may_run, text in blocks(page, named) if may_run)
    clean = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    ran = subprocess.run(
        ["bash", "-euc", ours + shell], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, f"{shell}\n{ran.stderr}"


def test_every_block_of_a_page_is_run_marked_or_no_code() -> None:
    """Python and shell run, YAML is part of a config (above), or a line says why not; the rest is text to look at."""
    kinds = {"python", "yaml", "text", "toml", *SHELLS}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        found = _BLOCK.findall(text)
        assert len(found) * 2 == len(re.findall("^```", text, re.MULTILINE)), page.name
        assert {named for _, named, _ in found} <= kinds, page.name
        for kept, named, code in found:
            if kept and named in SHELLS:  # else it is run
                read = subprocess.run(["bash", "-n"], input=code, capture_output=True, text=True, check=False)
                assert read.returncode == 0, f"{page.name}: {code}{read.stderr}"


def test_the_manifest_of_the_cluster_page_starts_a_driver_that_finds_its_cluster_and_has_time_to_end() -> None:
    (text,) = (text for _, text in blocks(guide_pages("en")["clusters"], "yaml") if "RayCluster" in text)
    cluster, job = yaml.safe_load_all(text)
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    assert [group["rayStartParams"].get("num-cpus") for group in groups] == ["0", None], "the head works on no shard"
    pod = job["spec"]["template"]["spec"]
    (driver,) = pod["containers"]
    images = {one["image"] for group in groups for one in group["template"]["spec"]["containers"]}
    assert images == {driver["image"]}, "the same versions everywhere"
    program, name, *arguments = driver["command"]
    assert program == "overproof", "a shell would keep SIGTERM for itself"
    commands: dict[str, Any] = getattr(get_command(app), "commands")  # noqa: B009 (typer's group is not typed)
    given = commands[name].make_context(name, arguments).params
    config = load_config("quickstart", given["set_"])
    assert config.engine == "ray"
    assert config.ray.address == f"ray://{cluster['metadata']['name']}-head-svc:{CLIENT_PORT}"
    assert given["run_dir"].startswith("s3://")
    assert given["grace"] < pod["terminationGracePeriodSeconds"]
    assert given["config"].startswith(driver["volumeMounts"][0]["mountPath"])
    assert driver["volumeMounts"][0]["name"] == pod["volumes"][0]["name"]
    assert pod["restartPolicy"] == "Never"
    assert job["spec"]["backoffLimit"]


def test_every_link_of_a_page_leads_to_a_file() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links {link}"


WHERE_TO_ADD = [
    paragraph.partition(".** ")
    for paragraph in guide_pages("en")["building"].read_text(encoding="utf-8").split("\n\n")
    if paragraph.startswith("**")
]


@pytest.mark.parametrize(
    ("what", "where"), [(what, where) for what, _, where in WHERE_TO_ADD], ids=lambda one: one[:20]
)
def test_every_place_that_is_named_for_what_may_be_added_is_there(what: str, where: str) -> None:
    named = re.findall(r"`([^`]+)`", where)
    files = [
        ROOT / name if name.startswith("tests") else ROOT / "src/overproof" / name for name in named if "/" in name
    ]
    files += [ROOT / "src/overproof" / name for name in named if re.fullmatch(r"\w+\.py", name)]
    assert files, what
    assert [file for file in files if not file.exists()] == []
    read = [page for file in files for page in (file.rglob("*.py") if file.is_dir() else [file])]
    text = "\n".join(page.read_text(encoding="utf-8") for page in read)
    tables = [part for name in named if re.fullmatch(r"[A-Za-z_]*[_A-Z][\w.]*", name) for part in name.split(".")]
    assert [table for table in tables if not re.search(rf"\b{table}\b", text)] == []


def test_the_readme_is_short_and_holds_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 200
    assert re.search(r"^python3 -m venv .*pytest", text, re.MULTILINE)
    assert re.search(r"^python3 -m venv .*overproof run", text, re.MULTILINE)


@pytest.mark.parametrize("name", sorted(path.stem for path in (ROOT / "configs").glob("*.yaml")))
def test_every_shipped_config_is_explained_as_yaml_that_is_a_config_again(name: str) -> None:
    from overproof.config import explaining

    text = "\n".join(explaining.explain_config(name))
    assert isinstance(yaml.safe_load(text), dict)
    assert "# not the default" in text
