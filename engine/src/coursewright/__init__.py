"""Coursewright: notes, a portrait and a voice become a finished course, by a pipeline written in YAML."""

__version__ = "0.1.0"
