"""Overproof distils verified mathematical reasoning: sample, grade, keep what holds, train, prove it."""

__version__ = "0.1.0"
