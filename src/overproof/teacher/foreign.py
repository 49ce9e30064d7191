"""Replies of other APIs in the form of a chat completion: only this module knows where those put theirs.

Gateways that translate requests do not always translate what comes back, whole or event by event: Ollama's and
Cohere's `message`, Bedrock's `output.message`, Anthropic's typed `content`, Google's `candidates`, OpenAI's `output` of
responses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from overproof.teacher.words import FINISH_REASONS, fold, read_finish_reason

_PIECES = frozenset(
    {
        "messagestart",
        "contentblockstart",
        "contentblockdelta",
        "messagedelta",
        "contentstart",
        "contentdelta",
        "messageend",
    }
)
"""Types of Anthropic's and Cohere's events that hold a piece of a message, as `words.fold` has them."""
_RESPONSES_PIECES = {
    "outputtext": "content",
    "refusal": "refusal",
    "reasoning": "reasoning_content",
    "reasoningtext": "reasoning_content",
    "reasoningsummary": "reasoning_summary",
    "reasoningsummarytext": "reasoning_summary",
}
"""What the events of OpenAI's responses prolong → the field of a chat message."""
_REASONS = ("finishreason", "finishdetails", "stopreason", "nativefinishreason", "donereason")
"""Where the reason of the end stands, surest first, as `words.fold` has it."""


def as_completion(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with `choices` where it holds a reply of another form, or a piece of one; else as it is."""
    if value.get("choices"):
        return value
    name = fold(str(value.get("type") or ""))
    if name.startswith("response") and name != "response":
        return _as_response(name.removeprefix("response"), value)
    if name in _PIECES:
        return _as_piece(value)
    if isinstance(value.get("done"), bool):
        return _as_line(value)
    if blocked := _find_block(value):
        return _chunk({}, blocked, value)
    return value if "choices" in value else _as_whole(value)


def find_reason(holder: Mapping[str, Any]) -> str | None:
    """The word for why a reply ended, wherever an object says so and in whatever form; None where it does not.

    Fields that hold other things too (a stop sequence, a token's number) count only where their word is known.
    """
    table = {fold(key): value for key, value in holder.items()}
    for key in _REASONS:
        word = _as_word(table.get(key))
        meaning = read_finish_reason(word)
        if word is not None and meaning is not None and (key == _REASONS[0] or meaning in FINISH_REASONS):
            return word
    return None


def _as_word(reason: Any) -> str | None:
    if isinstance(reason, list) and reason:
        reason = reason[0]
    if isinstance(reason, Mapping):  # AI21, and OpenAI's `finish_details`
        reason = reason.get("reason") or reason.get("type")
    return str(reason) if isinstance(reason, str | int) and not isinstance(reason, bool) else None


def _chunk(message: Mapping[str, Any], reason: str | None, around: Mapping[str, Any]) -> Mapping[str, Any]:
    """A piece of a message, with whatever stands around it."""
    return {**around, "choices": [{"index": 0, "delta": message, "finish_reason": reason}]}


def _as_piece(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event of Anthropic's or of Cohere's."""
    begun = value.get("message")
    if isinstance(begun, Mapping):
        return {**begun, "choices": []}
    held = (value.get(key) for key in ("content_block", "delta"))
    part: Mapping[str, Any] = next((one for one in held if isinstance(one, Mapping)), {})
    inner = part.get("message")
    message = inner if isinstance(inner, Mapping) else {"content": [part]}
    return _chunk(message, find_reason(part), {"usage": value.get("usage") or part.get("usage")})


def _as_response(name: str, value: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event of OpenAI's responses: a piece of text, or the whole once more at the end."""
    whole = value.get("response")
    if isinstance(whole, Mapping):
        return _as_whole(whole)
    field, text = _RESPONSES_PIECES.get(name.removesuffix("delta")), value.get("delta")
    return _chunk({field: text}, None, {}) if field and isinstance(text, str) else {"choices": []}


def _as_line(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """A line of Ollama's own two APIs, which count beside the message."""
    message = value.get("message")
    if not isinstance(message, Mapping):
        message = {"content": value.get("response"), "thinking": value.get("thinking")}
    reason = find_reason(value) or ("stop" if value["done"] else None)
    return _chunk(message, reason, {"model": value.get("model"), "error": value.get("error"), "usage": value})


def _find_block(value: Mapping[str, Any]) -> str | None:
    """Why Google let no model see the prompt."""
    feedback = value.get("promptFeedback") or value.get("prompt_feedback")
    reason = find_block_reason(feedback) if isinstance(feedback, Mapping) else None
    return f"blocked: {reason}" if reason else None


def find_block_reason(feedback: Mapping[str, Any]) -> str | None:
    """The reason, under either of its names."""
    return next((str(value) for key, value in feedback.items() if fold(key) == "blockreason" and value), None)


def _as_whole(value: Mapping[str, Any]) -> Mapping[str, Any]:
    message = _find_message(value)
    if not message:
        return value
    candidates = value.get("candidates")
    if isinstance(candidates, list):  # Google's, of which a stream has many
        return _chunk(message, find_reason(candidates[0]), value)
    reason = find_reason(value) or _ending_of(value)
    usage = value.get("usage") or value
    return {**value, "usage": usage, "choices": [{"index": 0, "message": message, "finish_reason": reason}]}


def _ending_of(value: Mapping[str, Any]) -> str | None:
    """How one of OpenAI's responses ended."""
    details = value.get("incomplete_details")
    said = details.get("reason") if isinstance(details, Mapping) else None
    return said or (value.get("status") if "output" in value else None)


def _find_message(value: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The message of a reply in another form."""
    output = value.get("output")
    for holder in (value, output):
        message = holder.get("message") if isinstance(holder, Mapping) else None
        if isinstance(message, Mapping) and "content" in message:
            return message
    if isinstance(value.get("content"), list) and value.get("role", "assistant") == "assistant":
        return value
    if isinstance(output, list):
        return {"content": list(_contents(output))}
    candidates = value.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(first, Mapping):
        return None
    content = first.get("content")
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return {"content": [_google_part(part) for part in parts or ()]}


def _contents(output: list[Any]) -> Iterator[Any]:
    """The parts of all items; those of reasoning say so themselves, or are summaries."""
    for item in output:
        if isinstance(item, Mapping):
            content = item.get("content")
            yield from content if isinstance(content, list) else ()
            if item.get("summary") and not content:
                yield {"type": "summary_text", "text": item["summary"]}


def _google_part(part: Any) -> Any:
    """What Google shows of thoughts are summaries (ai.google.dev, thinking)."""
    if isinstance(part, Mapping) and part.get("thought"):
        return {"type": "thought_summary", "text": part.get("text")}
    return part
