"""What can go wrong, as exceptions that say where, what, and the way out; only this module knows the exit codes.

    OverproofError              exit 1: the world was not as hoped
    ├── ConfigError             exit 2: wrong usage or config
    ├── InputError              a problem file or an imported row cannot be used
    ├── EndpointError           the endpoint cannot serve this run at all (wrong key, no money, unknown model)
    ├── RunFolderError          the run folder is in use, belongs to other settings, or is damaged
    └── MissingExtraError       an optional package is needed; carries the line that installs it

A failed request is data (a `Trace` with an `error`), never an exception that leaves a stage.
"""


class OverproofError(Exception):
    """Something a user can act on; the text is shown without a traceback."""

    exit_code = 1


class ConfigError(OverproofError):
    """A command line or config that cannot be run as written."""

    exit_code = 2


class InputError(OverproofError):
    """A file of problems, traces or rows that cannot be read as what it should be."""


class EndpointError(OverproofError):
    """A model endpoint that cannot serve this run: wrong key, no money, unknown model, unreachable."""


class RunFolderError(OverproofError):
    """A run folder that is in use, was made with other settings, or is damaged."""


class MissingExtraError(OverproofError):
    """An optional part that is not installed; the text ends with the command that installs it."""

    def __init__(self, purpose: str, extra: str) -> None:
        """Name what was asked for (`purpose`) and the extra of this package that brings it."""
        super().__init__(f"{purpose} needs an optional part. Install it with: pip install 'overproof[{extra}]'")
        self.extra = extra
        self._purpose = purpose

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        """Travel between processes."""
        return type(self), (self._purpose, self.extra)
