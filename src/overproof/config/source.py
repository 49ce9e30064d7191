"""Where problems come from and how they are put to a model: the `problems` and `prompt` tables."""

from typing import Literal

from pydantic import NonNegativeInt, PositiveInt, PrivateAttr, field_validator

from overproof.config.table import Table
from overproof.errors import suggest

_TEMPLATES = ("boxed", "r1_zero", "plain")


class ProblemsConfig(Table):
    """Which problems, and which columns hold what. Exactly one of path, dataset and preset-only names the source."""

    path: str | None = None
    """A file (JSON, JSONL, CSV, TSV, Parquet, Arrow or a spreadsheet, also packed), a folder of them, or a pattern."""
    dataset: str | None = None
    """A Hugging Face dataset id or a local dataset folder."""
    preset: str | None = None
    """A known schema (`overproof presets` lists them): sets the dataset and columns that are not given here."""
    name: str | None = None
    """The dataset's configuration name, or the sheet of a spreadsheet."""
    split: str | None = None
    """The dataset's split; for the procedural preset `train` or `held_out`."""
    encoding: str | None = None
    """Encoding of a text file (utf-8, gb18030, utf-16, …); None finds it out."""
    on_bad_row: Literal["stop", "skip"] = "stop"
    """What becomes of a row that cannot be used: stop there, or leave it out and list it in problems/skipped.jsonl."""
    question: str | None = None
    """Column with the question, or a path such as `messages[0].content`; a chat with one question will do. Default
    `question`."""
    reference: str | None = None
    """Column with the reference answer, or a path such as `reward_model.ground_truth`; default `reference` when the
    file has it. An empty text ('') means none."""
    append: str | list[str] | None = None
    """Column whose text follows the question on lines of its own, or several: the options of a multiple choice, what a
    question is about. Options get letters where they have none. An empty text ('') means that nothing follows."""
    extract: Literal["boxed", "hashes", "index"] | None = None
    """Where the answer stands in the reference column: boxed, in its last \\boxed{}; hashes, after its last ####;
    index, the letter of the option of that place, counted from 0; None takes all (a preset knows its own)."""
    id: str | None = None
    """Column with a unique id; default `id` when the file has it, else one is made of the question."""
    source: str | None = None
    """Column with where the problem comes from, for reports by source."""
    level: str | None = None
    """Column with the difficulty level, for reports by level."""
    languages: list[str] = []
    """Languages the questions are in (en, zh, …); empty: those that at least one question in a hundred is surely in. A
    question that seems to be in another is looked at again among these."""
    overrides: str | None = None
    """A file of people's decisions about references (`overrides.jsonl` of another run) to be taken over."""
    limit: PositiveInt | None = None
    """Take only the first so many problems (`--limit`)."""
    seed: NonNegativeInt = 0
    """Seed of the procedural preset."""
    _table: str = PrivateAttr("problems")

    @property
    def table(self) -> str:
        """What this table is called in its config, for errors: problems, evaluation.problems, hygiene.benchmarks[0]."""
        return self._table

    def call(self, table: str) -> None:
        """Say what this table is called in its config."""
        self._table = table


class PromptConfig(Table):
    """How a question becomes messages."""

    template: str = "boxed"
    """boxed, r1_zero, plain, or a text of your own with {question} in it."""
    system: str | None = None
    """A system message; None sends none, as R1's authors advise."""
    language: str | None = None
    """Language of the directive (en or zh); None takes the question's."""
    contract: Literal["think_boxed", "think_answer", "thinking_answer", "think"] | None = None
    """What the format reward expects; None takes the template's own."""

    @field_validator("template")
    @classmethod
    def _asks_the_question(cls, template: str) -> str:
        """A text without the question would be sent as it is, and paid for, once for every problem."""
        if template in _TEMPLATES or "{question}" in template:
            return template
        hint = suggest(template, _TEMPLATES)
        raise ValueError(
            f"'{template}' is no template and has no {{question}} in it.{hint} There are {', '.join(_TEMPLATES)}, or a "
            "text of your own with {question} where the question belongs"
        )
