"""A chat as a template writes it out, in one text → its messages; only this module knows templates by their marks.

Sets made for training keep the text that the model is fed, and rollouts the prompt that it was given. The marks of
ChatML, Llama 2 and 3, DeepSeek, Gemma, GLM, Phi and Alpaca are known, s1's turns for thinking and answering, and
what is left of ChatML when its control tokens were left out.
"""

from __future__ import annotations

import re

_HEAD = re.compile(
    r"<\|im_start\|>[ \t]*(?P<chatml>\w+)[ \t]*\n?"
    r"|<\|start_header_id\|>\s*(?P<llama>\w+)\s*<\|end_header_id\|>\s*"
    r"|<｜(?P<deepseek>User|Assistant)｜>"
    r"|<start_of_turn>(?P<gemma>user|model)\n"
    r"|<\|(?P<bars>system|user|assistant)\|>\s*"
    r"|^### ?(?P<alpaca>Instruction|Response|Human|User|Assistant): *\n?"
    r"|(?P<inst>\[/?INST\])",
    re.MULTILINE,
)
_CONTROL = (
    r"(?:<\|(?:im_end|eot_id|end|end_of_text|endoftext|begin_of_text|user|observation)\|>|\[gMASK\]|<sop>"
    r"|<｜(?:begin|end)▁of▁sentence｜>|<end_of_turn>|<(?:bos|eos)>|</?s>)"
)
_TAIL = re.compile(rf"(?:\s*{_CONTROL})+\s*\Z")
_BEFORE = re.compile(rf"\A(?:\s*{_CONTROL})+")
_OF_LLAMA_2 = re.compile(r"\A\s*<<SYS>>\s*(.*?)\s*<</SYS>>\s*(.*)\Z", re.DOTALL)
_BARE = re.compile(r"\A(?:system\n(.*?)\n)?user\n(.*)\nassistant\n*(?:<think>\n*)?\Z", re.DOTALL)
"""ChatML's prompt without its control tokens, as a decoder that leaves them out prints it."""
_ROLES = {"human": "user", "instruction": "user", "[inst]": "user", "model": "assistant", "response": "assistant"}
_ROLES |= {"[/inst]": "assistant"}
_OF_A_REPLY = {"think": "reasoning", "analysis": "reasoning", "answer": "content", "final": "content"}
"""Turns that are parts of one reply, and the key of it that they are."""


def read_rendered(text: str) -> list[dict[str, str]] | None:
    """The messages, each with role and content, a reply with its reasoning where that was a turn of its own.

    None where a text bears no template's marks. A reply that is only begun, as a prompt ends, is no message.
    """
    if bare := _BARE.match(text):
        return _with_system(bare[1], [{"role": "user", "content": bare[2].strip()}])
    heads = list(_HEAD.finditer(text))
    if not heads:
        return None
    messages: list[dict[str, str]] = []
    ends = [*(head.start() for head in heads[1:]), len(text)]
    for head, end in zip(heads, ends, strict=True):
        named = str(head[str(head.lastgroup)]).lower()
        said = _TAIL.sub("", text[head.end() : end]).strip()
        part = _OF_A_REPLY.get(named)
        if part is not None and messages and messages[-1]["role"] == "assistant":
            messages[-1][part] = said
        else:
            messages.append({"role": _ROLES.get(named, named), "content": said})
    if messages[-1]["role"] == "assistant" and messages[-1]["content"] in {"", "<think>"}:
        messages.pop()
    return _with_system(_BEFORE.sub("", text[: heads[0].start()]).strip(), messages)


def _with_system(system: str | None, messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """The messages with what stands before them, and with the system message that Llama 2 has within the question."""
    if messages and (within := _OF_LLAMA_2.match(messages[0]["content"])):
        system, messages[0]["content"] = within[1], within[2].strip()
    return [{"role": "system", "content": system}, *messages] if system else messages
