"""One problem with its traces and scores, and what any selection may ask about them, found out once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from overproof.completion import Completion, read_completion
from overproof.grading import answer_classes
from overproof.records import PreparedProblem, Score, Trace
from overproof.rewards.grades import find_answer
from overproof.rewards.group import find_voices
from overproof.selection.chatrow import find_obstacle
from overproof.selection.repeats import find_repeats


@dataclass(frozen=True)
class ScoredProblem:
    """A problem, its traces in the order of their index, and the score of each."""

    problem: PreparedProblem | None
    """None when it is no longer among the run's problems."""
    traces: Sequence[Trace]
    scores: Sequence[Score | None]
    """None for a trace that was sampled after scoring."""
    extractor: str = "stated"
    """Where an answer that was not graded is looked for, as `rewards.accuracy.extractor`."""
    repeating: bool = False
    """Whether the run's server repeats itself (`repeats`)."""

    @cached_property
    def completions(self) -> list[Completion]:
        """Reasoning and answer of each trace."""
        return [read_completion(trace) for trace in self.traces]

    @cached_property
    def repeats(self) -> list[bool]:
        """Whether each trace counts for nothing, since an earlier one says the same word for word."""
        return find_repeats(self.traces, self.completions, repeating=self.repeating)

    @cached_property
    def voices(self) -> list[bool]:
        """Whether each trace's answer is a vote of its own."""
        voices = find_voices([completion.text for completion in self.completions])
        return [has_voice and not is_repeat for has_voice, is_repeat in zip(voices, self.repeats, strict=True)]

    @cached_property
    def obstacles(self) -> list[str | None]:
        """Why each trace cannot be a row of chat; None where it can."""
        return [
            find_obstacle(trace.messages, completion)
            for trace, completion in zip(self.traces, self.completions, strict=True)
        ]

    @cached_property
    def answer_classes(self) -> list[int | None]:
        """The number of each answer's class of equivalent answers; None for a trace that gives no answer."""
        grades = [score.grade if score is not None else None for score in self.scores]
        answers = [find_answer(*of, self.extractor) for of in zip(self.traces, grades, strict=True)]
        return answer_classes(answers, question=self.traces[0].problem.question if self.traces else None)
