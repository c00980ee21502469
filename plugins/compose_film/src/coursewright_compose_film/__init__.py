"""Slides, presenter and speech become the finished film with captions and chapters."""
