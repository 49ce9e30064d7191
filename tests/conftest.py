"""Settings of the whole suite."""

import signal

import pytest
from hypothesis import settings

from overproof.teacher import dispatch, governor

# No deadlines: the machines that run this are noisy. The same examples each time: a red run can be run again.
settings.register_profile("overproof", deadline=None, derandomize=True)
settings.load_profile("overproof")

# A shell starts what it puts in the background deaf to Ctrl-C, and so would be every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rules for trying again with shorter waits, so that tests do not sleep."""
    monkeypatch.setattr(dispatch, "FIRST_RETRY_SECONDS", 0.02)
    monkeypatch.setattr(dispatch, "LONGEST_RETRY_SECONDS", 0.2)
    monkeypatch.setattr(governor, "FIRST_PAUSE_SECONDS", 0.1)
    monkeypatch.setattr(governor, "LONGEST_PAUSE_SECONDS", 0.4)
