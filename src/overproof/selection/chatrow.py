"""What may stand in a row of chat; only this module knows the texts that would break a chat template.

A trained model's tokenizer turns some texts into single control tokens (`<|im_end|>` ends a turn), and chat
templates cut at think tags. Model output that holds such a text cannot be exported as it is, and changing it would
train on words that nobody wrote, so its trace is rejected with a reason.
"""

from __future__ import annotations

import re

from overproof.completion import Completion
from overproof.records import Message

# Each pattern begins with a literal character, which the regex engine finds at the speed of a plain search.
_THINK_TAG = re.compile(r"</?think(?:ing)?>")
_CONTROL_TOKEN = re.compile(
    r"<(?:"
    r"\|[A-Za-z][\w.\-▁/]{1,60}\|?>"  # <|im_end|>, <|eot_id|>, <|turn>
    r"|｜[^｜<>\n]{1,60}｜>"  # <｜end▁of▁sentence｜>
    r"|(?:turn|channel|tool|tool_call|tool_response)\|>"
    r"|/?(?:s|bos|eos|pad|unk|mask|sop|eop|tool_call|tool_response|start_of_turn|end_of_turn|end_of_utterance)>"
    r"|</?SYS>>"
    r")"
)
_BRACKETED_TOKEN = re.compile(r"\[(?:/?INST|gMASK|TOOL_CALLS|AVAILABLE_TOOLS|TOOL_RESULTS)\]")
_CONTROL_CHARACTERS = bytes(code for code in (*range(32), 127) if code not in b"\t\n\r")


def find_obstacle(messages: list[Message], completion: Completion) -> str | None:
    """Why a reply to these messages cannot be a row of chat: a reason of `REJECTED`, or None when it can.

    A prompt may speak of think tags (the R1-Zero template does); neither side may hold a control token.
    """
    if not completion.reasoning:
        return "no_reasoning"
    if not completion.answer:
        return "no_answer"
    reply = (completion.reasoning, completion.answer)
    if any(_THINK_TAG.search(text) for text in reply):
        return "stray_think_tag"
    texts = (*reply, *(message.content for message in messages))
    if any(holds_control_token(text) for text in texts):
        return "control_token"
    if any(_is_damaged(text) for text in texts):
        return "damaged_text"
    return None


def holds_control_token(text: str) -> bool:
    """True when some tokenizer of the Qwen, Llama, DeepSeek, Mistral, Gemma or GLM families reads a control token."""
    return bool(_CONTROL_TOKEN.search(text) or _BRACKETED_TOKEN.search(text)) or "◁think▷" in text


def _is_damaged(text: str) -> bool:
    if "\ufffd" in text:
        return True
    encoded = text.encode()
    return len(encoded.translate(None, _CONTROL_CHARACTERS)) != len(encoded)
