"""For plugin authors: a context to try a provider with, and the tests that every provider passes."""

from __future__ import annotations

from coursewright.testing.context import Bench, bench

__all__ = ["Bench", "bench"]
