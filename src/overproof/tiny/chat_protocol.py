"""OpenAI's chat completion protocol as the tiny server speaks it: requests, replies, and how it says no."""

from __future__ import annotations

import re
import secrets
import time
from typing import Annotated, Any, Literal

import msgspec

from overproof.records import Message, clean_text
from overproof.tiny.engine import Generated, Sampling


class RefusedError(Exception):
    """A request that cannot be served, with the HTTP status and OpenAI's fields of an error body."""

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        """Say what is wrong, with which parameter, and OpenAI's code for it."""
        super().__init__(message)
        self.status = status
        self.body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}


class TextPart(msgspec.Struct, tag="text", tag_field="type", frozen=True):
    """A part of a message's content; this model reads text only."""

    text: str


class ChatMessage(msgspec.Struct, frozen=True):
    """One message of a request; further fields (name, …) are read over."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | list[TextPart]

    def to_message(self) -> Message:
        """The message with its content as one text."""
        text = self.content if isinstance(self.content, str) else "".join(part.text for part in self.content)
        return Message("system" if self.role == "developer" else self.role, clean_text(text))


class StreamOptions(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a stream ends."""

    include_usage: bool = False


TokenCount = Annotated[int, msgspec.Meta(ge=1)]
StopText = Annotated[str, msgspec.Meta(min_length=1)]


class TemplateVariables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a request may set of the chat template."""

    enable_thinking: bool = True


class ChatRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A chat completion request. What the server could not honour is refused, never passed over in silence."""

    model: str
    messages: Annotated[list[ChatMessage], msgspec.Meta(min_length=1)]
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(gt=0, le=1)] | None = None
    seed: int | None = None
    max_tokens: TokenCount | None = None
    """A reply also ends where the context does, so more than fits may be asked for."""
    max_completion_tokens: TokenCount | None = None
    stop: StopText | Annotated[list[StopText], msgspec.Meta(max_length=4)] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    user: str | None = None
    chat_template_kwargs: TemplateVariables = TemplateVariables()

    def to_messages(self) -> list[Message]:
        """The conversation so far."""
        return [message.to_message() for message in self.messages]

    def to_sampling(self) -> Sampling:
        """How the replies are to be made."""
        return Sampling(
            temperature=1.0 if self.temperature is None else self.temperature,
            top_p=1.0 if self.top_p is None else self.top_p,
            max_tokens=self.max_completion_tokens or self.max_tokens,
            stop=(self.stop,) if isinstance(self.stop, str) else tuple(self.stop or ()),
        )


_PLACE = re.compile(r"`\$\.?([^`]*)`$|field `([^`]*)`$")


def read_request(body: bytes) -> ChatRequest:
    """The request in a body. Raises RefusedError naming what does not fit and where."""
    try:
        request = msgspec.json.decode(body, type=ChatRequest)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise RefusedError(str(error), param=(place[1] or place[2] or None) if place else None) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RefusedError(f"The body is not JSON: {error}") from None
    if request.stream_options is not None and not request.stream:
        raise RefusedError("stream_options may only be given with stream: true", param="stream_options")
    return request


class CompletionBodies:
    """The bodies that answer one request."""

    def __init__(self, model: str, prompt_tokens: int, replies: list[Generated]) -> None:
        """Answer with these replies; they may still be growing."""
        self.prompt_tokens = prompt_tokens
        self.replies = replies
        self._head = {"id": f"chatcmpl-{secrets.token_hex(12)}", "created": int(time.time()), "model": model}

    def whole(self) -> dict[str, Any]:
        """The whole completion as one object."""
        choices = [
            {
                "index": index,
                "message": {"role": "assistant", "content": reply.text},
                "logprobs": None,
                "finish_reason": reply.finish_reason,
            }
            for index, reply in enumerate(self.replies)
        ]
        return self._head | {"object": "chat.completion", "choices": choices, "usage": self._usage()}

    def chunk(self, index: int, delta: dict[str, str], finish_reason: str | None = None) -> dict[str, Any]:
        """One event of a stream."""
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self._head | {"object": "chat.completion.chunk", "choices": [choice]}

    def usage_chunk(self) -> dict[str, Any]:
        """The event that closes a stream with its usage."""
        return self._head | {"object": "chat.completion.chunk", "choices": [], "usage": self._usage()}

    def _usage(self) -> dict[str, int]:
        """Tokens read and made; the token that ends a reply counts as made."""
        made = sum(reply.completion_tokens for reply in self.replies)
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": made,
            "total_tokens": self.prompt_tokens + made,
        }
