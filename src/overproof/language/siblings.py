"""Languages that share a script told apart by the letters that only some of them have and by their commonest words;
only this module knows those letters and words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache, lru_cache

from overproof.language.scripts import Script

_LETTERS: dict[str, dict[str, str]] = {
    "Cyrillic": {
        "ru": "йщъыьэюяё",
        "uk": "йщьюяґєії",
        "be": "йыьэюяёіў",
        "bg": "йщъьюя",
        "sr": "ђјљњћџ",
        "mk": "ѓѕјљњќџ",
        "kk": "йщъыьэюяёәғқңөұүһі",
        "ky": "йщъыьэюяёңөү",
        "mn": "йщъыьэюяёөү",
        "tt": "йщъыьэюяёәҗңөүһ",
        "tg": "йъэюяёғӣқӯҳҷ",
    },
    "Arabic": {
        "ar": "ةيكىأإآؤئ",
        "fa": "پچژگکیآئ",
        "ur": "پچژگکیٹڈڑںےہھآئؤ",
        "ps": "پچژګکيټډړږښېۍ",
        "ug": "پچژگكيئېۆۇۈەڭ",
        "sd": "پچگڄڃڊڏڌڙڪٻٺٽٿڀھيئ",
        "ku": "پچژگکیێۆڕڵەئ",
    },
    "Devanagari": {"hi": "\u093c", "mr": "ळ", "ne": "", "sa": "ळऽॠ"},
    "Bengali": {"bn": "র", "as": "ৰৱ"},
    "Hebrew": {"he": "", "yi": "ײױװ"},
}
"""Script → language → its letters that not all languages of the script have. A word with such letters votes for the
languages that have all of them."""

_WORDS: dict[str, str] = {
    "ru": "и в не на что с по как это из у за от о но для если то же все так его мы она он они их был была было или "
    "чтобы также когда только сколько каждый дней часов ответ можно нужно тогда",
    "uk": "і в не на що з по як це із у за від о але для якщо то ж все так його ми вона він вони їх був була було або "
    "щоб також коли тільки скільки кожен днів годин відповідь можна треба тоді та",
    "be": "і ў не на што з па як гэта за ад але для калі то ж усе так яго мы яна ён яны іх быў была або каб таксама "
    "толькі колькі кожны",
    "bg": "и в не на че с по как това от за но ако то все така му ние тя той те им беше или да се са е със ще колко "
    "всеки дни часа отговор при само трябва може",
    "sr": "и у не на да је су се са по како ово из за од али ако то све тако ми она он они или када само колико сваки "
    "дана одговор може",
    "mk": "и во не на дека се е со по како ова од за но ако сите така ние таа тој тие или кога само колку секој дена "
    "одговор да може",
    "ar": "في من على إلى أن هذا التي الذي كان هو هي ما لا مع عن كل أو ثم بين هذه ذلك كم",
    "fa": "از به که در این را با است برای آن یک هم می شود تا کرد بر چند هر و",
    "ur": "کے کی میں ہے اور کا سے کو نے پر ہیں یہ کہ ایک کتنے تو",
    "hi": "है के की में का से को और ने पर हैं यह कि एक कितने कितनी था हो तो",
    "mr": "आहे आहेत आणि हा ही हे किती तर मध्ये होते होता असे त्या एक करून का",
    "ne": "छ र को मा हो भएको गर्न यो कति छन् थियो एक",
    "he": "של את על הוא לא זה כמה היא",
    "yi": "און איז די דער פון",
}
"""Language → its commonest words, among those of its script's languages."""

_CHINESE_WORDS = frozenset("是个这這那哪你您她它们們么麼吗嗎呢吧很把")
"""Characters that are words of their own in Chinese and that Japanese does without."""
_CHARACTER_SETS = {"zh": ("gb2312", "big5"), "ja": ("shift_jis",)}
"""Language → the character sets of its national standards: a character that is in none of one language's, and in one of
the other's, is written in the other only (们 and 积 in China, 総 and 込 in Japan)."""


def tells(script: Script) -> bool:
    """Whether the languages of a script can be told apart here."""
    return script.name in _LETTERS


def tell_sibling(words: Sequence[str], script: Script, expected: str | None) -> str | None:
    """The language of words in a script that several languages share; None where they do not say.

    Another language than the `expected` one must have LEAST_LEAD votes more than it. Without an expectation the leader
    is named, and the more widely written one where two are level.
    """
    votes = _count(words, script.name)
    if expected is None:
        best = max(script.languages, key=lambda language: votes.get(language, 0))
        return best if votes.get(best) else None
    own = votes.get(expected, 0)
    rival = max(votes, key=votes.__getitem__, default=expected)
    if votes.get(rival, 0) - own >= LEAST_LEAD:
        return rival
    return expected if own else None


LEAST_LEAD = 2
"""A single word, or character, may be a name, a quotation or a slip."""


def _count(words: Iterable[str], script: str) -> Mapping[str, int]:
    counts: dict[str, int] = {}
    for word in words:
        for language in _voted(word, script):
            counts[language] = counts.get(language, 0) + 1
    return counts


@lru_cache(maxsize=1 << 16)
def _voted(word: str, script: str) -> tuple[str, ...]:
    """The languages that a word votes for; none where it would vote for all."""
    word = word.lower()
    letters = _telling(script).intersection(word)
    votes = [
        language
        for language, own in _LETTERS[script].items()
        if word in _vocabulary(language) or (letters and letters <= frozenset(own))
    ]
    return tuple(votes) if len(votes) < len(_LETTERS[script]) else ()


@cache
def _telling(script: str) -> frozenset[str]:
    """The letters of a script that not all of its languages have."""
    return frozenset("".join(_LETTERS[script].values()))


@cache
def _vocabulary(language: str) -> frozenset[str]:
    return frozenset(_WORDS.get(language, "").split())


def tell_han(sentence: str, kana: float, han: float, expected: str | None) -> str | None:
    """Whether the Chinese characters of a sentence are Chinese or Japanese; None where nothing says.

    Beside kana they are Japanese, unless there is so little of it that it is a quotation (both are given in words). As
    for other siblings, what is not `expected` needs more than a single character.
    """
    if kana * 8 >= han:
        return "ja"
    votes = list(map(_language_of_character, sentence))
    chinese, japanese = votes.count("zh"), votes.count("ja")
    leader, lead = ("zh" if chinese > japanese else "ja"), abs(chinese - japanese)
    return leader if lead and (lead >= LEAST_LEAD or expected in {None, leader}) else None


def has_form_of(language: str, letters: Iterable[str]) -> bool:
    """Whether there is a character that is written in one of Chinese and Japanese only."""
    return any(_language_of_character(letter) == language for letter in letters)


@lru_cache(maxsize=1 << 15)
def _language_of_character(character: str) -> str | None:
    if character in _CHINESE_WORDS:
        return "zh"
    if character < "\u3400":
        return None
    written = {
        language
        for language, standards in _CHARACTER_SETS.items()
        if any(_holds(name, character) for name in standards)
    }
    return written.pop() if len(written) == 1 else None


def _holds(character_set: str, character: str) -> bool:
    try:
        character.encode(character_set)
    except UnicodeEncodeError:
        return False
    return True
