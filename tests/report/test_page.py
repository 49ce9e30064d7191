import base64
import gzip
import hashlib
import json
import random
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from building import make_config, make_problem, make_score, make_trace
from reported import HOSTILE, make_rich_run, sample_problem, write_reported

from overproof.config import load_config
from overproof.report import Summary, report
from overproof.report.counting import count_shard, rate_shard, rates_of
from overproof.report.excerpts import MOST_BYTES, choose, pack_readings, read_chosen
from overproof.report.page import SCRIPTS, read_asset, render_overview, to_script_json
from overproof.report.shard import ShardReader
from overproof.wording import Wording

CONFIG = make_config(sampling={"n": 4})


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = make_rich_run(tmp_path_factory.mktemp("run"))
    report(load_config(str(folder.config)), folder, [0])
    return folder.report_html.read_text(encoding="utf-8")


def read_packed(page: str) -> dict[str, Any]:
    packed = re.search(r'id="packed">([^<]*)</script>', page)
    assert packed is not None
    return {problem["id"]: problem for problem in json.loads(gzip.decompress(base64.b64decode(packed[1])))}


def test_report_json_holds_what_report_returns(tmp_path: Path) -> None:
    folder = make_rich_run(tmp_path)
    summary = report(load_config(str(folder.config)), folder, [0])
    assert msgspec.json.decode(folder.report_json.read_bytes(), type=Summary) == summary


def test_the_same_run_gives_the_same_page(tmp_path: Path) -> None:
    folder = make_rich_run(tmp_path)
    config = load_config(str(folder.config))
    report(config, folder, [0])
    first = folder.report_html.read_bytes()
    report(config, folder, [0])
    assert folder.report_html.read_bytes() == first


def test_only_the_page_s_own_script_may_run(page: str) -> None:
    script = "".join(read_asset(name) for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src &#39;sha256-{digest}&#39;" in page
    assert f"<script>{script}</script>" in page
    assert "<script>window.hacked" not in page


def test_json_cannot_end_its_element() -> None:
    text = str(to_script_json({"x": HOSTILE}))
    assert not set(text) & set("<>&\u2028\u2029")
    assert json.loads(text) == {"x": HOSTILE}


def test_every_section_has_something_to_say(page: str) -> None:
    headings = re.findall(r"<h2 id=\"[^\"]*\">([^<]*)</h2>", page)
    assert headings == [
        "This run is not whole",
        "From sampled to kept",
        "Tokens and money",
        "Selections compared",
        "How often the teacher is right",
        "The problems",
        "Length and correctness",
        "Language of the reasoning",
        "Rewards and verdicts",
        "Suspect references",
        "Problems that stand in a benchmark",
        "How the run was made",
    ]


def test_an_adaptive_run_tells_its_estimators_and_its_saving(tmp_path: Path) -> None:
    config = make_config(sampling={"probe": 2, "want_correct": 2, "max": 8})
    problems = [make_problem("a"), make_problem("b")]
    folder = write_reported(
        tmp_path, config, problems, sample_problem(problems[0], "cc") + sample_problem(problems[1], "icic")
    )
    report(load_config(str(folder.config)), folder, [0])
    page = " ".join(folder.report_html.read_text(encoding="utf-8").split())
    assert "for 1 problem (c − 1) / (N − 1), by inverse sampling" in page
    assert "<b>62.5 % saved</b>" in page


@pytest.mark.slow
def test_the_page_stays_small_whatever_the_run_is_made_of(tmp_path: Path) -> None:
    hit = {"benchmark": "b", "benchmark_id": "1", "passages": [{"problem": "x" * 50_000, "benchmark": "y" * 50_000}]}
    problems = []
    for number in range(300):
        prepared = make_problem(f"p{number}", reference="z" * 20_000, contamination=[hit])
        problem = msgspec.structs.replace(prepared.problem, source=f"{number}")
        problems.append(msgspec.structs.replace(prepared, problem=problem))
    scored = [pair for problem in problems for pair in sample_problem(problem, "iiiiiiii")]
    easy = [make_problem(f"easy{number}") for number in range(600)]  # where most are solved one voice of eight tells
    scored += [pair for problem in easy for pair in sample_problem(problem, "cccc")]
    folder = write_reported(tmp_path, CONFIG, [*problems, *easy], scored)
    summary = report(CONFIG, folder, [0])
    assert (len(summary.by_source), len(summary.suspects), summary.suspect_count) == (200, 200, 300)
    assert folder.report_html.stat().st_size < 2_000_000
    assert "Only the 200 largest are listed." in folder.report_html.read_text(encoding="utf-8")


@pytest.mark.parametrize("letters", [None, "", "nnn"])
def test_an_empty_or_unscored_run_gets_a_page(tmp_path: Path, letters: str | None) -> None:
    problem = make_problem()
    problems, scored = ([], []) if letters is None else ([problem], sample_problem(problem, letters))
    folder = write_reported(tmp_path, CONFIG, problems, scored, decide=False)
    summary = report(CONFIG, folder, [0])
    page = folder.report_html.read_text(encoding="utf-8")
    assert summary.notes
    assert "This run is not whole" in page


def test_problems_of_every_kind_are_chosen_first(tmp_path: Path) -> None:
    problems = [make_problem(f"p{number}") for number in range(60)]
    letters = ["cccc"] * 57 + ["tiii", "riii", "fiii"]
    scored = [pair for problem, text in zip(problems, letters, strict=True) for pair in sample_problem(problem, text)]
    folder = write_reported(tmp_path, CONFIG, problems, scored)
    shard = ShardReader(CONFIG, folder, 0).read()
    counts = count_shard(CONFIG, shard)
    chosen = list(read_chosen(CONFIG, folder, counts, {0: (shard, rates_of(shard, rate_shard(CONFIG, shard)))}))
    kinds = len(counts.candidates)
    assert {trace.reason for problem in chosen[:kinds] for trace in problem.traces} == {
        "correct",
        "incorrect",
        "truncated",
        "refused",
        "below_think_format",
    }
    assert sorted(choose(counts)) == [(0, row) for row in range(60)]


def test_a_problem_with_many_traces_shows_some_with_each_reason(tmp_path: Path) -> None:
    problem = make_problem()
    config = make_config(sampling={"n": 40})
    folder = write_reported(tmp_path, config, [problem], sample_problem(problem, "i" * 36 + "ctrf"))
    shard = ShardReader(config, folder, 0).read()
    (reading,) = read_chosen(
        config, folder, count_shard(config, shard), {0: (shard, rates_of(shard, rate_shard(config, shard)))}
    )
    assert (len(reading.traces), reading.trace_count) == (16, 40)
    assert {36, 37, 38, 39} < {trace.index for trace in reading.traces}


@pytest.mark.slow
def test_what_is_chosen_stays_within_its_bytes(tmp_path: Path) -> None:
    problems = [make_problem(f"p{number}") for number in range(400)]
    scored = []
    for number, problem in enumerate(problems):
        noise = "".join(map(chr, random.Random(number).choices(range(0x4E00, 0x9FA5), k=25_600)))
        trace = make_trace(problem, reasoning=noise)
        scored.append((trace, make_score(trace)))
    folder = write_reported(tmp_path, CONFIG, problems, scored)
    shard = ShardReader(CONFIG, folder, 0).read()
    chosen = list(
        read_chosen(
            CONFIG, folder, count_shard(CONFIG, shard), {0: (shard, rates_of(shard, rate_shard(CONFIG, shard)))}
        )
    )
    assert 0.5 * MOST_BYTES < len(pack_readings(chosen)) <= MOST_BYTES


def test_traces_that_can_be_read_are_packed_whole(page: str) -> None:
    problems = read_packed(page)
    assert HOSTILE in problems[f"hostile {HOSTILE}"]["traces"][0]["raw"]
    assert len(problems["plain/0"]["traces"]) == 4


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("`overproof score` gives <b> one.", "<li><code>overproof score</code> gives &lt;b&gt; one.</li>"),
        ("a ` alone and <i>", "<li>a ` alone and &lt;i&gt;</li>"),
    ],
)
def test_commands_in_what_is_missing_are_set_as_code_and_all_else_is_escaped(
    tmp_path: Path, said: str, shown: str
) -> None:
    folder = write_reported(tmp_path, CONFIG, [make_problem()], [])
    summary = msgspec.structs.replace(report(CONFIG, folder, [0]), notes=[said])
    assert shown in render_overview(summary, CONFIG, {}, Wording("en"))
