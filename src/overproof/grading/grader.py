"""One row: completion and reference → extract → read → equal → verdict; only this module knows the order of the layers.

`exact_grade` runs everything that is linear-time and safe in the caller. What it leaves open is a `Pending`, which
`settle` turns into a grade once the deep layer has spoken. Both run behind one boundary: an exception that nothing
foresaw is the verdict `unverifiable` with the layer `fault`, said once a kind to the log.
"""

from __future__ import annotations

import hashlib
import logging
import re
import traceback
from collections.abc import Callable
from typing import TypeVar

import msgspec

from overproof.grading.choices import (
    lettered_text,
    letters_of,
    number_named,
    numbered_options,
    option_worded,
    parse_options,
)
from overproof.grading.counted_nouns import counted, leading_count
from overproof.grading.equal import same_reading
from overproof.grading.extraction import choose, extract, visible
from overproof.grading.finding import QUESTION, Finding, different, same, undecided
from overproof.grading.lexicon import is_prose, is_words, phrase_of, same_words
from overproof.grading.reading import canonical, readings
from overproof.grading.references import AnswerType, Reference, type_reference
from overproof.grading.scope import Scope, scope_of
from overproof.grading.spelling import has_substance, spell, without_spaces
from overproof.grading.statements import conclusion, is_derivation, without_place, without_reason, without_rejected
from overproof.grading.values import Collection, Scalar, Unknown, Words
from overproof.records import Grade, Verdict, clean_text

MOST_WORDS_OF_BOTH = 3
"""Of an answer that offers yes and no together: true or false. A longer one explains itself (yes, it is not false)."""
IN_ORDER = Scope(ordered=True)
MAX_DIGITS = 100
"""Longer numbers are compared by the typed values, which shorten what they show."""
T = TypeVar("T")
LOG = logging.getLogger(__name__)
DEEP_LAYERS = frozenset({"numeric", "equation", "relation"})
"""Layers whose doubt SymPy or Math-Verify may settle."""
MAX_SHOWN = 500
"""`Grade.extracted` is cut to this many characters, and says then how long the whole is and which one."""
DIGEST_BYTES = 8
_UNEVALUATED = ("\\lim", "\\int", "\\sum", "\\prod")
_TEXT_COMMAND = re.compile(r"\\text\{([^{}]*)\}")
_YES_OR_NO = re.compile(r"(?:\(?[A-J]\) ?)?(yes|no|true|false)\b(?! solution)", re.IGNORECASE)
_EXPLAINED = re.compile(
    r"\}*\s*(?:$|[,.;:!(–—-]|(?:because|since|as|it|the|they|he|she|we|i|this|these|that|there|for|is|are|n\b)\b|[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_LETTER_FIRST = re.compile(r"[(\[]?(?:\\text\{)?[(\[]?[A-Z][)\]]?\}?[)\]]?[.:,]? *")
_TAKEN_BACK = re.compile(r"\b(?:wrong|incorrect|maybe|perhaps|not sure|or)\b|错|误|可能", re.IGNORECASE)
MAX_REST = 60
"""Behind yes or no, what takes it back is looked for in this many characters."""
_CAPITALS = re.compile(r"(?<![A-Za-z\\])[A-Z]{2,6}(?![A-Za-z])")
_LONE_CAPITAL = re.compile(r"(?<![A-Za-z\\{])[A-Z](?![A-Za-z])")
_CUT = re.compile(r"… \([\d,]+ characters, digest ([0-9a-f]{16})\)")
_IDLE_SPACE = re.compile(r"(?<![0-9A-Za-z.])\s+|\s+(?![0-9A-Za-z.\s])")
"""Space that separates no two digits, letters or commands."""
_seen_faults: set[str] = set()


class Pending(msgspec.Struct, frozen=True):
    """A row that only the deep layer can decide."""

    extracted: str
    reference: str
    answer: str
    question: str | None
    doubt: str


def exact_grade(
    completion: str | None,
    reference: str | None,
    question: str | None = None,
    *,
    answer_only: bool = False,
    answer_type: AnswerType | None = None,
) -> Grade | Pending:
    """The grade of one row by the layers that run in the caller, or what is left for the deep one. Never raises."""
    return guarded(lambda: _exact_grade(completion, reference, question, answer_only, answer_type))


def guarded(grade: Callable[[], T]) -> T | Grade:
    """What a layer says, or the grade that stands for its fault."""
    try:
        return grade()
    except Exception as error:  # noqa: BLE001 - the one boundary: whatever a text does to us, its row gets a verdict
        return fault(error)


def fault(error: BaseException) -> Grade:
    """The grade of a row on which a layer failed; the log gets each kind of failure once."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{frames[-1].name}:{frames[-1].lineno}" if frames else ""
    kind = f"{type(error).__name__} in {where}"
    if kind not in _seen_faults:
        _seen_faults.add(kind)
        LOG.warning("grading failed on a row, which stays unverifiable: %s (%s)", kind, error)
    return Grade(Verdict.UNVERIFIABLE, None, "fault", kind)


def _exact_grade(
    completion: str | None,
    reference: str | None,
    question: str | None,
    answer_only: bool,
    answer_type: AnswerType | None,
) -> Grade | Pending:
    completion, question = clean_text(completion or ""), None if question is None else clean_text(question)
    typed = type_reference(None if reference is None else clean_text(reference), question, answer_type)
    if typed.kind == "none":
        return Grade(Verdict.UNVERIFIABLE, None, "reference", typed.issue or "no reference")
    options = parse_options(question)
    candidates = extract(completion, answer_only=answer_only)
    found = choose(candidates, letters=bool(typed.letters or options), parts=typed.parts)
    if found is None:
        return Grade(Verdict.INCORRECT, None, "extraction", _why_nothing(completion))
    answer = found.text.rsplit("####", 1)[-1].strip(" \n") or found.text
    if found.sentence and option_worded(found.sentence, options):
        answer = found.sentence
    finding = judge(typed, answer, question)
    if not finding.same and len(found.parts) > 1 and typed.parts == 1 and isinstance(readings(answer)[0], Unknown):
        # boxes around the steps of a derivation: what the last one ends in is the answer
        last = judge(typed, found.parts[-1], question)
        finding = last if last.same else finding
    if finding.same is None and finding.layer in DEEP_LAYERS and typed.issue is None:
        return Pending(answer, typed.spelled, answer, question, finding.reason)
    return to_grade(answer, finding)


def settle(pending: Pending, verdict: bool | None, reason: str) -> Grade:
    """The grade of a pending row, given the deep layer's verdict."""
    return to_grade(pending.extracted, Finding(verdict, "deep", reason))


def to_grade(extracted: str, finding: Finding) -> Grade:
    """A finding as a grade, with what was extracted cut to what is shown."""
    if finding.same is None:
        verdict = Verdict.UNVERIFIABLE
    elif finding.same:
        verdict = Verdict.APPROXIMATE if finding.approximate else Verdict.CORRECT
    else:
        verdict = Verdict.INCORRECT
    return Grade(verdict, shown(extracted), finding.layer, finding.reason)


def shown(answer: str) -> str:
    """An answer as a grade shows it: a long one cut, with the digest of the whole in its one spelling."""
    if len(answer) <= MAX_SHOWN:
        return answer
    spelled = _IDLE_SPACE.sub("", spell(answer))
    digest = hashlib.blake2b(spelled.encode(errors="replace"), digest_size=DIGEST_BYTES).hexdigest()
    return f"{answer[:MAX_SHOWN]}… ({len(answer):,} characters, digest {digest})"


def digest_of(text: str) -> str | None:
    """The digest of the whole answer where a text is what `shown` leaves of it; None where it is all of it."""
    cut = _CUT.fullmatch(text, MAX_SHOWN) if len(text) > MAX_SHOWN else None
    return cut[1] if cut is not None else None


def _why_nothing(completion: str) -> str:
    if not completion.strip():
        return "the completion is empty"
    text = visible(completion)
    if text is None:
        return "the reasoning is never closed, so there is no answer"
    return "no answer is marked" if text else "nothing follows the reasoning"


def judge(reference: Reference, answer: str, question: str | None = None) -> Finding:
    """Whether an answer says the same as the reference, by the exact layers in their order."""
    if reference.letters is not None:
        return _judge_choice(reference, answer, question)
    spelled = spell(answer)
    if not has_substance(spelled):
        return different("extraction", "the answer is empty")
    if spelled == reference.spelled:
        return same("text", "the same text")
    first = reference.values[0]
    if spelled.isdecimal() and isinstance(first, Scalar) and (finding := _judge_integer(first, spelled)) is not None:
        return finding
    scope = _typed_scope(scope_of(question), reference)
    if spelled.endswith("?") and not reference.spelled.endswith("?"):
        return different("text", "the answer is asked, not given")
    if _repeats_question(spelled, reference, question):
        return different("text", "the answer is the question again")
    if _bare(spelled) == _bare(reference.spelled):
        return same("text", "the same text")
    options = parse_options(question)
    finding = _judge_option(reference, answer, options) or judge_values(reference, answer, spelled, scope)
    if finding.same is False and not options:
        finding = _judge_numbered(reference, answer, question) or finding
    if (
        finding.same is False
        and question is None
        and len(spelled) == 1
        and letters_of(answer) == spelled.upper()
        and reference.kind == "number"
    ):
        return undecided(QUESTION, "the options, which would tell, are not given")
    return finding


def _typed_scope(scope: Scope, reference: Reference) -> Scope:
    """The question's scope, with what the dataset says of the reference."""
    if reference.answer_type in {"ordered_list", "unordered_list"}:
        return Scope(scope.text, ordered=reference.answer_type == "ordered_list")
    return scope


def _repeats_question(spelled: str, reference: Reference, question: str | None) -> bool:
    """Whether an answer is an unevaluated expression that the question asks to be evaluated."""
    if not question or "\\" not in spelled or not any(sign in spelled for sign in _UNEVALUATED):
        return False
    bare = _bare(spelled)
    return bare in _bare(spell(question)) and bare != _bare(reference.spelled)


def _bare(spelled: str) -> str:
    r"""A spelled text without the wrapping of \text{} and without spaces, but for those between two numbers."""
    return without_spaces(_TEXT_COMMAND.sub(r"\1", spelled) if "\\text" in spelled else spelled)


def judge_values(reference: Reference, answer: str, spelled: str, scope: Scope) -> Finding:
    """Typed value against typed value; text against text where one side is words."""
    first = reference.values[0]
    answers = readings(answer)
    if isinstance(first, Words | Unknown) or isinstance(answers[0], Words | Unknown):
        finding = _judge_words(reference, spelled)
        if finding is not None:
            return finding
    finding = same_reading(reference.values, answers, scope)
    if not finding.same and _CAPITALS.search(reference.spelled + " " + spelled):
        alone = frozenset(_LONE_CAPITAL.findall(f"{reference.spelled} {spelled}")) | (scope.known or frozenset())
        again = same_reading(readings(reference.spelled, alone), readings(answer, alone), scope)
        finding = again if again.same else finding
    if not finding.same and (
        (isinstance(answers[0], Unknown) and not answers[0].false)
        or (isinstance(first, Scalar) and isinstance(answers[0], Collection) and is_derivation(spelled))
    ):
        concluded = conclusion(spelled)
        if concluded is not None and (last := same_reading(reference.values, readings(concluded), scope)).same:
            return msgspec.structs.replace(
                last, layer="statement", reason=f"it ends in {concluded[:60]}: {last.reason}"
            )
    for without in (without_reason, without_rejected, *([without_place] if scope.asks_extreme else [])):
        if not finding.same and (bare := without(spelled)):
            before = same_reading(reference.values, readings(bare), scope)
            finding = before if before.same else finding
    return finding if finding.same else _judge_count(reference, spelled, scope, finding)


def _judge_count(reference: Reference, spelled: str, scope: Scope, finding: Finding) -> Finding:
    """The reference's number with words behind it: the question's own, or such as may not change what it says."""
    if reference.kind not in {"number", "quantity", "percentage"} or spelled.isdecimal():
        return finding
    count = counted(spelled, scope.text) if scope.text else None
    if count is not None and (bare := same_reading(reference.values, readings(count), scope)).same:
        return bare
    count = leading_count(spelled) if finding.same is False and finding.layer == "text" else None
    if count is not None and same_reading(reference.values, readings(count), scope).same:
        return undecided("text", "what stands behind the number is not understood")
    return finding


def _judge_integer(reference: Scalar, digits: str) -> Finding | None:
    """One whole number against another, the commonest row of all; None where one is none, or too long to be shown."""
    node = reference.node
    if node.op != "num" or node.decimals is not None or node.value.denominator != 1:
        return None
    if len(digits) > MAX_DIGITS or abs(node.value) >= 10**MAX_DIGITS:
        return None
    if int(digits) == node.value.numerator:
        return same("number", f"both are {int(digits)}")
    return different("number", f"{node.value} is not {int(digits)}")


def _judge_words(reference: Reference, spelled: str) -> Finding | None:
    """Text against text; None where the values must be compared."""
    phrase = phrase_of(reference.spelled)
    if phrase is not None and phrase == phrase_of(spelled):
        return same("text", "the same phrase")
    first = reference.values[0]
    denial = phrase == "no" and (said := _YES_OR_NO.match(spelled)) is not None and phrase_of(said[1]) == "no"
    if isinstance(first, Words | Unknown) and not denial and _says_more(reference.spelled, spelled):
        return different("text", "the answer takes the reference back or adds to it")
    if isinstance(first, Words | Unknown) and is_words(reference.spelled) and same_words(reference.spelled, spelled):
        return same("text", "the same words")
    if phrase in {"yes", "no"} and (yes_or_no := _YES_OR_NO.match(spelled)) is not None:
        return _judge_yes_or_no(phrase, yes_or_no, spelled)
    if reference.kind == "prose":
        return undecided("text", "the reference is prose")
    if isinstance(first, Words) and is_prose(spelled) and canonical(reference.spelled) not in canonical(spelled):
        return undecided("text", "the answer is prose") if phrase is None else None
    return None


def _judge_yes_or_no(wanted: str, match: re.Match[str], spelled: str) -> Finding:
    """An answer that begins with yes or no, and says not both."""
    said = phrase_of(match[1])
    words = spelled.replace("/", " ").replace(",", " ").split()
    if len(words) <= MOST_WORDS_OF_BOTH and {"yes", "no"} <= {phrase_of(word) for word in words}:
        return different("text", "the answer says both yes and no")
    rest = spelled[match.end() :]
    if _TAKEN_BACK.search(rest, 0, MAX_REST) or not _EXPLAINED.match(rest):
        return undecided("text", "what stands behind yes or no may change it")
    return same("text", f"the answer says {said}") if said == wanted else different("text", f"{said} is not {wanted}")


def _says_more(reference: str, answer: str) -> bool:
    """Whether an answer is the reference with a denial or an alternative around it."""
    one, other = canonical(reference), canonical(answer)
    if not one or one not in other or one == other:
        return False
    rest = other.replace(one, "", 1)
    return rest.startswith(("not", "or", "no", "never")) or rest.endswith(("ornot", "not", "no"))


# --- choices


def _judge_numbered(reference: Reference, answer: str, question: str | None) -> Finding | None:
    """The number of something that the question lists against its words; None where neither side is such a number."""
    for said, meant in ((answer, reference.text), (reference.text, answer)):
        named = number_named(said)
        listed = numbered_options(question).get(named[0]) if named is not None else None
        if named is not None and listed and same_words(meant, listed):
            return (
                same("choice", f"what is listed as {named[0]}") if named[1] else undecided("choice", "may be a place")
            )
    return None


def _judge_choice(reference: Reference, answer: str, question: str | None) -> Finding:
    """Letters against letters; an option's text stands for its letter."""
    options = parse_options(question)
    letters = letters_of(answer) or _letter_given(answer, options)
    if letters is not None and (not options or all(letter in options for letter in letters)):
        if letters == reference.letters:
            told, asked = (re.findall("[A-Z]", text.upper()) for text in (spell(answer), reference.spelled))
            if sorted(told) == sorted(asked) and told != asked and scope_of(question).demands_order:
                return undecided("choice", "the same letters in another order")
            other = _text_of_another(answer, letters, options)
            return (
                different("choice", f"{letters} with the text of {other}")
                if other
                else same("choice", f"option {letters}")
            )
        return different("choice", f"option {letters} is not {reference.letters}")
    matching = _matching_options(answer, options)
    if len(matching) == 1:
        verdict = same if matching[0] == reference.letters else different
        return verdict("choice", f"the answer is the text of option {matching[0]}")
    if _bare(spell(answer)) == _bare(reference.spelled):
        return same("text", "the same text")
    if not options and question is None:
        return undecided(QUESTION, "the options, which would tell, are not given")
    named = number_named(answer)
    if not options and named is not None and ord(reference.letters or " ") - ord("A") + 1 == int(named[0]):
        return undecided("choice", "options that are numbered, not lettered")
    return different("choice", "the answer names no option" if not matching else "the answer fits several options")


def _text_of_another(answer: str, letters: str, options: dict[str, str]) -> str | None:
    """The option whose text, word for word, stands behind the letter of another one; None where none does."""
    if len(letters) != 1 or letters not in options:
        return None
    rest = _LETTER_FIRST.sub("", spell(answer), count=1)
    other = option_worded(rest, options) if rest else None
    return other if other != letters and not _is_option_text(options[letters], rest) else None


def _letter_given(answer: str, options: dict[str, str]) -> str | None:
    """The letter of an option in lower case, or with the option's own value in brackets behind it."""
    bare = spell(answer).strip("() ")
    if len(bare) == 1 and bare.upper() in options:
        return bare.upper()
    given = lettered_text(answer)
    return given[0] if given and given[0] in options and _is_option_text(options[given[0]], given[1]) else None


def _matching_options(answer: str, options: dict[str, str]) -> list[str]:
    """The options whose text an answer is: word for word, else by value."""
    worded = option_worded(answer, options)
    if worded:
        return [worded]
    wanted = canonical(spell(answer))
    verbatim = [letter for letter, text in options.items() if text.strip() and canonical(spell(text)) == wanted]
    return verbatim or [letter for letter, text in options.items() if _is_option_text(text, answer)]


def _is_option_text(text: str, answer: str) -> bool:
    """Whether an answer has the value of an option; the parts of an option stand in their order."""
    typed = type_reference(text, None, None)
    if typed.kind == "none" or typed.letters is not None:
        return False
    return bool(judge_values(typed, answer, spell(answer), IN_ORDER).same)


def _judge_option(reference: Reference, answer: str, options: dict[str, str]) -> Finding | None:
    """The reference is an option's text, the answer its letter; None where the answer names no option."""
    letters = letters_of(answer)
    if letters is None or len(letters) != 1 or letters not in options:
        return None
    spelled = spell(answer)
    if any(spell(text) == spelled for text in options.values()):
        return None
    chosen = options[letters]
    if spell(chosen) == reference.spelled or same_words(reference.text, chosen):
        return same("choice", f"the chosen option is {chosen[:80]}")
    finding = judge(reference, chosen, None)
    return finding if finding.same else different("choice", f"the chosen option is {chosen[:80]}")
