r"""LaTeX that was written with one backslash where two were needed; only this module knows its traces and mends them.

In JSON (and in the strings of most languages) `\f`, `\t`, `\b`, `\n` and `\r` are characters of their own, so that
`\frac` is read as a form feed and `rac`, `\times` as a tab and `imes`, without an error anywhere. What can mean nothing
else is mended; what could mean two things is refused with both. The opposite, every backslash doubled once too often,
leaves `\\frac`, and is mended where not one command stands with a single backslash.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Commands by the character that their first letter makes after a backslash. No word of a text begins with the rest of
# these, so that the control character and the rest can only have been the command. `_is_symbol` knows the rarer ones.
_SURE_LIST = {
    "\a": "alpha angle approx approxeq arccos arcsin arctan array ast asymp",
    "\b": "backslash bar because begin beta between bf big bigcap bigcup bigg biggl biggr bigl bigoplus bigotimes "
    "bigr bigvee bigwedge binom blacksquare bm bmod bold boldsymbol bot bowtie box boxed breve bullet",
    "\t": "tanh tbinom text textbf textit textrm textsc textsf texttt textup tfrac therefore theta thicksim tilde "
    "times tiny triangle triangleleft triangleright triangleq twoheadrightarrow",
    "\n": "nabla ncong nearrow neq newcommand newline ngeq nleq noindent nolimits nonumber normalsize notin nsim "
    "nsubseteq nsupseteq nwarrow negthinspace natural",
    "\v": "varepsilon varkappa varnothing varphi varpi varrho varsigma vartheta vdash vdots vec vee verb vert vphantom "
    "vskip vspace",
    "\f": "fbox flat forall frac frown footnote footnotesize",
    "\r": "raggedright raisebox rangle rbrace rbrack rceil renewcommand rfloor rho right rightarrow rightharpoonup "
    "rightleftharpoons rmfamily rule rvert",
}
# The rest of these is a word or a variable too: `\nu` or a line that begins with u, `\nless` or one that begins so.
_UNSURE_LIST = {
    "\t": "tan tau to top tr",
    "\n": "ne neg nexists ngtr ni nis nless nmid not nparallel nprec nsubset nsucc nsupset nu",
    "\r": "ref rm root",
}
_SURE = {control: frozenset(commands.split()) for control, commands in _SURE_LIST.items()}
_UNSURE = {control: frozenset(commands.split()) for control, commands in _UNSURE_LIST.items()}
_SHORTEST_SYMBOL = 5
"""Letters after a control character from which a symbol's name is beyond doubt."""
_OTHERS = (
    "sqrt cdot left leq geq le ge pi pm mp div infty sum prod int lim log ln sin cos cot sec csc quad qquad mathbb "
    "mathrm mathbf mathcal dfrac gamma delta epsilon lambda mu sigma phi psi omega Delta Omega cup cap subset subseteq "
    "in circ degree overline underline hat ldots dots cdots equiv sim perp parallel deg gcd max min mod pmod end hline"
)
_COMMANDS = frozenset(_OTHERS.split()).union(*_SURE.values())
_LETTER = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_NAMES = {"\a": "bell", "\b": "backspace", "\t": "tab", "\n": "line break", "\v": "vertical tab", "\f": "form feed"}
_NAMES |= {"\r": "carriage return"}
_WRITE_TWO = "If it was LaTeX, write every backslash of it as two in JSON"
_NEVER_TEXT = "\a\b\v"
"""Characters that no text holds; a form feed parts pages, the others part words and lines."""

_SUSPECT = re.compile(r"([\a\b\t\n\v\f\r])([A-Za-z]+)")
_LINE_SUSPECT = re.compile(r"(\n)([A-Za-z]+)")
"""The same where a text holds no other control character: found at the speed of a search for one character."""
_OTHER_CONTROLS = "\a\b\t\v\f\r"
_NEVER = re.compile(r"[\a\b\v](?![A-Za-z])")
_SOUND = re.compile(r"\\[A-Za-z]{2,}")
_PROSE = re.compile(r"(?<![\\A-Za-z])[a-z]{3,} +[a-z]{2,}(?![a-z{])")
"""Two words in a row: what two dollar signs hold so is no formula."""
_GLUED = re.compile(r"(?<=[^\s&\\])\t[a-z]{3,}")
"""A tab within a formula, between a sign and a word."""
_MATH = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
_BACKSLASHES = re.compile(r"(\\+)([A-Za-z]*)")

_LOST_LINE_BREAK = re.compile(r"(?<!\\)\\(?=[\s\d&]|$)")

_ESCAPE = re.compile(r'\\(?:(u[0-9a-fA-F]{4}|["\\/bfnrt])|([A-Za-z]+|.)|$)', re.DOTALL)
_MEANT_IN_LATEX = frozenset("()[]{}$%&#_,;:!|~^.<>= ")


class DoubtfulError(ValueError):
    """Text that was damaged and could have meant several things; says which."""


class MendedText(NamedTuple):
    """A text as it was meant."""

    text: str
    commands: tuple[str, ...] = ()
    """The commands that had lost a backslash or had one too many; none where the text was sound."""


def mend_latex(text: str, *, is_formula: bool = False) -> MendedText:
    """The text with its LaTeX commands restored; `is_formula` says that all of it is mathematics.

    Raises DoubtfulError where what was meant cannot be told.
    """
    if "\\\\" in text and (halved := _halve(text)) is not None:
        return halved
    is_plain = not any(control in text for control in _OTHER_CONTROLS)
    suspect = _LINE_SUSPECT if is_plain else _SUSPECT
    if not is_plain and (found := _NEVER.search(text)):
        raise DoubtfulError(f"holds a {_NAMES[found[0]]}, which no text does. {_WRITE_TWO}")
    if not suspect.search(text):
        return MendedText(text)
    is_damaged = any(_is_sure(found) for found in suspect.finditer(text))
    if not is_damaged and _SOUND.search(text):
        return MendedText(text)  # its backslashes have come through, so that its line breaks are line breaks
    if is_damaged and _LOST_LINE_BREAK.search(text):
        raise DoubtfulError(
            f"has LaTeX with one backslash, so that its line breaks (\\\\) have become single backslashes. {_WRITE_TWO}"
        )
    commands: list[str] = []
    pieces: list[str] = []
    end = 0
    for found in suspect.finditer(text):
        if _was_command(text, found, is_damaged=is_damaged, is_formula=is_formula):
            commands.append(f"\\{_command(found)}")
            pieces += [text[end : found.start()], commands[-1]]
            end = found.end()
    return MendedText("".join([*pieces, text[end:]]), tuple(commands))


def _command(found: re.Match[str]) -> str:
    return _LETTER[found[1]] + found[2]


def _is_sure(found: re.Match[str]) -> bool:
    control, rest, command = found[1], found[2], _command(found)
    if command in _SURE[control]:
        return True
    is_long = control in _NEVER_TEXT or len(rest) >= _SHORTEST_SYMBOL
    is_word = control == "\n" and _is_symbol(rest)  # a line may well begin with approx, less or subset
    return is_long and not is_word and command not in _UNSURE.get(control, ()) and _is_symbol(command)


def _is_unsure(found: re.Match[str]) -> bool:
    command = _command(found)
    is_long = len(found[2]) >= _SHORTEST_SYMBOL
    return command in _UNSURE.get(found[1], ()) or (is_long and _is_symbol(command))


def _is_symbol(command: str) -> bool:
    """Whether LaTeX has a symbol of this name."""
    from latex2mathml.symbols_parser import SYMBOLS

    return f"\\{command}" in SYMBOLS


def _was_command(text: str, found: re.Match[str], *, is_damaged: bool, is_formula: bool) -> bool:
    """Whether a control character and the letters after it were a command. Raises DoubtfulError where both could be."""
    control, command = found[1], _command(found)
    if _is_sure(found):
        return True
    if control in _NEVER_TEXT or (control == "\f" and found[2][0].islower()):
        raise DoubtfulError(
            f"holds a {_NAMES[control]} before '{found[2]}', which no text does. If it was LaTeX, write it with two "
            f"backslashes in JSON (\\\\{command})"
        )
    formula = text if is_formula else _formula_around(text, found.start())
    if not _is_unsure(found):
        if formula is not None and (control == "\r" or _GLUED.match(text, found.start())):
            raise DoubtfulError(f"holds a {_NAMES[control]} within a formula, before '{found[2]}'. {_WRITE_TWO}")
        return False
    if formula is not None and (control == "\t" or is_damaged or is_formula or not formula.startswith("$$")):
        return True
    if is_damaged:
        raise DoubtfulError(
            f"has LaTeX with one backslash, and '{found[2]}' after a {_NAMES[control]} could be \\{command} or begin "
            f"a line. Write LaTeX with two backslashes in JSON (\\\\{command})"
        )
    return False


def _formula_around(text: str, place: int) -> str | None:
    """The formula that a place lies within; None where there is none, or where dollar signs part sums of money."""
    inside = next((one[0] for one in _MATH.finditer(text) if one.start() < place < one.end()), None)
    return None if inside is None or _PROSE.search(inside) else inside


def _halve(text: str) -> MendedText | None:
    """The text with half its backslashes, where every one was doubled once too often; else None."""
    runs = _BACKSLASHES.findall(text)
    commands = tuple(f"\\{name}" for run, name in runs if name in _COMMANDS)
    if not commands or any(len(run) % 2 for run, _ in runs):
        return None
    return MendedText(re.sub(r"\\\\", lambda _: "\\", text), commands)


def mend_json(text: str) -> MendedText:
    r"""JSON with the backslashes doubled that cannot be the beginning of an escape: `\sqrt`, `\(`, `\{`.

    Raises DoubtfulError for an escape of another language (`\x41`, `\'`), and where `\\` may stand for one or for two.
    """
    commands: list[str] = []
    has_line_break = False

    def double(found: re.Match[str]) -> str:
        nonlocal has_line_break
        valid, other = found[1], found[2] or ""
        if valid is not None:
            has_line_break |= valid == "\\" and not text[found.end() : found.end() + 1].isalpha()
            return found[0]
        if not other or re.match(r"x[0-9a-fA-F]{2}|U[0-9a-fA-F]{8}|'", text[found.start() + 1 : found.end() + 8]):
            raise DoubtfulError(f"has the escape {found[0][:3]}, which is not JSON's")
        if not other.isalpha() and other not in _MEANT_IN_LATEX:
            raise DoubtfulError(f"has the escape {found[0]}, which is not JSON's")
        commands.append(f"\\{other}")
        return "\\" + found[0]

    mended = _ESCAPE.sub(double, text)
    if commands and has_line_break:
        raise DoubtfulError(
            f"has LaTeX with one backslash ({commands[0]}) beside \\\\, which could be one backslash or two. "
            "Write every backslash of LaTeX as two in JSON"
        )
    return MendedText(mended, tuple(commands))
