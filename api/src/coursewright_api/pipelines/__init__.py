"""Pipelines: the course formats that a service offers, in versions."""
