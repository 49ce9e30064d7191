r"""Does an answer equal the reference? Only this package uses Math-Verify and SymPy.

    from overproof.grading import grade

    grade(r"<think>…</think>So it is $\boxed{\tfrac12}$.", "0.5")
    # Grade(verdict='correct', extracted='\\tfrac12', layer='number', reason='both are 1/2')

An answer goes one way (`Grade.layer` names where it was decided):

    extract    extraction, boxes, markers, choices, phrases: text → ranked candidates; never sees the reference
    read       spelling, lexer (chinese), grammar (cursor, shapes), everyday, reading, statements, counting: text →
               tokens → tree → typed values; nothing in the text is skipped
    ask        asking, scope: what the question adds, which makes an answer equal or doubtful, but proves nothing
    equal      equal, amounts, scalars, constants, families, relations, regions: one comparison a pair of types, a short
               table of coercions
    evaluate   evaluate, polynomials: exact fractions, balls with rigorous bounds, sample points; one row an operator
    deep       deep, quadrature, in a worker: integrals as balls, SymPy for sums, integrals and limits, then
               Math-Verify, whose "equal" alone counts

| layer                          | decides                                                                             |
| ------------------------------ | ----------------------------------------------------------------------------------- |
| reference, extraction          | there is no reference to grade against; the completion gives no answer              |
| choice                         | option letters, an option's text, a letter before its text                          |
| text                           | the same text in one spelling; words and set phrases                                |
| number, numeric, rounding      | exact arithmetic; balls at sample points; equal after rounding (`approximate`)  |
| unit, clock, date, range, ratio, residue, family | quantities, times, spans, classes of whole numbers                |
| relation, equation, condition, cases, statement  | sets of numbers, equations, what holds when, `expr = v`           |
| parts, matrix                  | lists, tuples and sets part by part; matrices entry by entry                        |
| kind                           | kinds that exclude each other (an interval and a number)                            |
| formula                        | text that is not read, and so not decided                                           |
| question                       | equal values, against which only the question speaks: not decided                   |
| deep                           | SymPy or Math-Verify                                                                |
| fault                          | an exception that nothing foresaw: `unverifiable`, counted, logged once a kind      |
| backstop                       | the wall clock ran out, or the verifier was killed twice: grade again               |
| judge                          | left for a judge model's verdicts, which another module adds                        |

`incorrect` is earned by a proof of difference; a pair that no rule decides is `unverifiable`. All but the deep layer
runs in the caller, in time linear in the text, with limits on length, depth and the size of numbers; the deep layer
runs in worker processes (`pool`) with limits on processor time and memory, so that a verdict does not depend on load.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from overproof.grading.grader import Pending, digest_of, exact_grade, guarded, judge, settle
from overproof.grading.pool import POOL, TIMEOUT_SECONDS
from overproof.grading.protocol import BACKSTOP, Answer, Task
from overproof.grading.references import AnswerType, answer_type_of, type_reference
from overproof.records import Grade, Verdict, clean_text

WINDOW = 256
"""How many rows `grade_many` holds at a time when it grades in the caller."""


class Row(msgspec.Struct, frozen=True):
    """One answer to be graded."""

    completion: str | None
    """The reply's text, a think block included where it came inline."""
    reference: str | None
    question: str | None = None
    answer_only: bool = False
    """The completion is known to be an answer and nothing else."""
    answer_type: AnswerType | None = None
    """What the dataset says of the reference; it is obeyed."""


def grade(
    completion: str | None,
    reference: str | None,
    *,
    question: str | None = None,
    answer_only: bool = False,
    answer_type: AnswerType | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
) -> Grade:
    """The verdict on one completion, with its evidence. Never raises on what a model or a file may hold.

    `completion` is the reply's text; only what follows its last `</think>` counts. `question` gives the options of a
    multiple choice, the variables it names, and whether its parts have an order. `answer_type` is what a dataset says
    of the reference and outweighs what would be read from it. `timeout_seconds` is the
    processor time for the deep layer, should it be needed; it starts a worker process on first use.
    """
    found = exact_grade(completion, reference, question, answer_only=answer_only, answer_type=answer_type)
    if isinstance(found, Grade):
        return found
    return _settled(found, POOL.run(_deep_task(found), timeout_seconds))


def grade_many(
    rows: Iterable[Row], *, workers: int | None = None, timeout_seconds: float = TIMEOUT_SECONDS
) -> Iterator[Grade]:
    """The verdicts on many rows, in their order, as they are asked for.

    With `workers=None` rows are graded in the caller and only the deep layer runs in (two) worker processes; with a
    number, that many processes grade whole rows. Verdicts are the same either way.
    """
    if workers is not None:
        yield from _grade_there(rows, workers, timeout_seconds)
        return
    remaining = iter(rows)
    while window := list(itertools.islice(remaining, WINDOW)):
        yield from _grade_here(window, timeout_seconds)


def equivalent(one: str, other: str, *, question: str | None = None) -> bool | None:
    """Whether two answers say exactly the same (rounding does not count); None where that cannot be told.

    What a grade shows of a long answer is not read: it says the same as what has the same digest.
    """
    if one == other:
        return True
    digests = (digest_of(one), digest_of(other))
    if any(digests):
        return True if digests[0] == digests[1] else None
    verdict = grade(other, one, question=question, answer_only=True).verdict
    if verdict is Verdict.UNVERIFIABLE:
        return None
    return verdict is Verdict.CORRECT


def answer_classes(answers: Sequence[str | None], *, question: str | None = None) -> list[int | None]:
    """For each answer the number of its class of equal answers, in order of first appearance; None for no answer.

    Exact equality alone joins answers (what only rounds to another is not transitive), and every pair of texts is
    compared, so that the classes do not depend on the order of the answers. An answer is given whole or as
    `Grade.extracted` shows it, the long ones by their digest. Used for maj@k and self-consistency.
    """
    texts = list(dict.fromkeys(answer for answer in answers if answer is not None and answer.strip()))
    parent = list(range(len(texts)))
    for place, text in enumerate(texts):
        for earlier in range(place):
            here, there = _root(parent, place), _root(parent, earlier)
            if here != there and _equal_either_way(texts[earlier], text, question):
                parent[max(here, there)] = min(here, there)
    numbers: dict[int, int] = {}
    classes = {text: numbers.setdefault(_root(parent, place), len(numbers)) for place, text in enumerate(texts)}
    return [None if answer is None else classes.get(answer) for answer in answers]


def _equal_either_way(one: str, other: str, question: str | None) -> bool:
    return bool(equivalent(one, other, question=question) or equivalent(other, one, question=question))


def _root(parent: list[int], place: int) -> int:
    while parent[place] != place:
        place = parent[place]
    return place


def _deep_task(pending: Pending) -> Task:
    return Task(pending.answer, pending.reference, pending.question, deep=True)


def _grade_here(window: list[Row], timeout_seconds: float) -> list[Grade]:
    """A window of rows, graded in the caller, the deep layer in two workers."""
    found = [
        exact_grade(
            row.completion, row.reference, row.question, answer_only=row.answer_only, answer_type=row.answer_type
        )
        for row in window
    ]
    pending = [(number, grade) for number, grade in enumerate(found) if isinstance(grade, Pending)]
    tasks = [_deep_task(grade) for _, grade in pending]
    settled: dict[int, Grade] = {}
    if tasks:
        for task, answer in POOL.run_many(tasks, workers=min(2, len(tasks)), timeout_seconds=timeout_seconds):
            number, open_grade = pending[task]
            settled[number] = _settled(open_grade, answer)
    return [settled[number] if isinstance(grade, Pending) else grade for number, grade in enumerate(found)]


def _settled(pending: Pending, answer: Answer) -> Grade:
    """The grade of a pending row, given what came back from a worker; marked where the wall clock ended it."""
    result = guarded(lambda: settle(pending, answer.same, answer.reason))
    return msgspec.structs.replace(result, layer=BACKSTOP) if answer.late else result


def _grade_there(rows: Iterable[Row], workers: int, timeout_seconds: float) -> Iterator[Grade]:
    """Rows graded whole in worker processes; what comes early waits for its turn."""
    sent: dict[int, Row] = {}

    def tasks() -> Iterator[Task]:
        for number, row in enumerate(rows):
            sent[number] = row
            texts = (_cleaned(row.completion), _cleaned(row.reference), _cleaned(row.question))
            yield Task(*texts, answer_only=row.answer_only, answer_type=row.answer_type)

    early: dict[int, Grade] = {}
    turn = 0
    for number, answer in POOL.run_many(tasks(), workers=workers, timeout_seconds=timeout_seconds):
        row = sent.pop(number)
        early[number] = _given_up(row, answer) if answer.grade is None else answer.grade
        while turn in early:
            yield early.pop(turn)
            turn += 1


def _cleaned(text: str | None) -> str | None:
    return None if text is None else clean_text(text)


def _given_up(row: Row, answer: Answer) -> Grade:
    """The grade of a row over which a worker gave up or ended: the same as if only its deep layer had run there."""
    found = exact_grade(
        row.completion, row.reference, row.question, answer_only=row.answer_only, answer_type=row.answer_type
    )
    return found if isinstance(found, Grade) else _settled(found, answer)


__all__ = [
    "AnswerType",
    "Row",
    "answer_classes",
    "answer_type_of",
    "equivalent",
    "grade",
    "grade_many",
    "judge",
    "type_reference",
]
