"""Words → votes for languages, a sentence or a whole text at a time; only this module knows how votes are counted.

A word votes for every language that lists it among its common ones: what two languages share tells nothing between them
and much against all others.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import cache, lru_cache

import msgspec
import numpy as np
import numpy.typing as npt

from overproof.language.common_words import COMMON_WORDS, FURTHER_WORDS, SWITCH_WORDS, SYMBOL_WORDS, TELLING_WORDS
from overproof.language.scripts import LATIN_LETTERS

LEAST_WORDS = 4
"""Fewer words than this are too few to tell a language by themselves."""
_LEAST_POOLED, _POOLED_WORDS = 8, 16
"""Words in a row of shorter sentences (a list, a word a line) from which they are told together, and in pieces of."""
LONGEST_SENTENCE = 60
"""Words; a longer stretch without an end is judged in pieces."""
MOST_WORDS = 255
"""A ballot counts up to so many words: each of its fields is one byte."""

_LANGUAGES = tuple(COMMON_WORDS)
_VOCABULARIES = tuple(frozenset(words.split()) for words in COMMON_WORDS.values())
_FURTHER = {language: frozenset(words.split()) for language, words in FURTHER_WORDS.items()}
_LISTED = frozenset().union(*_VOCABULARIES, *_FURTHER.values())
_NEUTRAL = len(COMMON_WORDS)
"""The field of a ballot after the languages' own: words that count for none."""
_SHORTEST_WORD_IN_CAPITALS = 6
_ENGLISH_PRONOUN = "I"
"""The one word of a single letter that counts: in running English it is not rare, elsewhere only Italian has it."""
_MOST_KEPT = 1 << 16
END_OF_SENTENCE, END_OF_PARAGRAPH = b"\x01", b"\x02"


class Ballot(msgspec.Struct, frozen=True):
    """How the words of a sentence vote."""

    counted: int
    """Words that are not neutral."""
    leader: str | None
    """The language with most of them among its common words; None when two are level."""
    votes: int
    """How many that is."""
    lead: int
    """By how many it leads the next language."""


def count_votes(words: Sequence[str], further: Sequence[str] = ()) -> Ballot:
    """Let up to MOST_WORDS words vote for the languages of `words.COMMON_WORDS`, and for those named besides."""
    fields = sum(map(_vote, words)).to_bytes(_NEUTRAL + 1, "little")
    votes = [*zip(fields, _LANGUAGES, strict=False)]
    if further:
        counts = sum(map(_vote_further, words)).to_bytes(len(_FURTHER), "little")
        votes += [vote for vote in zip(counts, _FURTHER, strict=True) if vote[0] and vote[1] in further]
    (second, _), (first, leader) = sorted(votes)[-2:]
    return Ballot(len(words) - fields[_NEUTRAL], leader if first > second else None, first, first - second)


@lru_cache(maxsize=_MOST_KEPT)
def _vote_further(word: str) -> int:
    """A number with a 1 in the byte of each further language that the word votes for."""
    lowered = word.lower()
    return sum(1 << 8 * field for field, vocabulary in enumerate(_FURTHER.values()) if lowered in vocabulary)


@lru_cache(maxsize=_MOST_KEPT)
def _vote(word: str) -> int:
    """A number with a 1 in the byte of each language that the word votes for, so that adding numbers counts votes.

    Neutral are single letters, two to five capitals (a name or an abbreviation: ABC, AIME) unless they spell a common
    word (THE), and words with a capital inside (NaCl, lastIndex).
    """
    if word == _ENGLISH_PRONOUN:
        return sum(1 << 8 * _LANGUAGES.index(language) for language in ("en", "it"))
    lowered = word.lower()
    is_name = word.isupper() and len(word) < _SHORTEST_WORD_IN_CAPITALS and (len(word) < 3 or lowered not in _LISTED)
    if len(word) < 2 or is_name or lowered in SYMBOL_WORDS or not (word[1:].islower() or word.isupper()):
        return 1 << 8 * _NEUTRAL
    return sum(1 << 8 * field for field, vocabulary in enumerate(_VOCABULARIES) if lowered in vocabulary)


_TELLING = {word: language for language, words in TELLING_WORDS.items() for word in words}
_FEWEST_SWITCHES = 2
"""Words of another language in a sentence of the target: a single one may be a quotation or a slip of the pen."""


def find_switches(words: Sequence[str], target: str) -> list[tuple[int, str]]:
    """The words of a sentence in `target` that are another language's alone, as their places and languages.

    What is written with a capital is a name and no switch.
    """
    own = _FURTHER.get(target, frozenset())
    found = [(place, _TELLING[word]) for place, word in enumerate(words) if word in _TELLING and word not in own]
    counts = Counter(language for _, language in found)
    return [(place, name) for place, name in found if name != target and counts[name] >= _FEWEST_SWITCHES]


OPEN, SHORT = -2, -1
"""What the votes say of a sentence when they name no language: they do not tell; it has too few words."""


class Sentences(msgspec.Struct, frozen=True):
    """The sentences of a text in Latin letters, one entry each; a sentence of unreasonable length is several."""

    names: tuple[str, ...]
    """The languages that `leader` numbers."""
    leader: npt.NDArray[np.int64]
    """The language that a sentence clearly is in, or OPEN, or SHORT."""
    counted: npt.NDArray[np.int64]
    """Words that are not neutral."""
    switched: npt.NDArray[np.int64]
    """English words among them that are no terms; counted for targets in other scripts only."""
    strange: npt.NDArray[np.bool_]
    """Whether it has words enough for `find_switches` to find some, if it is in the target."""
    number: npt.NDArray[np.int64]
    """How many ends of sentences and lines stand before it."""
    ends_paragraph: npt.NDArray[np.bool_]
    tokens: list[bytes]
    starts: npt.NDArray[np.int64]

    def words(self, index: int) -> list[str]:
        """The words of a sentence."""
        end = self.starts[index + 1] if index + 1 < len(self.starts) else len(self.tokens)
        found = _LATIN_WORD.findall(b" ".join(self.tokens[self.starts[index] : end]).decode())
        return [word for word in found if len(word) > 1]


def read_sentences(prose: str, target: str, *, in_latin: bool) -> Sentences:
    """The sentences of `prose` and how they vote, all at once; `in_latin` says whether the target has Latin letters.

    Letters of other scripts are passed over. The votes are those of `count_votes`: common words settle a sentence when
    a quarter of them vote for a language that is two votes ahead of any other; for the target a third of them and one
    vote ahead are enough. A Latin target without a list cannot win such a vote, so there is none.
    """
    tokens = _split(prose)
    votes = np.fromiter(map(_TOKENS.__getitem__, tokens), np.uint64, len(tokens))
    is_paragraph_end = votes == _PARAGRAPH_END
    is_end = is_paragraph_end | (votes == _SENTENCE_END)
    votes[is_end] = 0
    starts = _find_starts(is_end)
    last = np.append(starts[1:], len(tokens)) - 1
    fields = np.add.reduceat(votes, starts).view(np.uint8).reshape(-1, _NEUTRAL + 1).astype(np.int64)
    counted = last - starts + 1 - is_end[last] - fields[:, _NEUTRAL]
    names = _LANGUAGES
    fields = fields[:, :_NEUTRAL]
    if target in _FURTHER:
        own = _count_in(_FURTHER[target], tokens, starts)
        names, fields = (*names, target), np.column_stack([fields, own])
    if target in names or not in_latin:
        leader = _find_leaders(fields, counted, names.index(target) if target in names else -1)
    else:
        leader = np.full(len(starts), OPEN)
    leader[counted < LEAST_WORDS] = SHORT
    switched = np.zeros(0, np.int64) if in_latin else _count_in(SWITCH_WORDS, tokens, starts)
    number = np.cumsum(is_end)[starts] - is_end[starts]
    strange = _find_strange(votes, starts, target)
    sentences = Sentences(names, leader, counted, switched, strange, number, is_paragraph_end[last], tokens, starts)
    if in_latin and target in names:
        _tell_short_ones(sentences, fields, target)
    return sentences


def _split(prose: str) -> list[bytes]:
    """The words of a text and its ends of sentences and lines; ends with one."""
    data = prose.encode(errors="ignore")
    data = data.translate(_ENDS_AS_STOPS, END_OF_SENTENCE + END_OF_PARAGRAPH).replace(b". ", b" %s " % END_OF_SENTENCE)
    data = data.replace(b".) ", b" %s " % END_OF_SENTENCE).replace(b'." ', b" %s " % END_OF_SENTENCE)
    return (data.replace(b"\n", b" %s " % END_OF_PARAGRAPH) + b" " + END_OF_PARAGRAPH).translate(_KEPT_BYTES).split()


def _find_starts(is_end: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Where sentences begin: after each end, and after LONGEST_SENTENCE words without one."""
    ends = np.flatnonzero(is_end)
    starts = np.zeros_like(ends)
    starts[1:] = ends[:-1] + 1
    lengths = ends + 1 - starts
    if lengths.max() <= LONGEST_SENTENCE + 1:
        return starts
    return np.concatenate(
        [
            np.arange(start, start + max(length - 1, 1), LONGEST_SENTENCE)
            for start, length in zip(starts, lengths, strict=True)
        ]
    )


def _find_strange(votes: npt.NDArray[np.uint64], starts: npt.NDArray[np.int64], target: str) -> npt.NDArray[np.bool_]:
    """Whether sentences have so many words that vote for one language alone, and that not the target."""
    own = 1 << 8 * _LANGUAGES.index(target) if target in _LANGUAGES else 0
    is_alone = (votes & (votes - np.uint64(1))) == 0
    is_strange = is_alone & (votes > 0) & (votes < 1 << 8 * _NEUTRAL) & (votes != own)
    return np.add.reduceat(is_strange.astype(np.int64), starts) >= _FEWEST_SWITCHES


def _find_leaders(votes: npt.NDArray[np.int64], counted: npt.NDArray[np.int64], target: int) -> npt.NDArray[np.int64]:
    leader: npt.NDArray[np.int64] = votes.argmax(axis=1)
    every = np.arange(len(votes))
    most = votes[every, leader]
    others = votes.copy()
    others[every, leader] = -1
    lead = most - others.max(axis=1)
    is_clear = (lead >= 2) & (most * 4 >= counted)
    is_clear |= (leader == target) & (lead >= 1) & (most * 3 >= counted)
    leader[~is_clear] = OPEN
    return leader


def _tell_short_ones(sentences: Sentences, votes: npt.NDArray[np.int64], target: str) -> None:
    """Set the leaders of sentences too short to tell one by one where those in a row tell it together.

    Names of points and quantities look like short words (DE, la), so only words of three letters or more tell it.
    """
    is_short = sentences.leader == SHORT
    short = np.flatnonzero(is_short)
    counted = sentences.counted[short]
    if counted.sum() < _LEAST_POOLED:
        return
    run, piece = short - np.arange(len(short)), np.cumsum(counted) // _POOLED_WORDS
    bounds = np.append(0, 1 + np.flatnonzero((run[1:] > run[:-1]) | (piece[1:] > piece[:-1])))
    pooled = np.add.reduceat(counted, bounds)
    leaders = _find_leaders(np.add.reduceat(votes[short], bounds), pooled, -1)
    leaders[pooled < _LEAST_POOLED] = OPEN
    for number in np.flatnonzero((leaders != OPEN) & (leaders != sentences.names.index(target))).tolist():
        members = short[bounds[number] : bounds[number + 1] if number + 1 < len(bounds) else None]
        words = [word for index in members.tolist() for word in sentences.words(index) if len(word) > 2]
        ballot = count_votes(words[:MOST_WORDS], (target,))
        if ballot.leader == sentences.names[leaders[number]] and ballot.lead > 2 and ballot.votes * 3 >= ballot.counted:
            sentences.leader[members] = leaders[number]


def _count_in(vocabulary: frozenset[str], tokens: list[bytes], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many words of each sentence are in a vocabulary."""
    is_in = np.fromiter(map(_membership(vocabulary).__getitem__, tokens), np.int64, len(tokens))
    return np.add.reduceat(is_in, starts)


class _Membership(dict[bytes, bool]):
    """Whether a token is in a vocabulary, kept for so many of them as are worth the memory."""

    def __init__(self, vocabulary: frozenset[str]) -> None:
        super().__init__()
        self.vocabulary = vocabulary

    def __missing__(self, token: bytes) -> bool:
        is_in = token.decode().lower() in self.vocabulary
        if len(self) < _MOST_KEPT:
            self[token] = is_in
        return is_in


_membership = cache(_Membership)


class _TokenVotes(dict[bytes, int]):
    """The vote of each token, kept for so many of them as are worth the memory."""

    def __missing__(self, token: bytes) -> int:
        words = _LATIN_WORD.findall(token.decode()) or [""]
        vote = _vote(words[0])  # a sign that is no letter may hang on a word: “wait”, don’t
        if len(self) < _MOST_KEPT:
            self[token] = vote
        return vote


_SENTENCE_END, _PARAGRAPH_END = 0xFF << 8 * _NEUTRAL, (0xFF << 8 * _NEUTRAL) + 1
_TOKENS = _TokenVotes({END_OF_SENTENCE: _SENTENCE_END, END_OF_PARAGRAPH: _PARAGRAPH_END})
_LATIN_WORD = re.compile(f"[{LATIN_LETTERS}]+")
_ENDS_AS_STOPS = bytes.maketrans(b"!?", b"..")
_KEPT_BYTES = bytes(
    code if code >= 0x80 or chr(code).isalpha() or bytes([code]) in {END_OF_SENTENCE, END_OF_PARAGRAPH} else 0x20
    for code in range(256)
)
