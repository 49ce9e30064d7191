"""What leaves the pipeline: the `export` table."""

from typing import Literal

from pydantic import Field, NonNegativeInt

from overproof.config.table import Table

Format = Literal[
    "messages",
    "messages_reasoning_content",
    "prompt_completion",
    "prompt_completion_text",
    "sharegpt",
    "input_reasoning_content",
]


class ExportConfig(Table):
    """The form of the dataset."""

    format: Format = "messages"
    """messages: chat, the reasoning inline as <think>…</think>; messages_reasoning_content: chat with the reasoning
    in a field of its own, which several chat templates drop; prompt_completion: two lists of messages;
    prompt_completion_text: two plain texts; sharegpt: conversations of human and gpt; input_reasoning_content: the
    three keys input, reasoning_content and content."""
    prompt: Literal["sent", "question"] = "sent"
    """sent: the messages as the teacher got them, directive and system message included; question: the question."""
    provenance: bool = False
    """Add columns: source, reference, verdict, rewards, pass rate, teacher, parameters, usage, versions."""
    validation: float = Field(default=0.05, ge=0, lt=1)
    """Share of the problems (not rows) that go to the validation split; near-duplicates stay together."""
    seed: NonNegativeInt = 0
    """Seed of the split."""
    title: str = "Verified reasoning traces"
    """Heading of the dataset card."""
    license: str | None = None
    """Licence identifier for the card, such as apache-2.0; mind the terms of the teacher and of the problems."""
