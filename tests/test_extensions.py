"""Functions of a config's own: how they are found, refused and noticed to have changed, and the guide's examples."""

import json
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from building import make_config
from endpoint import Ask, Endpoint, Wire, message, object_reply, serve

from overproof import extensions, pipeline
from overproof.config import RunConfig
from overproof.config.own import extensions_in
from overproof.errors import ConfigError, EndpointError, ExtensionError
from overproof.export.formats import _fields_of_own
from overproof.extensions import Extension, digest_of, pack
from overproof.records import Problem, Trace
from overproof.resources import guide_pages
from overproof.rewards.grades import grade_traces
from overproof.rewards.rl import reward_functions
from overproof.runfolder import RunFolder

KEY = "rewards.custom.mine.function"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to write modules into, which is the current one; what was imported is forgotten."""
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    extensions._forget("mine")
    _fields_of_own.cache_clear()
    sys.path[:] = [path for path in sys.path if path != str(tmp_path)]


def write(text: str, name: str = "mine.py") -> None:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text), encoding="utf-8")


def mine(place: str = "mine:f", **options: Any) -> Extension:
    return Extension(KEY, place, ("subject",), options)


@pytest.mark.parametrize(
    ("source", "place", "options", "said"),
    [
        ("", "mien:f", {}, r"there is no such module\. Looked for mien\.py in .* run the command in the folder"),
        ("def g(subject): ...", "mine:f", {}, r"mine\.py defines no 'f'\. It defines: g"),
        ("f = 3", "mine:f", {}, r"'f' of .*mine\.py is no function but int"),
        ("def f(): ...", "mine:f", {}, r"it is called with \(subject\), but is written as f\(\)"),
        ("def f(subject): ...", "mine:f", {"most": 3}, r"\(subject\) and most=…, but is written as f\(subject\)"),
        ("def f(subject, least): ...", "mine:f", {}, r"written as f\(subject, least\): missing .*'least'"),
        ("import nothing_of_that_name", "mine:f", {}, r"importing mine failed: ModuleNotFoundError.*mine\.py, line 1"),
        ("def f(:", "mine:f", {}, r"importing mine failed: SyntaxError"),
        ("", "sys:exit", {}, r"it has no source file"),
    ],
)
def test_what_cannot_be_called_is_refused_with_the_key_and_the_way_out(
    source: str, place: str, options: dict[str, Any], said: str
) -> None:
    write(source)
    with pytest.raises(ConfigError, match=said) as refused:
        mine(place, **options).load()
    assert str(refused.value).startswith(f"{KEY}: {place} cannot be used: ")


def test_a_function_that_raises_names_itself_the_trace_and_the_line() -> None:
    write("def f(subject):\n    return 1 / 0\n")
    with pytest.raises(ExtensionError, match=r"mine:f failed on trace p/3: ZeroDivisionError: .*mine\.py, line 2"):
        mine().call(None, about="trace p/3")


def test_a_changed_source_has_another_digest_and_is_loaded_anew() -> None:
    write("def f(subject): return 1")
    first = digest_of(mine())
    assert digest_of(mine()) == first
    assert mine().call(None, about="") == 1
    write("def f(subject): return 22")
    assert digest_of(mine()) != first
    assert mine().call(None, about="") == 22


def test_a_package_is_digested_and_packed_whole() -> None:
    write("", "mine/__init__.py")
    write("from mine.inner import deep\ndef f(subject): return deep()", "mine/outer.py")
    write("def deep(): return 1", "mine/inner.py")
    one = mine("mine.outer:f")
    first = digest_of(one)
    write("def deep(): return 2", "mine/inner.py")
    assert digest_of(one) != first
    assert one.call(None, about="") == 2
    assert set(pack([one])) == {"mine/__init__.py", "mine/inner.py", "mine/outer.py"}


def test_a_function_that_was_changed_within_a_second_to_one_of_the_same_length_is_the_one_that_is_called(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    for number in range(3):
        write(f"def f(subject): return {number}")
        os.utime("mine.py", (1e9, 1e9))
        extension = mine("mine:f")
        digest_of(extension)
        assert extension.call(None, about="") == number
    assert not (here / "__pycache__").exists()


def test_packed_sources_run_where_there_is_no_such_file(here: Path) -> None:
    write("def f(subject): return 'from afar'")
    packed = pack([mine()])
    elsewhere = here / "elsewhere"
    elsewhere.mkdir()
    code = (
        "import sys, json\nfrom overproof.extensions import Extension, unpack\n"
        "packed = json.loads(sys.argv[1])\nunpack(packed); unpack(packed)\n"
        f"print(Extension({KEY!r}, 'mine:f', ('subject',)).call(None, about=''))\n"
        "unpack({'mine.py': packed['mine.py'].replace('afar', 'anew')})\n"
        f"print(Extension({KEY!r}, 'mine:f', ('subject',)).call(None, about=''))"
    )
    environment = {**os.environ, "TMPDIR": str(elsewhere)}
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps(packed)],
        cwd=elsewhere,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.split("\n")[:2] == ["from afar", "from anew"]


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        (
            {"selection": {"policy": "corect"}},
            r"selection\.policy.*no policy 'corect'\. Did you mean 'correct'\? There are all.*One of your own is",
        ),
        ({"export": {"format": "mesages"}}, r"export\.format.*Did you mean 'messages'\?.*module:function"),
        (
            {"rewards": {"accuracy": {"extractor": "x"}}},
            r"no extractor 'x'\. There are stated, last_box\. One of your own",
        ),
        ({"rewards": {"custom": {"mine": {"function": "f"}}}}, r"no reward 'f'\. One of your own is written"),
        ({"rewards": {"custom": {"overlong": {"function": "a:b"}}}}, r"custom\.overlong: there is a reward"),
        ({"rewards": {"custom": {"My Own": {"function": "a:b"}}}}, r"a reward's name is of a-z"),
        ({"selection": {"require": {"brevty": 1}}}, r"there is no reward 'brevty'"),
    ],
)
def test_a_key_that_names_nothing_is_refused_when_the_config_is_read(tables: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        make_config(**tables)


def answer(ask: Ask) -> Wire:
    """Replies that say their answer three ways."""
    number = int(ask.prompt.split()[2])
    said = f"So it is {number + 1}.\n#### {number + 1}\n\\boxed{{{number + 1}}}"
    thought = f"<think>\nWe count from {number} to the next, as {ask.seed} says.\n</think>"
    return object_reply(message(f"{thought}\n\n{said}"))


def config_of(here: Path, endpoint: Endpoint, **tables: Any) -> RunConfig:
    rows = [{"id": f"p{n}", "question": f"What is {n} and 1?", "reference": str(n + 1)} for n in range(4)]
    (here / "problems.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return make_config(
        problems={"path": str(here / "problems.jsonl")},
        teacher={"model": "m", "base_url": endpoint.base_url, "stream": False},
        sampling={"n": 2},
        hygiene={"near_duplicates": None},
        **tables,
    )


def guide_examples() -> tuple[str, list[dict[str, Any]]]:
    """The file of the guide's page, and its pieces of config."""
    page = guide_pages("en")["extending"].read_text(encoding="utf-8")
    blocks = re.findall(r"^```(python|yaml)\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    source = "\n\n".join(text for kind, text in blocks if kind == "python")
    return source, [yaml.safe_load(text) for kind, text in blocks if kind == "yaml"]


def run_with(tables: dict[str, Any], here: Path) -> tuple[RunFolder, RunConfig]:
    with serve(answer) as endpoint:
        config = config_of(here, endpoint, **tables)
        folder = RunFolder(here / "run")
        pipeline.run_all(pipeline.Run(config, folder))
        return folder, config


def test_each_example_of_the_guide_does_what_it_says(here: Path) -> None:
    source, tables = guide_examples()
    assert len(tables) == 4
    assert all(len(block.strip().splitlines()) <= 11 for block in source.split("# mine.py")[1:])
    write(source)
    merged: dict[str, Any] = {}
    for table in tables:
        for name, value in table.items():
            merged[name] = {**merged.get(name, {}), **value}
    folder, config = run_with(merged, here)
    assert [one.key for one in extensions_in(config)] == [
        "rewards.accuracy.extractor",
        "rewards.custom.brevity.function",
        "selections.unanimous.policy",
        "export.format",
    ]
    scores = list(folder.read_scores(0))
    assert {score.rewards["brevity"].value for score in scores} == {1.0}
    assert {score.grade.extracted for score in scores if score.grade is not None} == {"1", "2", "3", "4"}
    assert all(decision.kept for decision in folder.read_decisions(0, "unanimous"))
    line = next((folder.dataset() / "jsonl").glob("train-*.jsonl")).read_text("utf-8").splitlines()[0]
    assert set(json.loads(line)) == {"id", "instruction", "input", "output"}
    assert "mine:alpaca" in (folder.dataset() / "README.md").read_text("utf-8")


POLICY = "def choose(scored):\n    return [index {0} 0 for index, _ in enumerate(scored.traces)]\n"


def test_a_changed_function_makes_its_stage_and_no_other_anew_without_a_request(here: Path) -> None:
    write(POLICY.format("=="))
    tables = {"selection": {"policy": "mine:choose"}, "workers": 2}
    folder, config = run_with(tables, here)
    assert [decision.kept for decision in folder.read_decisions(0)] == [True, False] * 4
    reasons = {decision.reason for decision in folder.read_decisions(0)}
    assert reasons == {"correct", "refused_by_policy"}
    before = folder.scores(0).stat().st_mtime_ns
    time.sleep(0.01)
    write(POLICY.format(">="))
    run = pipeline.Run(config, folder)  # the endpoint is gone: nothing may be asked
    pipeline.score(run)
    pipeline.select(run)
    assert all(decision.kept for decision in folder.read_decisions(0))
    assert folder.scores(0).stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("source", "tables", "said"),
    [
        (
            "def f(subject):\n    return 1 / (subject.trace.index - 1)",
            {"rewards": {"custom": {"mine": {"function": "mine:f"}}}},
            r"rewards\.custom\.mine\.function: mine:f failed on trace p\d/1/\w+: ZeroDivisionError",
        ),
        (
            "def f(subject):\n    return 'much'",
            {"rewards": {"custom": {"mine": {"function": "mine:f"}}}},
            r"mine:f returned 'much' for trace p\d/\d/\w+, and must return a finite number, a Reward or None",
        ),
        (
            "def f(scored):\n    return [True]",
            {"selection": {"policy": "mine:f"}},
            r"selection\.policy: mine:f returned \[True\] for problem p\d, and must return a list of 2 times True",
        ),
        (
            "def f(reply, question):\n    return 4",
            {"rewards": {"accuracy": {"extractor": "mine:f"}}},
            r"rewards\.accuracy\.extractor: mine:f returned 4 for trace p\d/\d/\w+, and must return text or None",
        ),
        (
            "def f(kept, prompt):\n    return {'n': kept.trace.index or 'none'}",
            {"export": {"format": "mine:f"}},
            r"export\.format: mine:f returned .* for trace p\d/\d/\w+, and must return the types of every row",
        ),
        (
            "def f(kept, prompt):\n    return {'id': 1}",
            {"export": {"format": "mine:f"}},
            r"export\.format: mine:f cannot be used: every row has a column 'id' already",
        ),
    ],
)
def test_a_function_that_fails_names_the_trace_and_loses_nothing(
    here: Path, source: str, tables: dict[str, Any], said: str
) -> None:
    write(source)
    with pytest.raises((ExtensionError, ConfigError, EndpointError), match=said):
        run_with(tables, here)
    sampled = list(RunFolder(here / "run").read_traces(0))
    assert len(sampled) == 8


def test_a_function_that_is_not_there_is_said_before_anything_is_asked(here: Path) -> None:
    with pytest.raises(ConfigError, match=r"selection\.policy: mine:f cannot be used"):
        run_with({"selection": {"policy": "mine:f"}}, here)
    assert not list((here / "run").rglob("*.jsonl*"))


def trace_of(reply: str) -> Trace:
    return Trace(Problem("p", "What is 2 + 2?", "4"), 0, "f" * 64, "t", "generic", [], {}, reply, finish_reason="stop")


@pytest.mark.parametrize(
    ("extractor", "reply", "verdict"),
    [
        ("stated", "So the answer is 4.", "correct"),
        ("last_box", "So the answer is 4.", "incorrect"),
        ("last_box", "<think>\\boxed{4}</think>The answer is 4.", "incorrect"),
        ("last_box", "First \\boxed{3}, no: \\boxed{4}", "correct"),
        ("last_box", "\\boxed{\\frac{8}{2}}", "correct"),
        ("last_box", "\\boxed{4", "incorrect"),
        ("last_box", "\\boxed{4} or \\boxed{4", "incorrect"),
        ("last_box", "\\fbox{4}", "correct"),
    ],
)
def test_the_packages_own_extractors_go_through_the_same_door(extractor: str, reply: str, verdict: str) -> None:
    (grade,) = grade_traces([trace_of(reply)], extractor)
    assert grade is not None
    assert grade.verdict == verdict


def test_a_reward_of_ones_own_is_one_of_trls_functions() -> None:
    write("def f(subject, most=9):\n    return float(len(subject.reasoning) <= most and subject.right)")
    config = make_config(rewards={"custom": {"short": {"function": "mine:f", "options": {"most": 10}}}}).rewards
    short = reward_functions(config)[-1]
    assert short.__name__ == "short"
    replies = ["<think>2 and 2</think>\\boxed{4}", "<think>Two and then two more</think>\\boxed{4}"]
    assert short(["What is 2 + 2?"] * 2, replies, reference=["4", "4"]) == [1.0, 0.0]
