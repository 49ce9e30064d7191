"""The examples in the docstrings of the package are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import overproof.grading

MODULES = sorted(path.stem for path in Path(overproof.grading.__file__).parent.glob("*.py") if path.stem != "__init__")


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_hold(name: str) -> None:
    module = importlib.import_module(f"overproof.grading.{name}")
    assert doctest.testmod(module).failed == 0
