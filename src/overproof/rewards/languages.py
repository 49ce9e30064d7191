"""The language of a trace's reasoning, measured once for all rewards that read it."""

from __future__ import annotations

from functools import lru_cache

from overproof.completion import read_completion
from overproof.language import Consistency, consistency, language_of, words_of_programs
from overproof.records import Reward, Trace


def measure_language(trace: Trace, target: str | None) -> Consistency | Reward:
    """How much of the reasoning is in `target`, or the reward that says why that cannot be measured.

    The question itself, put word for word into a reasoning that is in another language, is a quotation; so is what the
    comments and texts of a program in it say.
    """
    if target is None:
        return Reward(None, "unknown_language")
    reasoning = read_completion(trace).reasoning
    if reasoning is None:
        return Reward(None, "no_reasoning")
    question = trace.problem.question
    if question and question in reasoning and language_of(question) != target:
        reasoning = reasoning.replace(question, " ", 1)
    for words in words_of_programs(question):
        reasoning = reasoning.replace(words, " ")
    return _measure(reasoning, target)


_measure = lru_cache(maxsize=4)(consistency)
"""The rewards of one trace ask one after another."""
