"""What a person sees: on terminals of several widths, in pipes, and in encodings that lack half the letters."""

import io
import re
import shlex
import shutil
from pathlib import Path

import pytest
from commands import overproof
from rich.console import Console
from terminal import run_in_terminal

from overproof.cli.console import print_folded
from overproof.cli.display import Display
from overproof.pipeline import StepProgress

SHORT = ["--limit", "2", "--set", "sampling.n=2"]
RUN = ["run", "quickstart", *SHORT, "--run-dir", "run"]


@pytest.mark.parametrize(
    "columns", [pytest.param(60, marks=pytest.mark.slow), 80, pytest.param(120, marks=pytest.mark.slow)]
)
@pytest.mark.slow
def test_what_a_run_came_to_stands_whole_below_the_bars(tmp_path: Path, columns: int) -> None:
    seen = run_in_terminal(["run", "quickstart", *SHORT, "--run-dir", "run"], tmp_path, columns=columns)
    text = "\n".join(seen.lines)
    assert seen.code == 0, text
    bars = [
        number for number, line in enumerate(seen.lines) if re.match(r"\s*(prepare|sample|score|select|export) ", line)
    ]
    told = {word: [i for i, line in enumerate(seen.lines) if line.startswith(word)] for word in ("dataset", "report")}
    assert len(bars) == 5, text
    assert all(len(found) == 1 for found in told.values()), text
    assert min(found[0] for found in told.values()) > max(bars)
    assert "4 traces of 2 problems" in text
    assert re.search(r"\d of 4 traces kept", text)
    assert "Next: overproof view run" in text
    if columns == 80:  # what is to be typed next can be typed
        (check,) = [line.split("overproof ", 1)[1] for line in seen.lines if "overproof check-student" in line]
        shown = overproof(*shlex.split(check), folder=tmp_path)
        assert "rows rendered with its chat template" in shown.stdout, shown.stderr
        assert f"overproof sft {check.removeprefix('check-student ')}" in shown.stderr
    assert not any("…" in line and "  " in line.strip() for line in seen.lines if ":" in line and "%" in line), text


def test_without_a_terminal_a_stage_that_ends_early_tells_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    with Display() as display:
        for done in (1, 2, 3):
            display(StepProgress("sample", done, 9))
        for done in (1, 5, 9):
            display(StepProgress("score", done, 9))
        for done in (1, 2):
            display(StepProgress("select", done, 9))
    counts = ["sample   1/9", "sample   3/9", "score    1/9", "score    9/9", "select   1/9", "select   2/9"]
    assert capsys.readouterr().err.splitlines() == counts


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run in it that went through: the same command again makes it say all but the bars anew."""
    folder = tmp_path_factory.mktemp("finished")
    assert overproof(*RUN, folder=folder).returncode == 0
    return folder


@pytest.mark.slow
def test_a_terminal_without_colour_gets_none(finished: Path) -> None:
    seen = run_in_terminal(RUN, finished, columns=80, NO_COLOR="1")
    assert seen.code == 0
    assert sum(line.startswith("dataset") for line in seen.lines) == 1
    assert not re.search(rb"\x1b\[(?:\d+;)*(?:[34]\d|9[0-7]|10[0-7])(?:;\d+)*m", seen.shown), (
        "no sign that sets a colour"
    )


@pytest.mark.slow
def test_an_interrupted_run_says_what_is_saved_and_how_to_go_on(tmp_path: Path) -> None:
    command = ["run", "quickstart", "--set", "sampling.n=64", "--run-dir", "run"]
    seen = run_in_terminal(command, tmp_path, columns=100, typed={b" tok/s": b"\x03"})
    text = "\n".join(seen.lines)
    assert seen.code == 130, text
    assert re.search(r"[\d,]+ traces are saved in run\.", text)
    assert "overproof run quickstart --set sampling.n=64 --run-dir run" in text
    assert "Traceback" not in text


VERIFY = ["verify", "--reference", "√2 ≥ 1 → 是 🜚", "--answer", "答案是 \\boxed{√2 ≥ 1 → 是 🜚}"]
DRY_RUN = ["run", "quickstart", *SHORT, "--dry-run", "--run-dir", "run"]


@pytest.mark.parametrize(
    ("encoding", "arguments"),
    [
        ("gbk", VERIFY),
        ("latin-1", VERIFY),
        ("ascii", VERIFY),
        ("ascii", ["config", "alpaca_zh_dashscope"]),
        ("latin-1", ["guide", "rewards"]),
        ("ascii", DRY_RUN),
        pytest.param("gbk", DRY_RUN, marks=pytest.mark.slow),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_no_encoding_of_the_output_ends_in_an_error(tmp_path: Path, encoding: str, arguments: list[str]) -> None:
    shown = overproof(*arguments, folder=tmp_path, encoding=encoding, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert "Traceback" not in shown.stderr
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout


@pytest.mark.parametrize("encoding", ["gbk", "ascii", "latin-1"])
@pytest.mark.slow
def test_no_encoding_of_the_output_spoils_what_a_run_came_to(finished: Path, encoding: str) -> None:
    shown = overproof(*RUN, folder=finished, encoding=encoding, PYTHONIOENCODING=encoding, PYTHONUTF8="0")
    assert "Traceback" not in shown.stderr
    assert shown.returncode == 0, shown.stderr
    assert re.search(r"^all +\d+\.\d% +\d+\.\d% (–|-) \d+\.\d%", shown.stdout, re.MULTILINE), shown.stdout


@pytest.mark.parametrize(("encoding", "title"), [("ascii", "# Your own data"), ("gbk", "# 自己的数据")])
def test_chinese_is_spoken_where_it_can_be_written(tmp_path: Path, encoding: str, title: str) -> None:
    shown = overproof("guide", "data", "--lang", "zh", folder=tmp_path, encoding=encoding, PYTHONIOENCODING=encoding)
    assert shown.stdout.startswith(title), shown.stdout[:80]


def test_letters_that_an_encoding_lacks_are_spelled_so_that_they_can_be_read(tmp_path: Path) -> None:
    shown = overproof("config", "quickstart", folder=tmp_path, encoding="ascii", PYTHONIOENCODING="ascii")
    assert "<think>...</think>" in shown.stdout


@pytest.mark.slow
def test_an_empty_result_says_why_and_fails(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    settings = ["--set", "selection.require={repetition: 2}", "--set", "sampling.first_replies=0"]
    shown = overproof(*RUN, *settings, folder=tmp_path)
    assert shown.returncode == 1, shown.stdout + shown.stderr
    assert "nothing was kept" in shown.stderr
    assert "0 of 4 traces kept" in shown.stdout


@pytest.mark.slow
def test_named_selections_stand_in_the_summary_with_their_counts_and_places(tmp_path: Path) -> None:
    shown = overproof("run", "compare_selections", "--limit", "2", "--run-dir", "run", folder=tmp_path)
    places = re.findall(r"^dataset +run/dataset/(\w+) +[\d,]+ traces$", shown.stdout, re.MULTILINE)
    assert len(places) >= 2, shown.stdout + shown.stderr


@pytest.mark.slow
def test_less_and_more_is_said_when_asked(finished: Path) -> None:
    quiet = overproof(*RUN, "-q", folder=finished)
    assert quiet.returncode == 0
    assert quiet.stderr == ""
    assert "dataset" in quiet.stdout


@pytest.mark.slow
def test_the_summary_speaks_the_language_that_is_asked_for(finished: Path) -> None:
    shown = overproof(*RUN, "--lang", "zh", folder=finished)
    assert "条轨迹" in shown.stdout
    assert "数据集" in shown.stdout


@pytest.mark.parametrize(
    ("fact", "lines"),
    [
        (
            "note  it is in another language than its question",
            ["note  it is in", "another language", "than its", "question"],
        ),
        ("    set selection.k or n", ["    set", "    selection.k", "    or n"]),
        ("dataset  runs/a_long_name/dataset  4 traces", ["dataset  runs/a_long_name/dataset  4 traces"]),
        ("one\ntwo", ["one", "two"]),
    ],
)
def test_a_narrow_terminal_breaks_facts_between_words_and_never_a_path(fact: str, lines: list[str]) -> None:
    shown = io.StringIO()
    print_folded(Console(file=shown, force_terminal=True, width=16, soft_wrap=True, highlight=False), fact)
    assert shown.getvalue().splitlines() == lines


def test_a_page_on_a_terminal_has_its_prose_laid_out_and_its_commands_whole(tmp_path: Path) -> None:
    seen = run_in_terminal(["guide", "data"], tmp_path, columns=60)
    assert "overproof audit mine.yaml says which references no answer" in seen.lines
    command = 'overproof suspects runs/mine --replace p17=42 --why "the key has a misprint" --who Ann'
    assert command in "".join(line.ljust(60) for line in seen.lines)


def test_the_version_and_short_help_are_there(tmp_path: Path) -> None:
    assert re.fullmatch(r"overproof \d+\.\d+\.\d+\n", overproof("--version", folder=tmp_path).stdout)
    assert "Usage: overproof run" in overproof("run", "-h", folder=tmp_path).stdout
