r"""Text → prose: what is left for a reader's language to show in; only this module knows what is not prose.

Formulas, code, links and tags are written alike in every language and set aside. Words that stand within them all the
same are not: a stretch of another script and a run of bare words are prose wherever they stand, or a whole train of
thought could hide in a code block. Every pattern here is linear in the length of the text: the body of a delimited span
excludes its own opening delimiter, or ends with the line, so that a text full of openings without an end costs no more
than any other.
"""

from __future__ import annotations

import re

from overproof.language.scripts import LATIN_LETTERS, SCRIPT_LETTERS

_SET_ASIDE = re.compile(
    r"```(?:[^`]|`(?!``))*+(?:```|\Z)"  # fenced code; a fence without an end runs to the end (CommonMark)
    r"|`[^`\n]*+`"
    r"|\\\\"  # a line break; passed over as a pair, so that no formula begins at its second half
    r"|\$\$[^$]*+\$\$"
    r"|\$(?=[^\s$])[^$\n]*+(?<=\S)\$(?!\d)"  # Pandoc's rule: "$5 and $7" are prices
    r"|\\\[[^\\]*+(?:\\[^\[\]][^\\]*+)*+\\\]"
    r"|\\\([^\\]*+(?:\\[^()][^\\]*+)*+\\\)"
    r"|\[asy\][^\[]*+(?:\[(?!/asy\])[^\[]*+)*+\[/asy\]"  # drawings in the MATH and AoPS data
    r"|</?[A-Za-z][\w-]{0,20}(?:\s[^<>\n=]{0,20}=[^<>\n]{0,80})?\s?/?>"
)
_ADDRESS = re.compile(r"https?://[!-~]++|www\.[!-~]++")
_ENVIRONMENT = re.compile(r"\\begin\{[^{}\n]{1,20}\}[^\\]*+(?:\\(?!begin\{|end\{)[^\\]*+)*+\\end\{[^{}\n]{1,20}\}")
_ENVIRONMENT_DEPTH = 3
# \text and its like hold prose: the command goes and its words stay.
_COMMAND = re.compile(r"\\(?:boxed|mathrm|mathbf|operatorname|label|tag)\*?\s?\{[^{}]*+\}|\\[A-Za-z]++\*?")
_CODE_LINE = re.compile(
    r"[ \t]*+(?:"
    r"(?:import|from)[ \t]+[a-z_][\w.]*(?:[ \t]+(?:import|as)[ \t].*)?"
    r"|(?:def|class)[ \t]+\w+[ \t]*[(:].*"
    r"|(?:for|while|if|elif)[ \t][^\n]{1,200}:"
    r"|(?:return|print|assert)\b[ \t]*[(\w\[].*"
    r"|[A-Za-z_][\w.\[\]]*[ \t]*[-+*/|&]?=[ \t]*[\w.'\"\[({-][^\n。，]*"
    r"|#include\b.*|//.*"
    r")[ \t]*"
)
"""A line of a program that stands in no fence."""
_CODE_OPENINGS = (
    *("import", "from", "def", "class", "for", "while", "if", "elif", "return", "print", "assert", "//", "#include"),
)
"""What a line of a program begins with that assigns nothing."""
_IDENTIFIER = f"[{LATIN_LETTERS}0-9]*+_[{LATIN_LETTERS}0-9_]*+"
_IDENTIFIERS = re.compile(f"{_IDENTIFIER}(?: {_IDENTIFIER})*+")
_MOST_WORDS_IN_IDENTIFIERS = 7
"""More words than this, joined by nothing but spaces and underscores, are a sentence."""
_STRETCH = re.compile(f"(?:[{SCRIPT_LETTERS}][^\\S\\n]?){{4,}}")
"""Four letters of another script: more than the name of a quantity in a formula."""
_BARE_WORDS = re.compile(
    f"(?<![{LATIN_LETTERS}])[{LATIN_LETTERS}]++(?:(?:[ ’'/_-]|[,;:] )[{LATIN_LETTERS}]++){{7,}}+[.!?]?"
)
"""Eight words in a row without a sign between them: no formula has that, no line of code and few of its texts."""
_JOINTS = " /_-"
_FEWEST_JOINTS = 6


def to_prose(text: str) -> str:
    """The text with a space in the place of every character that is no prose, so that places stay as they are."""
    text = _SET_ASIDE.sub(_blank, text)
    if "://" in text or "www." in text:
        text = _ADDRESS.sub(_blank, text)
    if "\\" in text:
        for _ in range(_ENVIRONMENT_DEPTH):  # from the inside out
            text, count = _ENVIRONMENT.subn(_blank, text)
            if not count:
                break
        text = _COMMAND.sub(_blank, text)
    if "_" in text:
        text = _IDENTIFIERS.sub(_open_sentence, text)
    return "\n".join(
        _blank_code(line) if "=" in line or line.lstrip(" \t").startswith(_CODE_OPENINGS) else line
        for line in text.split("\n")
    )


def is_code_line(line: str) -> bool:
    """Whether a line belongs to a program."""
    return _CODE_LINE.fullmatch(line) is not None


def _blank_code(line: str) -> str:
    """Spaces in the place of a line that belongs to a program."""
    is_code = _CODE_LINE.fullmatch(line)
    return _blank(is_code) if is_code else line


def _open_sentence(names: re.Match[str]) -> str:
    """Spaces in the place of the names of variables; a sentence that is spelled like one is opened."""
    opened = names[0].replace("_", " ")
    return opened if len(opened.split()) > _MOST_WORDS_IN_IDENTIFIERS else " " * len(opened)


def _blank(span: re.Match[str]) -> str:
    """Spaces in the place of a span, but for the words in it that are prose all the same."""
    text = span[0]
    if text.isascii() and sum(map(text.count, _JOINTS)) <= _FEWEST_JOINTS:
        return " " * len(text)
    kept = [match.span() for pattern in (_STRETCH, _BARE_WORDS) for match in pattern.finditer(text)]
    pieces = []
    end = 0
    for start, stop in sorted(kept):
        pieces.append(" " * (start - end))
        pieces.append(text[start:stop])
        end = stop
    return "".join([*pieces, " " * (len(text) - end)])
