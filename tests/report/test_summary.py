from pathlib import Path

import pytest
from building import make_config, make_problem, make_trace
from hypothesis import given, settings
from hypothesis import strategies as st
from reported import make_rich_run, sample_problem, write_reported

from overproof.config import RunConfig, load_config
from overproof.hygiene.wrong_references import SuspectReference
from overproof.records import Usage
from overproof.report.counting import count_shard
from overproof.report.counts import Counts
from overproof.report.numbers import summarise
from overproof.report.shard import ShardReader
from overproof.report.summary import Summary
from overproof.runfolder import RunFolder

CONFIG = make_config(sampling={"n": 4})


def summarise_run(config: RunConfig, folder: RunFolder, shards: int = 1) -> Summary:
    counts = Counts()
    for shard in range(shards):
        counts.add(count_shard(config, ShardReader(config, folder, shard).read()))
    return summarise(config, folder, counts)


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Summary:
    folder = make_rich_run(tmp_path_factory.mktemp("rich"))
    return summarise_run(load_config(str(folder.config)), folder)


@settings(max_examples=40)
@given(
    outcomes=st.lists(st.text("citrufn", max_size=5), max_size=12),
    shards=st.integers(1, 5),
    policy=st.sampled_from(["correct", "all"]),
)
@pytest.mark.slow
def test_nothing_vanishes_and_shards_add_up(
    tmp_path_factory: pytest.TempPathFactory, outcomes: list[str], shards: int, policy: str
) -> None:
    config = make_config(sampling={"n": 5}, selection={"policy": policy})
    problems = [make_problem(f"p{number}") for number in range(len(outcomes))]
    scored = [
        pair for problem, letters in zip(problems, outcomes, strict=True) for pair in sample_problem(problem, letters)
    ]
    summaries = []
    for count in (1, shards):
        folder = write_reported(tmp_path_factory.mktemp("x") / "run", config, problems, scored, shards=count)
        summaries.append(summarise_run(config, folder, count))
    one, several = summaries
    assert one.reasons == several.reasons
    assert (one.overall, one.verdicts, one.pass_rate_bins) == (
        several.overall,
        several.verdicts,
        several.pass_rate_bins,
    )
    assert one.traces == len(scored) == sum(one.reasons.values())
    assert one.funnel[0].left == one.traces
    assert one.funnel[-1].left == one.kept
    for before, step in zip(one.funnel, one.funnel[1:], strict=False):
        assert step.left == before.left - sum(step.lost.values())


def test_pass_rates_count_cut_replies_as_failed_and_leave_out_what_says_nothing(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "ctur"))
    summary = summarise_run(CONFIG, folder)
    assert summary.overall.pass_rate.value == pytest.approx(
        1 / 3
    )  # correct, cut and undecided; the refusal says nothing
    assert summary.overall.pass_rate.samples == 3
    assert summary.uncounted == 1
    assert summary.pass_rates["all"] == summary.pass_rates["source:made"] == summary.pass_rates["language:en"]


def test_adaptive_sampling_is_estimated_without_bias_and_its_saving_is_told(tmp_path: Path) -> None:
    config = make_config(sampling={"probe": 2, "want_correct": 2, "max": 8})
    letters = ["cc", "icic", "iiiiiiii", "cic", "uu"]
    problems = [make_problem(f"p{number}") for number in range(5)]
    scored = [pair for problem, text in zip(problems, letters, strict=True) for pair in sample_problem(problem, text)]
    summary = summarise_run(config, write_reported(tmp_path, config, problems, scored))
    assert summary.estimators == {"inverse": 2, "probe": 2, "exhausted": 1}
    assert summary.overall.pass_rate.value == pytest.approx((1 + 1 / 3 + 0 + 1 / 2 + 0) / 5)
    assert summary.adaptive is not None
    assert (summary.adaptive.drawn, summary.adaptive.at_most) == (19, 40)
    assert (summary.adaptive.reached, summary.adaptive.problems) == (3, 5)
    assert [(one.label, one.count) for one in summary.samples] == [("2", 2), ("3", 1), ("4", 1), ("8", 1)]


def test_tokens_and_money_are_those_of_every_trace_kept_or_not(rich: Summary) -> None:
    traces = rich.traces
    assert rich.cost.reply.completion_tokens == 30 * (traces - 1) + 90
    assert rich.cost.tokens == 42 * (traces - 1) + 100
    assert float(rich.cost.cost) == pytest.approx((12 * 2 + 30 * 8) / 1e6 * (traces - 1) + (20 + 720) / 1e6)
    assert rich.cost.cost_per_kept == rich.cost.cost / rich.kept


def test_the_forecast_of_the_first_problems_holds_what_the_run_came_to(rich: Summary) -> None:
    (forecast,) = rich.cost.forecasts
    assert forecast.problems == 10
    whole = 42 * 4 * rich.problems["total"]
    assert forecast.tokens_low <= whole <= forecast.tokens_high


def test_suspect_references_are_named(rich: Summary) -> None:
    found = next(one for one in rich.suspects if one.problem_id == "suspect")
    assert found == SuspectReference("suspect", "4", "5", 4, 4, probability=found.probability, is_suspect=True)
    assert rich.suspect_count == len(rich.suspects)
    assert all(one.is_suspect for one in rich.suspects)


def test_contaminated_problems_are_shown_with_both_passages(rich: Summary) -> None:
    (hit,) = rich.contamination
    assert (hit.problem_id, hit.benchmark, hit.benchmark_id) == ("known", "olympiad", "17")
    assert hit.passages == [{"problem": "two and <b>two</b>", "benchmark": "three and <b>three</b>"}]


def test_selections_are_compared_with_the_first(rich: Summary) -> None:
    first, everything = rich.selections
    assert (first.name, everything.name) == ("selection", "everything")
    assert everything.kept > first.kept == first.shared == everything.shared
    assert sum(everything.reasons.values()) == sum(first.reasons.values()) == rich.traces


def test_lengths_tell_right_wrong_and_cut_apart(rich: Summary) -> None:
    assert rich.lengths.unit == "tokens"
    bins = rich.lengths.bins
    assert sum(one.cut for one in bins) == rich.cost.cut == 2
    assert sum(one.right + one.wrong + one.cut + one.uncounted for one in bins) == rich.traces - 2, "refusals have none"


def test_characters_stand_in_where_tokens_are_not_reported(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "cc", usage=Usage()))
    lengths = summarise_run(CONFIG, folder).lengths
    assert lengths.unit == "characters"
    assert [one.right for one in lengths.bins] == [2]


def test_an_unfinished_run_says_what_is_missing(tmp_path: Path) -> None:
    problems = [make_problem("a"), make_problem("b")]
    folder = write_reported(tmp_path, CONFIG, problems, sample_problem(problems[0], "cnn"), decide=False)
    summary = summarise_run(CONFIG, folder)
    notes = summary.notes
    assert [(step.name, step.left) for step in summary.funnel][:3] == [("sampled", 3), ("decided", 0), ("complete", 0)]
    assert summary.funnel[1].lost == {"undecided": 3}
    assert notes[0] == "1 of 2 problems have no trace yet: sampling has not finished."
    assert notes[1].startswith("Until then rates lean upwards")
    assert notes[2] == "2 of 3 traces have no score yet. `overproof score` gives them one."
    assert notes[3] == "3 of 3 traces have no decision yet. `overproof select` makes it."
    assert notes[4] == "There is no dataset yet. `overproof export` writes it."


def test_a_run_that_is_still_sampled_asks_for_no_command(tmp_path: Path) -> None:
    problems = [make_problem("a"), make_problem("b")]
    folder = write_reported(tmp_path, CONFIG, problems, sample_problem(problems[0], "nnn"), decide=False)
    notes = summarise_run(CONFIG, folder).notes
    assert [note for note in notes if "overproof" in note] == [notes[-1]]
    assert notes[-1].startswith("Nothing is graded yet: `overproof run` goes on to that")


def test_every_rate_of_a_run_that_lacks_traces_is_one_so_far(tmp_path: Path) -> None:
    adaptive = make_config(sampling={"probe": 2, "want_correct": 2, "max": 8})
    whole = {"fixed": (CONFIG, "ccii"), "stopped": (adaptive, "icc"), "exhausted": (adaptive, "iiiiiiii")}
    partial = {"fixed": (CONFIG, "cci"), "probe": (adaptive, "c"), "stopped": (adaptive, "ici"), "none": (CONFIG, "")}
    for is_whole, cases in ((True, whole), (False, partial)):
        for name, (config, letters) in cases.items():
            problems = [make_problem("there"), make_problem("p")]
            full = "cccc" if config is CONFIG else "cc"
            scored = sample_problem(problems[0], full) + sample_problem(problems[1], letters)
            folder = write_reported(tmp_path / f"{is_whole}{name}", config, problems, scored)
            summary = summarise_run(config, folder)
            assert summary.overall.pass_rate.so_far is not is_whole, name
            assert all(rate.so_far is not is_whole for rate in summary.pass_rates.values()), name


def test_a_band_of_pass_rates_says_how_many_of_its_problems_truly_lie_in_it(tmp_path: Path) -> None:
    problems = [make_problem(f"p{number}") for number in range(60)]
    letters = ["cccc", "ccci", "ccii", "ciii", "iiii", "ccci"]
    scored = [pair for place, one in enumerate(problems) for pair in sample_problem(one, letters[place % 6])]
    wide = make_config(sampling={"n": 4}, selection={"min_pass_rate": 0.4, "max_pass_rate": 1.0})
    (line,) = summarise_run(wide, write_reported(tmp_path / "wide", wide, problems, scored)).selections
    assert line.problems == 40
    assert line.inside is not None
    assert 0.6 < line.inside < 0.97


def test_a_run_with_too_few_traces_says_so(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "ccc"))
    told, leaning = summarise_run(CONFIG, folder).notes
    assert told == "3 of 4 traces are there: sampling has not finished."
    assert leaning.startswith("Until then rates lean upwards")


def test_a_run_of_which_fewer_samples_are_asked_for_now_says_what_its_rates_rest_on(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "ccccii"))
    (told,) = summarise_run(CONFIG, folder).notes
    assert told.startswith("6 traces are there and 4 are asked for now: rates rest on the first 4 of each problem")


def test_a_whole_run_lacks_nothing(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "ccci"))
    assert summarise_run(CONFIG, folder).notes == []


def test_an_empty_run_has_a_summary(tmp_path: Path) -> None:
    folder = write_reported(tmp_path, CONFIG, [], [])
    summary = summarise_run(CONFIG, folder)
    assert summary.notes == ["There are no problems in this run folder yet."]
    assert summary.overall.pass_rate.value is None
    assert summary.cost.tokens_per_kept is None


def test_a_damaged_run_has_a_summary_of_the_rest(tmp_path: Path) -> None:
    problem = make_problem()
    folder = write_reported(tmp_path, CONFIG, [problem], sample_problem(problem, "ccci"))
    folder.scores(0).write_bytes(folder.scores(0).read_bytes()[:-30] + b"\n")
    summary = summarise_run(CONFIG, folder)
    assert summary.overall.pass_rate.value == 1
    assert summary.notes[-1].startswith("1 lines are damaged and left out, the first of them: scores/00000.jsonl:4 (")


def test_rejected_traces_of_a_problem_that_is_gone_are_told(tmp_path: Path) -> None:
    here, gone = make_problem("here"), make_problem("gone")
    folder = write_reported(tmp_path, CONFIG, [here], sample_problem(here, "cccc") + sample_problem(gone, "c"))
    summary = summarise_run(CONFIG, folder)
    assert summary.reasons == {"problem_gone": 1, "correct": 4}
    assert "1 problems of the traces are no longer in the problem file; they are left out." in summary.notes


def test_a_trace_of_an_unknown_teacher_is_told_by_name(tmp_path: Path) -> None:
    problem = make_problem()
    trace = make_trace(problem, teacher="imported:somewhere")
    assert (
        summarise_run(CONFIG, write_reported(tmp_path, CONFIG, [problem], [(trace, None)])).teacher
        == "imported:somewhere"
    )
