"""What people call the columns of a question and of its answer, and what they write where they have no answer.

Nobody is made to use our names, but a run whose references were not found is paid for and verifies nothing: so a source
that seems to keep its answers elsewhere is refused, until its config says where they are, or that there are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from overproof.config.source import ProblemsConfig
from overproof.problems.cells import to_text
from overproof.rows.columns import list_paths, look_up
from overproof.rows.row import SourceRow

REFERENCE = "reference"
"""The column of references where neither a preset nor the config names another."""

# Names are compared by their letters alone, in any case: English, Chinese, Japanese, Korean, French, German, Spanish,
# Portuguese, Russian; the words of verl and of trace sets.
_QUESTIONS = (
    *("problem", "question", "prompt", "instruction", "query", "input", "originaltext", "questions", "questiontext"),
    *("problemtext", "messages", "conversations", "题目", "问题", "题干", "題目", "問題"),
    *("문제", "질문", "énoncé", "frage", "aufgabe", "pregunta", "problema", "pergunta", "вопрос", "задача"),
)
_REFERENCES = (
    *("groundtruth", "answer", "expectedanswer", "finalanswer", "golden", "gold", "target", "label", "answers"),
    *("correctanswer", "referenceanswer", "goldanswer", "ans", "answerkey", "gt", "ref", "reference", "references"),
    *("goldenanswer", "standardanswer", "trueanswer", "modelanswer", "expected", "expectedoutput"),
    *("solution", "referencesolution", "答案", "参考答案", "标准答案", "正确答案", "參考答案", "答え", "解答", "正解"),
    *("解析", "详解", "解题过程", "정답", "답", "réponse", "antwort", "lösung", "respuesta", "resposta", "ответ"),
)
_WITHIN = frozenset({*_QUESTIONS[:2], *_REFERENCES}) - {"target", "label", "expected", "ref"}
"""Names that mean the same within another column; `choices.label` and `meta.target` say nothing of an answer."""
_USUAL = {"question": _QUESTIONS, REFERENCE: _REFERENCES}
_ASKS_WHETHER = re.compile(
    r"(?:^|[.,:;?!\n]\s*)(?:then |so |and )?(?:is|are|was|were|does|do|did|can|could|has|have|will|would|must|should)\b"
    r"|\b(?:true or false|yes or no|whether|correct or incorrect|right or wrong)\b"
    r"|是否|是不是|能否|可否|吗|判断|对还是错|正误",
    re.IGNORECASE,
)
"""How a question asks that yes or no may answer."""
_LABELS = frozenset({"label", "labels", "target"})
_VERDICTS = frozenset({"true", "false", "0", "1", "-1", "correct", "incorrect"})
"""What a column of labels says of a reply rather than of a question."""
_NO_LETTERS = re.compile(r"[\W_]+")

# What people and programs write where they have no answer, in any case; 无 and "none" are answers too.
_NO_ANSWER = frozenset(
    {
        *("nan", "null", "<na>", "n/a", "#n/a", "notfound", "not found", "not available", "tbd", "todo", "unknown"),
        *("proof", "prove", "see solution", "no answer", "略", "答案略", "解答略", "证明略", "见解析", "详见解析"),
        *("见答案", "暂无", "暂无答案"),
    }
)
_PROGRAMS_NONE = frozenset({"None", "NA"})
"""What programs write so and people otherwise."""


def stands_for_none(text: str) -> bool:
    """Whether the text of an answer says that there is none."""
    return text.casefold() in _NO_ANSWER or text in _PROGRAMS_NONE


def asks_whether(question: str) -> bool:
    """Whether yes or no may answer a question."""
    return _ASKS_WHETHER.search(question) is not None


def find_usual(row: SourceRow, key: str) -> str | None:
    """The column of a row that is likely its question or reference: one that says something before one that is empty.

    Written as the row writes it. None for any other `key`, and where no column bears a usual name. A label that says
    whether a reply is right is no reference.
    """
    usual = _USUAL.get(key, ())
    named = [
        (usual.index(name), path)
        for name, path in _named_paths(row)
        if name in usual and not (key == REFERENCE and name in _LABELS and _is_verdict(row, path))
    ]
    return min(named, key=lambda one: (not _says_something(look_up(row.values, one[1])), one[0]))[1] if named else None


def _is_verdict(row: SourceRow, path: str) -> bool:
    """Whether a label says true or false although the row asks for neither."""
    if str(look_up(row.values, path)).strip().casefold() not in _VERDICTS:
        return False
    asked = (look_up(row.values, other) for name, other in _named_paths(row) if name in _QUESTIONS)
    return not any(isinstance(text, str) and asks_whether(text) for text in asked)


def _named_paths(row: SourceRow) -> Iterator[tuple[str, str]]:
    """The columns of a row, nested ones too, each with the letters of its name; parts of lists are left out."""
    for column in map(str, row.values):
        yield _letters_of(column), column
    for path in list_paths(row.values):
        if path not in row.values and "[" not in path and (name := _letters_of(path.rpartition(".")[2])) in _WITHIN:
            yield name, path


def _letters_of(name: str) -> str:
    return _NO_LETTERS.sub("", name.casefold())


def _says_something(value: Any) -> bool:
    """Whether a cell holds an answer, or what would have to be gone into to know."""
    try:
        text = to_text(value)
    except TypeError:
        return bool(value)
    return text is not None and bool(text.strip()) and not stands_for_none(text.strip())


class ReferenceTally:
    """How many rows have a reference, and how many only an answer in a column that nobody has named."""

    def __init__(self, config: ProblemsConfig) -> None:
        """Begin with no row. Where a preset or the config names the column, nothing is guessed."""
        self.is_guessing = config.preset is None and config.reference is None
        self.unread: SourceRow | None = None
        """The first row whose answer stands elsewhere."""
        self.has_references = False
        self._balance = 0

    def look_at(self, row: SourceRow, reference: object = None) -> str | None:
        """Count a row with what its reference column holds; returns where its answer stands if that is elsewhere."""
        if not self.is_guessing:
            return None
        if _says_something(reference):
            self.has_references = True
            self._balance += 1
            return None
        column = find_usual(row, REFERENCE)
        if column is None or not _says_something(look_up(row.values, column)):
            return None
        self.unread = self.unread or row
        self._balance -= 1
        return column

    @property
    def is_misled(self) -> bool:
        """Whether more rows have their answer elsewhere than have it in the reference column."""
        return self._balance < 0
