"""What the package says to people, in their language; only this module holds translations.

English is written where it is said and is the key: `say("{n} traces of {m} problems", n=…, m=…)`. The other languages
lie in one file each beside this one (`zh.toml`), English → translation. What has no translation is said in English, and
a test finds it.
"""

from __future__ import annotations

import locale
import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from overproof.errors import ConfigError

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = ("en", "zh")
_LOCALE_VARIABLES = ("OVERPROOF_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
"""The first that is set decides: our own, then in the order in which POSIX asks them."""


class Wording:
    """Says things in one language."""

    def __init__(self, language: Language = "en") -> None:
        """`language` is one of LANGUAGES."""
        self.language: Language = language
        self.catalogue = read_catalogue(language)
        """English → this language; empty for English itself."""

    def __call__(self, text: str, /, **values: object) -> str:
        """A text in this language, its `{names}` replaced by the values."""
        said = self.catalogue.get(text, text)
        return said.format(**values) if values else said

    def count(self, number: int, one: str, many: str, /, **values: object) -> str:
        """`one` for a single thing, else `many`; either may hold `{n}`."""
        return self(one if number == 1 else many, n=f"{number:,}", **values)


def choose_language(asked: str | None = None, environment: Mapping[str, str] = os.environ) -> Language:
    """The language asked for, else that of the locale, else English. Raises ConfigError for one that is not there."""
    if asked is not None:
        for language in LANGUAGES:
            if asked.casefold().replace("-", "_").split("_")[0] == language:
                return language
        raise ConfigError(f"--lang {asked}: there are {', '.join(LANGUAGES)}")
    said = next((environment[name] for name in _LOCALE_VARIABLES if environment.get(name)), "")
    return "zh" if locale.normalize(said).casefold().startswith("zh") else "en"


@cache
def read_catalogue(language: Language) -> Mapping[str, str]:
    """All translations into a language, English → translation."""
    path = Path(__file__).parent / f"{language}.toml"
    if not path.exists():
        return {}
    tables = tomllib.loads(path.read_text(encoding="utf-8"))
    return {text: said for table in tables.values() for text, said in table.items()}
