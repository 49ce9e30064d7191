"""Replies of other APIs, whole, in the form of a chat completion: only this module knows where those put theirs.

Gateways that translate requests do not always translate what comes back: Ollama's and Cohere's `message`, Bedrock's
`output.message`, Anthropic's typed `content`, Google's `candidates`, OpenAI's own `output` of responses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from overproof.teacher.words import fold

_ENDS = ("finishreason", "stopreason", "donereason")
"""Where the reason of the end stands, as `words.fold` has it."""


def as_completion(value: Mapping[str, Any]) -> Mapping[str, Any]:
    """The same with `choices` where it holds a reply of another form; else as it is."""
    if "choices" in value or not (message := _find_message(value)):
        return value
    candidates = value.get("candidates")
    told = (value, *candidates[:1]) if isinstance(candidates, list) else (value,)
    ends = (one[key] for one in told if isinstance(one, Mapping) for key in one if fold(key) in _ENDS)
    reason = next(ends, value.get("status") if "output" in value else None)
    usage = value.get("usage") or value  # Ollama counts beside the message
    return {**value, "usage": usage, "choices": [{"index": 0, "message": message, "finish_reason": reason}]}


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
    content = first.get("content") if isinstance(first, Mapping) else None
    parts = content.get("parts") if isinstance(content, Mapping) else None
    return {"content": [_google_part(part) for part in parts]} if isinstance(parts, list) else None


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
