"""Overproof distils verified mathematical reasoning: sample, grade, keep what holds, train, prove it.

The names of `__all__` are the public interface; everything else may change. They are imported when they are used, so
that `import overproof` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from overproof.cli.display import Display as Display
    from overproof.config import RunConfig as RunConfig
    from overproof.errors import ConfigError as ConfigError
    from overproof.errors import EndpointError as EndpointError
    from overproof.errors import InputError as InputError
    from overproof.errors import OverproofError as OverproofError
    from overproof.errors import RunFolderError as RunFolderError
    from overproof.estimators import pass_at_k as pass_at_k
    from overproof.grading import Row as Row
    from overproof.grading import equivalent as equivalent
    from overproof.grading import grade as grade
    from overproof.grading import grade_many as grade_many
    from overproof.library import RunResult as RunResult
    from overproof.library import compare as compare
    from overproof.library import evaluate as evaluate
    from overproof.library import export_dataset as export_dataset
    from overproof.library import load_run as load_run
    from overproof.library import run as run
    from overproof.records import Grade as Grade
    from overproof.records import Trace as Trace
    from overproof.records import Verdict as Verdict
    from overproof.rewards.rl import reward_functions as reward_functions

__version__ = "0.1.0"

_HOMES = {
    "Display": "cli.display",
    "RunConfig": "config",
    "ConfigError": "errors",
    "EndpointError": "errors",
    "InputError": "errors",
    "OverproofError": "errors",
    "RunFolderError": "errors",
    "pass_at_k": "estimators",
    "Row": "grading",
    "equivalent": "grading",
    "grade": "grading",
    "grade_many": "grading",
    "RunResult": "library",
    "compare": "library",
    "evaluate": "library",
    "export_dataset": "library",
    "load_run": "library",
    "run": "library",
    "Grade": "records",
    "Trace": "records",
    "Verdict": "records",
    "reward_functions": "rewards.rl",
}
"""Where each public name is defined; none is called like a module, which would hide it."""

__all__ = [  # noqa: RUF022 (in the order of a run)
    "run",
    "load_run",
    "RunResult",
    "RunConfig",
    "Display",
    "export_dataset",
    "grade",
    "grade_many",
    "Row",
    "Grade",
    "Verdict",
    "Trace",
    "equivalent",
    "reward_functions",
    "evaluate",
    "compare",
    "pass_at_k",
    "OverproofError",
    "ConfigError",
    "InputError",
    "EndpointError",
    "RunFolderError",
]


def __getattr__(name: str) -> Any:
    """Import a public name at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"overproof offers no '{name}'; it offers {', '.join(__all__)}")
    return getattr(importlib.import_module(f"overproof.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """What can be used."""
    return [*__all__, "__version__"]
