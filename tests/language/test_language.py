"""Language consistency: a table of cases, and what holds for any text at all."""

import json
import sys
import threading
from pathlib import Path
from typing import Any

import langdetect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overproof.language import consistency, language_of
from overproof.language.ballots import MOST_WORDS, count_votes
from overproof.language.common_words import COMMON_WORDS, SYMBOL_WORDS
from overproof.language.prose import to_prose
from overproof.language.scripts import SCRIPTS

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "cases" / "language.jsonl").read_text("utf-8").splitlines()
]
TARGETS = ["en", "zh", "fr", "ja", "ko", "ru", "ar", "th", "sw", "xx"]
PIECES = [
    "the sum of both is four. ",
    "所以答案是四。",
    "答えは四です。",
    "Donc la somme est quatre. ",
    "답은 사입니다. ",
    "Итак, ответ четыре. ",
    "$x^2$",
    "\\[",
    "\\]",
    "\\begin{cases}",
    "\\end{cases}",
    "```",
    "`",
    "$",
    "$$",
    "<b>",
    "\\boxed{",
    "}",
    "https://a.b/",
    "\n",
    " ",
    "\ud800",
    "\u200b",
    "a" * 500,
    "NASA ",
    "٤٢",
    "é",
    "I ",
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["why"])
def test_a_text_scores_as_a_reader_would_say(case: dict[str, Any]) -> None:
    score = consistency(case["text"], case["target"]).score
    if case["low"] is None:
        assert score is None
    else:
        assert score is not None
        assert case["low"] <= score <= case["high"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)), st.sampled_from(TARGETS))
@pytest.mark.slow
def test_any_text_has_a_share_or_none_and_the_same_one_again(text: str, target: str) -> None:
    found = consistency(text, target)
    assert found.score is None or 0 <= found.score <= 1
    assert 0 <= found.longest_foreign_run <= sum(found.units.values()) + 1e-9
    assert 0 <= found.mixed_paragraphs <= found.paragraphs
    assert consistency(text, target) == found


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)))
def test_any_question_has_a_language_code_or_none_and_the_same_one_again(question: str) -> None:
    language = language_of(question)
    assert language is None or (len(language) in {2, 3} and language.islower())
    assert language_of(question) == language


@pytest.mark.parametrize("piece", [piece for piece in PIECES if piece.strip()])
def test_a_megabyte_of_anything_is_measured(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))
    score = consistency(text, "en").score
    assert score is None or 0 <= score <= 1
    assert len(to_prose(text)) <= len(text)


@pytest.mark.parametrize("piece", ["\\[\\", "\\(\\", "\\[\\(", "$`", "\\begin{a}\\\\"])
def test_openings_without_an_end_cost_no_more_than_other_text(piece: str) -> None:
    assert consistency(piece * 100_000, "en").score is None


def test_endless_words_among_chinese_cost_no_more_than_others() -> None:
    found = consistency("先把两个数相加" + "a" * 300_000 + "再除以三" + "bb" + "就得到" + "cc" + "答案。", "zh")
    assert found.score == 1.0


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_the_order_of_sentences_does_not_change_the_share(data: st.DataObject) -> None:
    sentences = [
        "First we add the two numbers and then divide the sum.",
        "On additionne les deux nombres et on divise la somme.",
        "先把两个数相加，再除以三。",
        "Сначала сложим два числа и разделим сумму на три.",
    ]
    shuffled = data.draw(st.permutations(sentences))
    assert consistency(" ".join(shuffled), "en").score == pytest.approx(consistency(" ".join(sentences), "en").score)


def test_the_longest_foreign_run_is_found_with_its_beginning() -> None:
    text = "We add the numbers. 先把两个数相加。再除以三就得到答案。 Then we are done here. 好的。"
    found = consistency(text, "en")
    assert found.longest_foreign_run == pytest.approx(0.6 * 16)
    assert found.excerpt == "先把两个数相加"


def test_text_wholly_in_the_target_has_no_foreign_run() -> None:
    found = consistency("We add the numbers, and that is all there is to it.", "en")
    assert (found.longest_foreign_run, found.excerpt) == (0.0, "")


def test_a_paragraph_is_mixed_when_it_is_in_two_languages_or_wholly_in_another() -> None:
    english, chinese = "So the sum of the two numbers is five.", "所以这两个数的和等于五。"
    assert consistency(f"{english} {chinese}", "en").mixed_paragraphs == 1
    apart = consistency(f"{english}\n{chinese}\n{english}", "en")
    assert (apart.paragraphs, apart.mixed_paragraphs) == (3, 1)


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Janet has 16 eggs and sells nine of them. How many are left?", "en"),
        ("Compute $1 + 1$.", "en"),
        ("Find the value of $x$.", "en"),
        ("珍妮有十六个鸡蛋，卖了九个，还剩几个？", "zh"),
        ("求 $x$ 的值。", "zh"),
        ("已知△ABC中，BC=6，cosB=1/3，求AC。", "zh"),
        ("ジャネットは卵を16個持っています。9個売ると何個残りますか。", "ja"),
        ("자넷은 달걀 16개를 가지고 있다. 9개를 팔면 몇 개가 남는가?", "ko"),
        ("У Джанет шестнадцать яиц, она продала девять. Сколько осталось?", "ru"),
        ("Janet a seize œufs et elle en vend neuf. Combien en reste-t-il ?", "fr"),
        ("Janet hat sechzehn Eier und verkauft neun davon. Wie viele bleiben übrig?", "de"),
        ("Janet tiene dieciséis huevos y vende nueve. ¿Cuántos le quedan?", "es"),
        ("Janet ma szesnaście jajek i sprzedaje dziewięć z nich. Ile jajek jej zostało?", "pl"),
        ("Let $f(x) = \\frac{1}{x}$. Find $f(2)$ if possible. If it does not exist, explain why.", "en"),
        ("$\\frac{10 i}{2-i}=( )$", None),
        ("Z1 = X/(X+Y), X~Γ(α,λ)", None),
        ("", None),
        ("42", None),
    ],
)
def test_a_question_is_given_its_language(question: str, language: str | None) -> None:
    assert language_of(question) == language


def test_naming_a_language_leaves_the_seed_of_langdetect_as_it_was() -> None:
    before = langdetect.DetectorFactory.seed
    language_of("Janet has sixteen eggs and sells nine of them at the market.")
    assert langdetect.DetectorFactory.seed == before


def test_threads_agree() -> None:
    texts = [case["text"] for case in CASES] * 3
    expected = [(consistency(text, "en"), language_of(text)) for text in texts]
    found: list[list[object]] = []

    def measure() -> None:
        found.append([(consistency(text, "en"), language_of(text)) for text in texts])

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=measure) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert found == [expected] * 4


def test_words_of_one_language_vote_for_it_and_symbols_for_none() -> None:
    for language, words in COMMON_WORDS.items():
        listed = [word for word in words.split() if word not in SYMBOL_WORDS and len(word) > 1][:50]
        ballot = count_votes(listed)
        assert (ballot.leader, ballot.votes, ballot.counted) == (language, len(listed), len(listed))
    assert count_votes(sorted(SYMBOL_WORDS)).counted == 0


def test_a_ballot_takes_as_many_words_as_it_says() -> None:
    assert count_votes(["the"] * MOST_WORDS).votes == MOST_WORDS


def test_no_language_is_written_in_two_scripts_that_are_told_apart() -> None:
    languages = [language for script in SCRIPTS for language in script.languages]
    assert len(languages) == len(set(languages))
