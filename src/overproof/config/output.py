"""What leaves the pipeline: the `export` table."""

from typing import Annotated, Literal, Self, get_args

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from overproof.config.own import OneOf
from overproof.config.table import Table

Format = Literal[
    "messages",
    "messages_reasoning_content",
    "prompt_completion",
    "prompt_completion_text",
    "sharegpt",
    "input_reasoning_content",
    "preference",
    "kto",
    "prompts",
]


MODED = ("messages", "messages_reasoning_content", "prompt_completion")
"""Formats whose rows can say whether they are to be rendered with thinking or without."""


class ExportConfig(Table):
    """The form of the dataset."""

    format: Annotated[str, OneOf("format", get_args(Format), takes=("kept", "prompt"))] = "messages"
    """messages: chat, the reasoning inline as <think>…</think>; messages_reasoning_content: chat with the reasoning
    in a field of its own, which several chat templates drop; prompt_completion: two lists of messages;
    prompt_completion_text: two plain texts; sharegpt: conversations of human and gpt; input_reasoning_content: the
    three keys input, reasoning_content and content. Not for supervised training: preference: prompt, a right reply
    (chosen) and a wrong one (rejected), for `overproof dpo`; kto: prompt, completion and whether it is right (label);
    prompts: the problems of kept traces with their references, for trainers that sample themselves. Or a function of
    your own, `module:function`, which makes a row of a kept trace."""
    pairs_per_problem: PositiveInt = 1
    """preference: most pairs of one problem, no trace in two of them."""
    length_ratio: float = Field(default=1.5, ge=1)
    """preference: how many times as long as the other one side of a pair may be, so that length is not what is
    learnt."""
    non_thinking: float = Field(default=0.0, ge=0, le=0.5)
    """Share of rows without reasoning beside those with it, for one student in both modes: the answers of traces drawn
    by chance. Every row then says its mode in `chat_template_kwargs`, which chat templates and TRL read."""
    prompt: Literal["sent", "question"] = "sent"
    """sent: the messages as the teacher got them, directive and system message included; question: the question."""
    summaries: bool = False
    """Keep traces whose reasoning is a summary or partly encrypted, which is no chain of thought."""
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

    @model_validator(mode="after")
    def _check_modes(self) -> Self:
        if self.non_thinking and self.format not in MODED:
            raise ValueError(f"non_thinking: rows of the format {self.format} cannot say their mode; take {MODED[0]}")
        return self
