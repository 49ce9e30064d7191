"""Problem → messages: the wordings that the package ships, and the output contract each of them asks for.

Placed low in the import order because the tiny teacher is trained on these very wordings: a small model that has
never seen a directive fails under it, so a change of wording here means training that model anew.
"""

from __future__ import annotations

from overproof.records import Message

BOXED_DIRECTIVE = {
    "en": "Reason step by step and put the final answer in \\boxed{}.",
    "zh": "请一步一步推理，并把最终答案写在 \\boxed{} 里。",
}
"""Appended to the question by the `boxed` template, in the question's language (English for all but Chinese)."""

R1_ZERO_SYSTEM = {
    "en": "The user asks a question and you solve it. First think it through between <think> and </think>, "
    "then give the answer between <answer> and </answer>.",
    "zh": "用户提出问题，由你解答。先在 <think> 和 </think> 之间思考，再把答案写在 <answer> 和 </answer> 之间。",
}
"""System message of the `r1_zero` template, in our own words (the form is that of DeepSeek-R1, section 2.2)."""


def build_messages(
    question: str, *, template: str = "boxed", system: str | None = None, language: str | None = None
) -> list[Message]:
    """The messages that put `question` to a model.

    `template` is boxed, r1_zero, plain, or a text with `{question}` in it; `language` chooses the directive's wording
    (zh, otherwise English). A `system` text is sent before the question; with r1_zero it replaces that template's own.
    """
    spoken = "zh" if language == "zh" else "en"
    user = question
    if template == "boxed":
        user = f"{question}\n\n{BOXED_DIRECTIVE[spoken]}"
    elif template == "r1_zero":
        system = system if system is not None else R1_ZERO_SYSTEM[spoken]
    elif template != "plain":
        user = template.replace("{question}", question)
    messages = [Message("system", system)] if system else []
    return [*messages, Message("user", user)]


def contract_of(template: str) -> str:
    """What the reply to a template should be: reasoning and then an answer that is boxed, tagged or free.

    A text of one's own asks for a box when it speaks of one. The names are those of the think_format reward.
    """
    if template == "r1_zero":
        return "think_answer"
    return "think_boxed" if template == "boxed" or "\\boxed" in template else "think"
