"""Words that providers spell differently and mean alike: the one place where they are folded and compared.

`MAX_TOKENS`, `max-tokens` and `maxTokens` are one word; so are `exceeded_current_quota_error` and
`ExceededCurrentQuota`. Tables hold each word once, in any spelling.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

_NO_LETTER = re.compile(r"[\W_]+")
_KIND_OF_WORD = re.compile(r"(?<=\w)(?:error|exception)$")
_LONGEST_NAME = 64
"""Characters of a field's name that are looked at."""
_WORD = re.compile(r"[A-Za-z][\w.\-]{5,}")
"""What may be a code within a message: codes are long, and plain words are no codes of any table."""

FINISH_REASONS: Mapping[str, Iterable[str]] = {
    "stop": (
        "stop",
        "stopped",
        "stop_sequence",
        "stop_token",
        "eos",
        "eos_token",
        "end_turn",
        "end_of_turn",
        "end_of_text",
        "eot",
        "complete",
        "completed",
        "finish",
        "finished",
        "done",
        "end",
        "normal",
        "success",
        "succeeded",
        "eot_id",
        "im_end",
        "</s>",
    ),
    "length": (
        "length",
        "max_length",
        "max_tokens",
        "max_new_tokens",
        "max_output_tokens",
        "max_completion_tokens",
        "max_tokens_reached",
        "token_limit",
        "token_limit_reached",
        "length_limit",
        "model_length",
        "context_length",
        "context_length_exceeded",
        "context_window_exceeded",
        "model_context_window_exceeded",
        "max_context_length",
        "truncated",
        "incomplete",
    ),
    "content_filter": (
        "content_filter",
        "content_filtered",
        "content_policy",
        "content_policy_violation",
        "sensitive",
        "safety",
        "image_safety",
        "recitation",
        "blocklist",
        "blocked",
        "prohibited_content",
        "spii",
        "language",  # Gemini: it does not speak the input's language
        "refusal",
        "guardrail",
        "guardrail_intervened",
        "moderation",
        "violation",
        "jailbreak",
        "error_toxic",
        "data_inspection_failed",
    ),
    "tool_calls": (
        "tool_calls",
        "tool_call",
        "tool_use",
        "function_call",
        "function_calls",
        "malformed_function_call",
        "unexpected_tool_call",
        "too_many_tool_calls",
    ),
    "aborted": (
        "abort",
        "aborted",
        "cancel",
        "cancelled",
        "canceled",
        "error",
        "failed",
        "failure",
        "other",  # Gemini: for no reason that it gives
        "timeout",
        "time_limit",
        "interrupted",
        "network_error",
        "server_error",
        "internal_error",
        "engine_error",
        "model_error",
        "upstream_error",
        "user_cancelled",
        "repetition_truncation",
        "insufficient_system_resource",
    ),
}
"""Why a reply ended → the words for it. `aborted`: the server gave up."""
NO_REASON = (
    "null",
    "none",
    "nil",
    "undefined",
    "unknown",
    "unspecified",
    "not_finished",
    "in_progress",
    "generating",
    "running",
    "pending",
    "continue",
    "0",
    "not_done",
    "ongoing",
    "streaming",
    "partial",
)
"""Words that stand where no reason belongs: the reply goes on, or nobody says."""
_NOT_YET = re.compile(
    r"(?:not|un|in|non)(?:yet)?(?:finished|complete|completed|done|stopped|ended)(?!.*(?:max|length|token|filter))"
)
"""How words begin of replies that have not ended; `incomplete: max_output_tokens` has."""
_REASONING_NAME = re.compile(
    r"reason|think|thought|^cot$|cottext|deliberat|rationale|scratchpad|monologue|reflection|^analysis$"
)
_NO_TEXT = re.compile(
    r"(?:finish|stop|done|end).*reason|^reason$|summar|encrypt|redact|signature|(?:tokens?|effort|budget|id|signature|type|time|ms|seconds|duration|enabled"
    r"|status|mode|level|format|count|index|length|model|config|settings|finished|done)$"
)
"""Names of what is said of a reasoning, and is none."""
_LIKELY_REASONS = (
    (
        "stop",
        (
            r"without(?:any)?error|^no(?:error|limit)|not(?:reached|exceeded|hit)$|harmony"
            r"|^endof(?:text|sequence|sentence|turn|message|block|response|stream|generation|answer|reply)"
        ),
    ),
    (
        "content_filter",
        (
            r"filter|safety|unsafe|prohibit|block|moderat|toxic|harm|policy|sensitive|copyright|recitation"
            r"|risk|illegal|censor|guard|securit|audit|violat|refus|greennet|flagged|inappropriat|offensiv|abus|nsfw"
            r"|敏感|违规|审核|complian|armor"
        ),
    ),
    ("stop", r"^eos|endof(?:text|sequence|sentence)|(?:eos|stop|end)token"),
    (
        "length",
        (
            r"(?:max|limit|exceed|reach|toolong|toomany|cap|overlo|outof|predict)"
            r".*(?:token|length|context|output|window|len|seq)"
        ),
    ),
    (
        "length",
        (
            r"(?:token|length|context|ctx|output|window|cache|budget|predict|generation)"
            r".*(?:max|limit|exceed|reach|toolong|cap|full|budget|exhaust)"
            r"|truncat|^toolong|^overlong|^(?:stopped|hit|reached)?limit|^(?:num|n)predict|^length|length$"
            r"|长度|截断|上限|^hitmax|^max(?:imum)?(?:new|steps?)?$|^cutoff|^clipped|^overflow"
        ),
    ),
    ("tool_calls", r"tool(?:call|use)|functioncall"),
    (
        "aborted",
        (
            r"abort|cancel|error|fail|timeout|timedout|deadline|interrupt|preempt|evict|unload|overload|shedding|disconnect"
            r"|byuser|exhausted|outofmemory|^oom|oom$|crash|kill|lost|internal|server|upstream|unavailab|malform|invalid"
            r"|abnormal|exception|ratelimit|throttl|quota|repetit|loop|degenerat|pause"
        ),
    ),
    ("stop", r"stop|eos|normal|natural|finish|complet|^end|end$|^ok$|^final|^answered|正常|完成|结束"),
)
"""Meanings of words that are in no table, by what they hold; the first counts."""


def fold(word: str) -> str:
    """What two spellings of a word or phrase have in common: its letters and digits without case."""
    return _NO_LETTER.sub("", word.casefold())


def fold_code(code: str) -> str:
    """`fold` for an error code, of which some providers say that it is an error."""
    return _KIND_OF_WORD.sub("", fold(code))


def codes_within(message: str) -> set[str]:
    """Folded words of a message that may be codes: gateways put the code of the server behind them into theirs."""
    return {fold_code(word) for word in _WORD.findall(message) if "_" in word or not word.islower()}


def read_finish_reason(word: str | None) -> str | None:
    """One of the keys of FINISH_REASONS; None where no reason is given; an unknown word as it came."""
    folded = fold(word or "").removeprefix("finishreason")  # FINISH_REASON_STOP, FinishReason.STOP
    if folded in _MEANING_OF_FINISH:
        return _MEANING_OF_FINISH[folded]
    if (not folded and (word or "").isascii()) or _NOT_YET.match(folded):
        return None
    return next((meaning for meaning, pattern in _LIKELY_REASONS if re.search(pattern, folded)), word)


@lru_cache(1024)
def names_reasoning(field: str) -> bool:
    """Whether a field of a message is called as one that holds reasoning, in whatever spelling."""
    folded = fold(field[:_LONGEST_NAME])
    return bool(_REASONING_NAME.search(folded)) and not _NO_TEXT.search(folded)


_MEANING_OF_FINISH: dict[str, str | None] = {
    fold(word): meaning for meaning, words in FINISH_REASONS.items() for word in words
} | {fold(word): None for word in NO_REASON}
