"""How much of a reasoning is thought, and not talk beside it; only this module knows what counts as such talk.

Three things do: the question said again in its own words, a sentence said again (its number in a list aside), and all
that follows the first statement of the right answer, which Chen et al. (arXiv 2412.21187) call overthinking. Each is
told only where it is plain, so the true share of thought is lower. Whether the steps hold is not looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from overproof.completion import read_completion
from overproof.grading import answer_type_of
from overproof.grading.boxes import find_boxes
from overproof.grading.grader import exact_grade
from overproof.grading.markers import chosen_letters, concluded_answer, marked_answer
from overproof.grading.phrases import HEDGE
from overproof.records import Grade, Problem, Reward, Trace, Verdict

_SPACELESS = "\u3040-\u30ff\u3400-\u9fff"
"""Kana and Chinese characters, which are written without spaces and count one by one."""
_WORD = re.compile(rf"[^\W\d_{_SPACELESS}]+|\d+|[{_SPACELESS}]")
_TOKEN = re.compile(rf"{_WORD.pattern}|[^\w\s]")
_SENTENCE = re.compile(r"\S[^\n]*?(?:[.!?][\"')\]*]*(?=\s|\Z)|[。！？][”」）*]*|(?=\n|\Z))")
_EXCERPT_LENGTH = 80

_WINDOW = 5
"""Words of the question in a row that are looked for."""
_BRIDGED = 2
"""Words put in or changed that do not end a restatement."""
_LEAST_RESTATED = 8.0
"""Words of a stretch from which it restates the question; a shorter one names what the question is about."""
_CHARACTERS_IN_A_WORD = 1.6
_LONG_ENOUGH = re.compile(rf"(?:[\s_]*+(?>{_TOKEN.pattern})){{10}}")
"""A sentence with so many words, numbers and signs that saying it again is a repeat; "so x = 2." may be said often."""

_NUMERAL = r"(?:\d{1,3}|[ivx]{1,4}|[一二三四五六七八九十]{1,3})"
_LABEL = re.compile(
    rf"[\s#>*_-]*(?:(?:step|case|attempt|method|approach|part|check)\s{{0,3}}\(?{_NUMERAL}\)?\s*[:.,)–-]"
    rf"|第{_NUMERAL}步|(?:步骤|方法|情况|情形)\s?{_NUMERAL}|[(（\[]{_NUMERAL}[)）\]]|{_NUMERAL}[.)、）:](?!\d)|[①-⑳])[\s:：,，.、*_-]*",
    re.IGNORECASE,
)
"""A sentence's place in a list: what is said is the same without it."""
_DRESS = re.compile(r"[\s*_#>`]+")

_MOST_VALUES = 200
"""Different values of one reasoning that are compared with the reference: a bound on time."""
_SINGLE = re.compile(r"(?<![A-Za-z\\])[B-HJ-Zb-z](?![A-Za-z])")
_NAMES_NOTHING = frozenset(
    re.findall(
        r"\w+",
        "what find value many much does that with have this from than were which will each your then there their they "
        "answer compute calculate determine when where write number following",
    )
)
"""Words of four letters or more that stand in any question, so that sharing them says nothing."""
_ASKS = re.compile("[多少几何什么求的了是为有个在和与请问]")
"""Characters that stand in any question."""
_OPTION = re.compile(r"\W*[A-Z]\W*")

Span = tuple[int, int]
"""Start and end in the reasoning, in characters."""


def thought_share(trace: Trace, *, right: bool | None) -> Reward:
    """The share of the reasoning's characters that are thought: 1 where nothing is restated, repeated or added.

    `right` says whether the reply's answer is right; only then is there a first statement of it to be found. Evidence:
    `spare`, the characters that are not thought; of each of the three kinds how many, from where to where its longest
    stretch is in the reasoning, and how that begins (of what follows the answer: the sentence that states it). None
    without reasoning.
    """
    reasoning = read_completion(trace).reasoning
    if not reasoning:
        return Reward(None, "no_reasoning")
    problem = trace.problem
    sentences = [match.span() for match in _SENTENCE.finditer(reasoning)]
    stated = _find_statement(reasoning, sentences, problem) if right else None
    found = {
        "restated": _find_restated(reasoning, problem.question),
        "repeated": _find_repeated(reasoning, sentences),
        "after_answer": [(stated[1], len(reasoning))] if stated and stated[1] < len(reasoning) else [],
    }
    spare = _measure([span for spans in found.values() for span in spans])
    if not spare:
        return Reward(1.0)
    evidence: dict[str, Any] = {"spare": spare, "characters": len(reasoning)}
    for kind, spans in found.items():
        if spans:
            longest = max(spans, key=lambda span: span[1] - span[0])
            shown = stated if kind == "after_answer" and stated else longest
            evidence[kind] = _measure(spans)
            evidence[f"{kind}_at"] = list(longest)
            evidence[f"{kind}_text"] = reasoning[slice(*shown)][:_EXCERPT_LENGTH]
    return Reward(round(1 - spare / len(reasoning), 4), "beside_thought", evidence)


def _measure(spans: Sequence[Span]) -> int:
    """How many characters lie in any of the spans."""
    total = reached = 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


# --- the question said again


def _find_restated(reasoning: str, question: str) -> list[Span]:
    """Where the reasoning has a stretch of the question's words; formulas alone are what is worked on, and none."""
    asked = [word.lower() for word in _WORD.findall(question)]
    windows = {tuple(asked[place : place + _WINDOW]) for place in range(len(asked) - _WINDOW + 1)}
    matches = list(_WORD.finditer(reasoning)) if windows else []
    words = [match[0].lower() for match in matches]
    runs: list[list[int]] = []
    for place in range(len(words) - _WINDOW + 1):
        if tuple(words[place : place + _WINDOW]) not in windows:
            continue
        if runs and place - runs[-1][1] <= _BRIDGED:
            runs[-1][1] = place + _WINDOW
        else:
            runs.append([place, place + _WINDOW])
    return [
        (matches[first].start(), matches[last - 1].end())
        for first, last in runs
        if sum(map(_weigh, matches[first:last])) >= _LEAST_RESTATED
    ]


def _weigh(match: re.Match[str]) -> float:
    """How many words a match of _WORD is: none for a number, a variable, a function or a LaTeX command."""
    if re.match(f"[{_SPACELESS}]", match[0]):
        return 1 / _CHARACTERS_IN_A_WORD
    is_command = match.string.startswith("\\", max(0, match.start() - 1)) or match.string.startswith("(", match.end())
    return 1.0 if len(match[0]) > 1 and not match[0].isdigit() and not is_command else 0.0


# --- a sentence said again


def _find_repeated(reasoning: str, sentences: Sequence[Span]) -> list[Span]:
    """The sentences that were said before, but for their labels and how they are set."""
    seen: set[str] = set()
    repeated = []
    for start, end in sentences:
        label = _LABEL.match(reasoning, start, end)
        plain = _DRESS.sub("", reasoning[label.end() if label else start : end]).lower()
        if plain in seen:
            repeated.append((start, end))
        elif _LONG_ENOUGH.match(reasoning, start, end):
            seen.add(plain)
    return repeated


# --- the first statement of the right answer


def _find_statement(reasoning: str, sentences: Sequence[Span], problem: Problem) -> Span | None:
    """The first sentence that gives the right answer as what is asked for; None where none does plainly."""
    if problem.reference is None:
        return None
    subject = _QuestionWords(problem.question)
    letters = _OPTION.fullmatch(problem.reference) is not None
    digits = problem.reference if problem.reference.isdecimal() else ""
    tried: set[str] = set()
    for start, end in sentences:
        sentence = reasoning[start:end]
        if digits not in sentence.replace("{,}", "").replace(",", ""):
            continue  # a whole number is stated by its digits, which most sentences have not
        for value in _values_stated(sentence, subject, letters=letters):
            if value not in tried and _is_answer(value, problem):
                return start, end
            tried.add(value)
        if len(tried) > _MOST_VALUES:
            return None
    return None


def _is_answer(value: str, problem: Problem) -> bool:
    kind = answer_type_of(problem.metadata)
    found = exact_grade(value, problem.reference, problem.question, answer_only=True, answer_type=kind)
    return isinstance(found, Grade) and found.verdict in {Verdict.CORRECT, Verdict.APPROXIMATE}


class _QuestionWords:
    """What a question asks for, as the words by which a sentence shows that it speaks of it."""

    def __init__(self, question: str) -> None:
        parts = [match[0] for match in _SENTENCE.finditer(question)] or [question]
        asking = next((part for part in reversed(parts) if "?" in part or "？" in part), parts[-1])
        self._words = _name(asking)
        self._variables = [
            re.compile(rf"(?<![\w+*/^\\-]){name}\s*(?:=|\bis\b|为|是|等于)") for name in set(_SINGLE.findall(asking))
        ]

    def is_spoken_of(self, sentence: str) -> bool:
        """Whether a sentence is about it: an intermediate result may have the value of the answer too."""
        return not self._words.isdisjoint(_name(sentence)) or any(one.search(sentence) for one in self._variables)


def _name(text: str) -> set[str]:
    """The words of a text that name something; of Chinese, its pairs of characters."""
    words = {word.lower() for word in re.findall(r"(?<!\\)\b[^\W\d_]{4,}", text) if word[0] < "\u3040"}
    stretches = re.findall(f"[{_SPACELESS}]+", _ASKS.sub(" ", text))
    return words - _NAMES_NOTHING | {part[n : n + 2] for part in stretches for n in range(len(part) - 1)}


def _values_stated(sentence: str, asked: _QuestionWords, *, letters: bool) -> Iterator[str]:
    """The values that a sentence gives as the answer; a question or a guess gives none."""
    if sentence.rstrip(" *)\"'").endswith(("?", "？")) or HEDGE.search(sentence):
        return
    yield from (content for _, _, content in find_boxes(sentence))
    if (marked := marked_answer(sentence)) is not None:
        yield marked
    if letters and (chosen := chosen_letters(sentence)) is not None:
        yield chosen
    if not re.search(r"\d|=|[^\x00-\x7f]|\\", sentence) or not asked.is_spoken_of(sentence):
        return
    if (concluded := concluded_answer(sentence)) is not None:
        yield concluded
    if "=" in sentence:
        yield re.sub(r"\$|\\[)\]]|\*\*", "", sentence.rpartition("=")[2]).strip(" .。，,!！")
