import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from overproof.config.rewards import REWARDS
from overproof.errors import ConfigError
from overproof.report import funnel, page, troubles
from overproof.rewards.contracts import BREAKS
from overproof.selection.reasons import REASONS
from overproof.wording import Wording, choose_language, read_catalogue

SOURCE = Path(__file__).parents[1] / "src" / "overproof"
PAGES = SOURCE / "report" / "pages"
_STRING = r'("(?:[^"\\]|\\.)*")'
ZH = read_catalogue("zh")


def said_in_templates() -> Iterator[str]:
    for path in PAGES.glob("*.jinja"):
        text = path.read_text(encoding="utf-8")
        yield from re.findall(r"\b(?:say|rich)\(\s*\"((?:[^\"\\]|\\.)*)\"", text)
        yield from re.findall(r"\b(?:say|rich)\(\s*'([^']*)'", text)
        for pair in re.findall(r'say\.count\([^,]+,\s*"([^"]*)",\s*"([^"]*)"', text):
            yield from pair


def said_in_scripts() -> Iterator[str]:
    for path in PAGES.glob("*.js"):
        yield from (ast.literal_eval(one) for one in re.findall(r"\bt\(" + _STRING, path.read_text(encoding="utf-8")))


def said_in_python() -> Iterator[str]:
    for path in [*(SOURCE / "report").glob("*.py"), *(SOURCE / "view").glob("*.py"), *(SOURCE / "cli").glob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and node.args
                and getattr(node.func, "id", getattr(node.func, "attr", "")) == "say"
            ):
                constants = (one.value for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant))
                yield from (text for text in constants if isinstance(text, str) and len(text) > 1)


def named() -> Iterator[str]:
    for names in (REASONS, BREAKS):
        for name, meaning in names.items():
            if not name.startswith("below_"):
                yield from (name.replace("_", " "), meaning)
    yield from (*page.LAYERS.values(), *page.MARKS.values(), *page._PROBLEM_COUNTS.values(), *page._ESTIMATORS.values())
    yield from (*troubles._REMEDIES.values(), *troubles._REFUSALS.values(), troubles._ANY_REFUSAL)
    for step, meaning, _ in funnel._STEPS:
        yield from (step.capitalize(), meaning)


SAID = {
    "templates": said_in_templates,
    "scripts": said_in_scripts,
    "python": said_in_python,
}


@pytest.mark.parametrize("where", SAID)
def test_everything_that_is_said_has_a_translation(where: str) -> None:
    said = set(SAID[where]())
    assert len(said) > 20
    replaced = {text for text in said if not re.search(r"[a-z]", re.sub(r"\{\w+\}", "", text))}
    assert sorted(said - replaced - set(ZH) - {"_", " ", "below_"}) == []


def test_nearly_all_names_and_meanings_that_other_modules_hold_have_a_translation() -> None:
    said = set(named())
    missing = sorted(said - set(ZH))
    assert not {*page.LAYERS.values(), *(name.replace("_", " ") for name in REWARDS)} - set(ZH)
    assert set(page.LAYERS.values()) <= set(page.words_of_script(Wording("zh"))), "scripts name them, however long"
    assert len(missing) < 0.1 * len(said), missing


def test_translations_keep_every_name_that_a_value_takes() -> None:
    for text, said in ZH.items():
        assert set(re.findall(r"\{(\w+)\}", text)) == set(re.findall(r"\{(\w+)\}", said)), text


@pytest.mark.parametrize(
    ("asked", "environment", "language"),
    [
        ("zh", {}, "zh"),
        ("zh-CN", {}, "zh"),
        ("EN", {"LANG": "zh_CN.UTF-8"}, "en"),
        (None, {"LANG": "zh_CN.UTF-8"}, "zh"),
        (None, {"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        (None, {"LC_MESSAGES": "zh_TW", "LANG": "de_DE"}, "zh"),
        (None, {}, "en"),
    ],
)
def test_the_language_is_what_was_asked_for_or_the_locale_s(
    asked: str | None, environment: dict[str, str], language: str
) -> None:
    assert choose_language(asked, environment) == language


def test_a_language_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(ConfigError, match="en, zh"):
        choose_language("fr", {})


def test_a_count_is_said_in_one_or_many() -> None:
    assert Wording().count(1, "{n} trace", "{n} traces") == "1 trace"
    assert Wording().count(1200, "{n} trace", "{n} traces") == "1,200 traces"
    assert Wording("zh").count(2, "{n} trace", "{n} traces") == "2 条轨迹"
