"""Token counts as endpoints report them → `Usage`; only this module knows the names that they have elsewhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from overproof.records import Usage
from overproof.teacher.words import fold

BYTES_PER_TOKEN = 3
"""UTF-8 bytes that are counted as a token where nobody counted: English prose has about four to a token, formulas
three, and Chinese, with three bytes to a character, four to five."""

MOST_TOKENS = 2**53
"""More than any reply has: a count beyond it is not believed (and would not fit into a record)."""

_PROMPT = (
    "prompttokens",
    "inputtokens",
    "prompttokencount",
    "inputtokencount",
    "promptevalcount",
    "promptn",
    "tokensin",
    "numprompttokens",
    "numinputtokens",
)
_REPLY = (
    "completiontokens",
    "outputtokens",
    "generatedtokens",
    "candidatestokencount",
    "completiontokencount",
    "outputtokencount",
    "evalcount",
    "predictedn",
    "tokensout",
    "numcompletiontokens",
    "numoutputtokens",
    "numtokensgenerated",
)
_TOTAL = ("totaltokens", "totaltokencount")
_REASONING = ("reasoningtokens", "thinkingtokens", "thoughtstokencount")
_CACHED = ("cachedtokens", "promptcachehittokens", "cachereadinputtokens", "cachedcontenttokencount")
"""What OpenAI, Anthropic, Gemini, Bedrock, Ollama, llama.cpp and DeepSeek call the same counts, likeliest first, as
`words.fold` has them: `prompt_tokens` and `promptTokens` are one word."""
_SHORT = {"prompttokens": ("prompt", "input"), "completiontokens": ("completion", "output"), "totaltokens": ("total",)}
"""What tables call them whose own name says that they count tokens."""
_DETAILS = ("completiontokensdetails", "outputtokensdetails", "prompttokensdetails", "inputtokensdetails")
_PLACES = ("usage", "usagemetadata", "xgroq", "timings", "tokens", "tokenusage", "meta", "metadata", "stats")
"""Keys of a body, a chunk or a choice under which counts stand, or tables with such keys."""
_DEEPEST = 3
"""Tables within tables that are looked into."""

_LONGEST_KEY = 64
_fold_key = lru_cache(1024)(fold)
_Counts = Mapping[str, Any]
"""A table of counts by folded keys."""


def find_usage(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The table of counts in a body, a streamed object, a choice or a message; None where there is none."""
    keys = {_fold_key(key): key for key in value if len(key) <= _LONGEST_KEY}
    for place in _PLACES:
        if place in keys and (table := _as_counts(value[keys[place]], _DEEPEST)) is not None:
            return table
    is_bare = "choices" not in value and any(_count(_folded(value), key) is not None for key in (*_PROMPT, *_REPLY))
    return value if is_bare else None


def _as_counts(table: Any, depth: int) -> Mapping[str, Any] | None:
    """What stands where counts belong, by their long names; None where it holds none."""
    if isinstance(table, list) and len(table) == 1:
        table = table[0]
    if not isinstance(table, Mapping) or not depth:
        return None
    counts = _folded(table)
    for name, short in _SHORT.items():
        found = next((counts[one] for one in short if _count(counts, one) is not None), None)
        counts = counts if found is None else {name: found, **counts}
    if any(_count(counts, key) is not None for key in (*_PROMPT, *_REPLY, *_TOTAL)):
        return counts
    inner = (_as_counts(counts[place], depth - 1) for place in _PLACES if place in counts)
    return next((one for one in inner if one is not None), None)


def read_usage(table: Mapping[str, Any] | None) -> Usage:
    """The counts; None where the endpoint did not say.

    Some leave the reasoning out of the reply's count (xAI, Gemini). The total is believed where it is more than prompt
    and reply together; without one, a reply of fewer tokens than its reasoning has them on top.
    """
    if not table:
        return Usage()
    table = _folded(table)
    places = [table, *(_folded(table[key]) for key in _DETAILS if isinstance(table.get(key), Mapping))]
    prompt, reply, total = (_first(places[:1], keys) for keys in (_PROMPT, _REPLY, _TOTAL))
    reasoning, cached = _first(places[::-1], _REASONING), _first(places[::-1], _CACHED)
    if prompt is not None and cached is not None and cached > prompt:  # Anthropic counts them apart
        prompt += cached
    if total is None:
        if reply is not None and reasoning is not None and reasoning > reply:
            reply += reasoning
    elif prompt is None and reply is not None:
        prompt = max(0, total - reply)
    elif prompt is not None and total > prompt + (reply or 0):
        reply = total - prompt
    return Usage(prompt_tokens=prompt, completion_tokens=reply, reasoning_tokens=reasoning, cached_tokens=cached)


def estimate_tokens(size: int) -> int:
    """About how many tokens so many bytes of UTF-8 are."""
    return math.ceil(size / BYTES_PER_TOKEN)


def _folded(table: Mapping[str, Any]) -> _Counts:
    return {_fold_key(key): value for key, value in table.items() if len(key) <= _LONGEST_KEY}


def _first(places: list[_Counts], keys: tuple[str, ...]) -> int | None:
    return next(_counts(places, keys), None)


def _counts(places: list[_Counts], keys: tuple[str, ...]) -> Iterator[int]:
    for place in places:
        for key in keys:
            count = _count(place, key)
            if count is not None:
                yield count


def _count(table: _Counts, key: str) -> int | None:
    """A count, which some send as a float or as text."""
    value = table.get(key)
    if isinstance(value, str):
        try:
            value = float(value.replace(",", ""))
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= MOST_TOKENS:
        return None
    return int(value)
