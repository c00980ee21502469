"""The libraries tell nobody that they are used. Importing this module imports huggingface_hub."""

from __future__ import annotations

import os

import huggingface_hub.constants


def keep_silent() -> None:
    """Turn off what gradio_client and huggingface_hub report of themselves; cheap, so called before each use.

    The client sends every app's address to Hugging Face unless both an argument and the environment say no. Building
    a header, huggingface_hub fetches a list of programs to report which one runs it, and keeps the list in the
    user's home, even when only a server at home is addressed.
    """
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY = True
