"""Consents: what people agreed to about their faces and voices, with the engine's grants kept in step."""
