from collections.abc import Callable
from pathlib import Path

import pytest
from reported import make_rich_run

from overproof.config import RunConfig, load_config
from overproof.report import report
from overproof.runfolder import RunFolder
from overproof.wording import Wording


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return make_rich_run(tmp_path)


def test_a_report_of_a_run_that_has_not_changed_is_left_as_it_is(folder: RunFolder) -> None:
    config = load_config(str(folder.config))
    first = report(config, folder, [0])
    before = [path.stat().st_mtime_ns for path in (folder.report_html, folder.report_json)]
    assert report(config, folder, [0]) == first
    assert [path.stat().st_mtime_ns for path in (folder.report_html, folder.report_json)] == before


def cut_page(folder: RunFolder) -> None:
    folder.report_html.write_bytes(folder.report_html.read_bytes()[:-100])


def flip_summary(folder: RunFolder) -> None:
    folder.report_json.write_text(folder.report_json.read_text().replace('"kept": ', '"kept": 1', 1))


def remove_summary(folder: RunFolder) -> None:
    folder.report_json.unlink()


def decide(folder: RunFolder) -> None:
    (folder.root / "overrides.jsonl").touch()


def lose_scores(folder: RunFolder) -> None:
    folder.scores(0).unlink()


CHANGES: list[Callable[[RunFolder], None]] = [cut_page, flip_summary, remove_summary, decide, lose_scores]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_report_is_made_again_when_it_is_damaged_or_something_in_its_run_has_changed(
    folder: RunFolder, change: Callable[[RunFolder], None]
) -> None:
    config = load_config(str(folder.config))
    first = report(config, folder, [0])
    change(folder)
    again = report(config, folder, [0])
    assert again.made_from != first.made_from or again == first
    assert folder.report_html.read_bytes().rstrip().endswith(b"</html>")
    assert report(config, folder, [0]) == again


def test_another_config_or_another_language_is_another_report(folder: RunFolder) -> None:
    config = load_config(str(folder.config))
    first = report(config, folder, [0])
    raised = config.model_copy(update={"sampling": config.sampling.model_copy(update={"n": 9})})
    assert isinstance(raised, RunConfig)
    assert report(raised, folder, [0]).made_from != first.made_from
    assert report(config, folder, [0], Wording("zh")).made_from != first.made_from
    assert 'lang="zh' in folder.report_html.read_text(encoding="utf-8")
