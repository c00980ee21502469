"""Talk to apps made with Gradio: Spaces on Hugging Face, and the same apps run at home. Needs `coursewright[gradio]`.

    space = Space("owner/name", what="the chat", token=token, context=context)
    space.endpoints()  # what it offers, from its own description
    space.call("/chat", {"message": "Hello"})

Importing this is cheap; the client library is imported when a Space is asked.
"""

from __future__ import annotations

from coursewright.kit.gradio.signature import Endpoint, Parameter
from coursewright.kit.gradio.space import Space

__all__ = ["Endpoint", "Parameter", "Space"]
