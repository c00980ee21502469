"""Structures an author's own notes into a course script, without any model."""
