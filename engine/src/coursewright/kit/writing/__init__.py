"""Writing with a model: a prompt becomes a valid `text` or `script`, whatever the model first replies.

A provider gives `write` a function that makes one call: `Ask` → `Reply`.
"""

from __future__ import annotations

from coursewright.kit.writing.asks import ROUNDS, Ask, Message, Reply, say, with_schema_in_words
from coursewright.kit.writing.rounds import write

__all__ = ["ROUNDS", "Ask", "Message", "Reply", "say", "with_schema_in_words", "write"]
