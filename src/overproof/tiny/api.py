"""The tiny server's routes: each request's replies are queued in the engine, which advances between two requests."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web

from overproof.tiny.chat import render_prompt
from overproof.tiny.chat_protocol import ChatRequest, CompletionBodies, RefusedError, read_request
from overproof.tiny.engine import Generated, TinyEngine

_LARGEST_BODY = 2**20
_BACKLOG = 1024
"""Connections that may wait to be accepted: clients open theirs all at once."""


class Api:
    """The routes over one engine. `drive` must run beside them."""

    def __init__(self, engine: TinyEngine, model: str) -> None:
        """Serve the model that the engine has loaded, under the name `model`."""
        self.engine = engine
        self.model = model
        self._started = int(time.time())
        self._work = asyncio.Event()

    @asynccontextmanager
    async def listen(self, port: int) -> AsyncIterator[str]:
        """Listen on loopback, on a free port if `port` is 0, and yield the base URL up to `/v1`."""
        app = web.Application(middlewares=[_explain_refusals], client_max_size=_LARGEST_BODY)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/v1/models/{name}", self._one_model)
        runner = web.AppRunner(app, handler_cancellation=True, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", port, backlog=_BACKLOG).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        finally:
            await runner.cleanup()

    async def drive(self) -> None:
        """Advance the engine whenever it has work, for ever; other tasks run between two steps."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self.engine.is_busy:
                self.engine.advance()
                await asyncio.sleep(0)

    async def _models(self, _: web.Request) -> web.Response:
        return _respond({"object": "list", "data": [self._card()]})

    async def _one_model(self, request: web.Request) -> web.Response:
        self._check_model(request.match_info["name"])
        return _respond(self._card())

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        asked = read_request(await request.read())
        self._check_model(asked.model)
        prompt = self._encode(asked)
        changed: asyncio.Queue[Generated] = asyncio.Queue()
        replies = self._submit(asked, prompt, changed)
        completion = CompletionBodies(self.model, len(prompt), replies)
        try:
            if asked.stream:
                return await _stream(request, asked, completion, changed)
            while any(reply.finish_reason is None for reply in replies):
                await changed.get()
            return _respond(completion.whole())
        finally:  # a client that has gone away keeps no slot
            for reply in replies:
                reply.cancel()

    def _submit(self, asked: ChatRequest, prompt: list[int], changed: asyncio.Queue[Generated]) -> list[Generated]:
        """Queue the request's choices. Each goes into `changed` when it ends, and while streaming at every token."""

        def tell(reply: Generated) -> None:
            if asked.stream or reply.finish_reason:
                changed.put_nowait(reply)

        seed = secrets.randbits(64) if asked.seed is None else asked.seed % 2**64
        sampling = asked.to_sampling()
        replies = [Generated(prompt, sampling, (seed, index), tell) for index in range(asked.n or 1)]
        for reply in replies:
            self.engine.submit(reply)
        self._work.set()
        return replies

    def _encode(self, asked: ChatRequest) -> list[int]:
        thinking = asked.chat_template_kwargs.enable_thinking
        if not thinking and not self.engine.has_switch:
            raise RefusedError(
                "This model's chat template has no switch for thinking", param="chat_template_kwargs.enable_thinking"
            )
        prompt = self.engine.encode(render_prompt(asked.to_messages(), thinking=thinking))
        room = self.engine.network.architecture.context_length
        if len(prompt) >= room:
            raise RefusedError(
                f"This model's context is {room} tokens; the messages alone are {len(prompt)} tokens. Shorten them",
                param="messages",
                code="context_length_exceeded",
            )
        return prompt

    def _check_model(self, name: str) -> None:
        if name != self.model:
            raise RefusedError(
                f"There is no model '{name}' here; this server has '{self.model}'",
                status=404,
                param="model",
                code="model_not_found",
            )

    def _card(self) -> dict[str, Any]:
        return {"id": self.model, "object": "model", "created": self._started, "owned_by": "overproof"}


async def _stream(
    request: web.Request, asked: ChatRequest, completion: CompletionBodies, changed: asyncio.Queue[Generated]
) -> web.StreamResponse:
    """Send the completion as server-sent events while it grows."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-cache"})
    await response.prepare(request)
    async for event in _events(asked, completion, changed):
        await response.write(b"data: " + msgspec.json.encode(event) + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


async def _events(
    asked: ChatRequest, completion: CompletionBodies, changed: asyncio.Queue[Generated]
) -> AsyncIterator[dict[str, Any]]:
    """Each choice's role, its text as it comes, its finish reason; then the usage if it was asked for."""
    growing = {reply: index for index, reply in enumerate(completion.replies)}
    for index in growing.values():
        yield completion.chunk(index, {"role": "assistant", "content": ""})
    while growing:
        reply = await changed.get()
        if reply not in growing:  # its end was seen before this notice of an earlier token
            continue
        if piece := reply.take_piece():
            yield completion.chunk(growing[reply], {"content": piece})
        if reply.finish_reason:
            yield completion.chunk(growing.pop(reply), {}, reply.finish_reason)
    if asked.stream_options is not None and asked.stream_options.include_usage:
        yield completion.usage_chunk()


@web.middleware
async def _explain_refusals(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Every refusal as OpenAI's error body, those of the HTTP layer included."""
    try:
        return await handler(request)
    except RefusedError as refusal:
        return _respond(refusal.body, refusal.status)
    except web.HTTPException as error:
        body = RefusedError(f"{request.method} {request.path}: {error.reason}").body
        return _respond(body, error.status)


def _respond(body: dict[str, Any], status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(body), status=status, content_type="application/json")
