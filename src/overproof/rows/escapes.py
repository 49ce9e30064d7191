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
# these, so that the control character and the rest can only have been the command.
_SURE = {
    "\a": "alpha angle approx approxeq arccos arcsin arctan array ast asymp",
    "\b": "backslash bar because begin beta between bf big bigcap bigcup bigg biggl biggr bigl bigoplus bigotimes "
    "bigr bigvee bigwedge binom blacksquare bm bmod bold boldsymbol bot bowtie box boxed breve bullet",
    "\t": "tanh tbinom text textbf textit textrm texttt textsf tfrac therefore theta thicksim tilde times tiny "
    "triangle triangleleft triangleright triangleq twoheadrightarrow",
    "\n": "nabla ncong neq nexists ngeq nleq nless nmid nonumber notin nparallel nprec nsim nsubseteq nsupseteq",
    "\v": "varepsilon varkappa varnothing varphi varpi varrho varsigma vartheta vdash vdots vec vee vert",
    "\f": "fbox flat forall frac frown footnotesize",
    "\r": "rangle rbrace rbrack rceil rfloor rho right rightarrow rightharpoonup rightleftharpoons rvert",
}
# The rest of these is a word or a variable too: `\nu` or a line that begins with u, `\to` or a tab before o.
_UNSURE = {"\t": "tan tau to top tr", "\n": "ne neg ni not nu", "\r": "rm root"}
_OTHERS = (
    "sqrt cdot left leq geq le ge pi pm mp div infty sum prod int lim log ln sin cos cot sec csc quad qquad mathbb "
    "mathrm mathbf mathcal dfrac gamma delta epsilon lambda mu sigma phi psi omega Delta Omega cup cap subset subseteq "
    "in circ degree overline underline hat ldots dots cdots equiv sim perp parallel deg gcd max min mod pmod end hline"
)
_COMMANDS = frozenset(" ".join([*_SURE.values(), _OTHERS]).split())
_LETTER = {"\a": "a", "\b": "b", "\t": "t", "\n": "n", "\v": "v", "\f": "f", "\r": "r"}
_NAMES = {"\a": "bell", "\b": "backspace", "\t": "tab", "\n": "line break", "\v": "vertical tab", "\f": "form feed"}
_NAMES |= {"\r": "carriage return"}
_NEVER_TEXT = "\a\b\v"
"""Characters that no text holds; a form feed parts pages, the others part words and lines."""

_SUSPECT = re.compile(r"([\a\b\t\n\v\f\r])([A-Za-z]+)")
_MATH = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]", re.DOTALL)
_BACKSLASHES = re.compile(r"(\\+)([A-Za-z]*)")

_LOST_LINE_BREAK = re.compile(r"(?<!\\)\\(?=[\s\d&]|$)")

_ESCAPE = re.compile(r'\\(?:(u[0-9a-fA-F]{4}|["\\/bfnrt])|([A-Za-z]+|.)|$)', re.DOTALL)
_MEANT_IN_LATEX = frozenset("()[]{}$%&#_,;:!|~^.<>= ")


class DoubtfulError(ValueError):
    """Text that was damaged and could have meant several things; says which."""


class Mended(NamedTuple):
    """A text as it was meant."""

    text: str
    commands: tuple[str, ...] = ()
    """The commands that had lost a backslash or had one too many; none where the text was sound."""


def mend_latex(text: str) -> Mended:
    """The text with its LaTeX commands restored. Raises DoubtfulError where what was meant cannot be told."""
    if "\\\\" in text and (halved := _halve(text)) is not None:
        text = halved.text
        return Mended(text, halved.commands)
    if not _SUSPECT.search(text):
        return Mended(text)
    is_damaged = any(_command(found) in _SURE[found[1]].split() for found in _SUSPECT.finditer(text))
    if is_damaged and _LOST_LINE_BREAK.search(text):
        raise DoubtfulError(
            "has LaTeX with one backslash, so that its line breaks (\\\\) have become single backslashes. Write every "
            "backslash of LaTeX as two in JSON"
        )
    commands: list[str] = []
    pieces: list[str] = []
    end = 0
    for found in _SUSPECT.finditer(text):
        if _was_command(text, found, is_damaged=is_damaged):
            commands.append(f"\\{_command(found)}")
            pieces += [text[end : found.start()], commands[-1]]
            end = found.end()
    return Mended("".join([*pieces, text[end:]]), tuple(commands))


def _command(found: re.Match[str]) -> str:
    return _LETTER[found[1]] + found[2]


def _was_command(text: str, found: re.Match[str], *, is_damaged: bool) -> bool:
    """Whether a control character and the letters after it were a command. Raises DoubtfulError where both could be."""
    control, command = found[1], _command(found)
    if command in _SURE[control].split():
        return True
    if control in _NEVER_TEXT or (control == "\f" and found[2][0].islower()):
        raise DoubtfulError(
            f"holds a {_NAMES[control]} before '{found[2]}', which no text does. If it was LaTeX, write it with two "
            f"backslashes in JSON (\\\\{command})"
        )
    if command not in _UNSURE.get(control, "").split():
        return False
    inside = next((one for one in _MATH.finditer(text) if one.start() < found.start() < one.end()), None)
    if inside is not None and (control == "\t" or is_damaged or not inside[0].startswith("$$")):
        return True
    if is_damaged:
        raise DoubtfulError(
            f"has LaTeX with one backslash, and '{found[2]}' after a {_NAMES[control]} could be \\{command} or begin "
            f"a line. Write LaTeX with two backslashes in JSON (\\\\{command})"
        )
    return False


def _halve(text: str) -> Mended | None:
    """The text with half its backslashes, where every one was doubled once too often; else None."""
    runs = _BACKSLASHES.findall(text)
    commands = tuple(f"\\{name}" for run, name in runs if name in _COMMANDS)
    if not commands or any(len(run) % 2 for run, _ in runs):
        return None
    return Mended(re.sub(r"\\\\", lambda _: "\\", text), commands)


def mend_json(text: str) -> Mended:
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
    return Mended(mended, tuple(commands))
