"""Scenes become slides, set with Typst."""
