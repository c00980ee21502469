"""A film becomes an MP4 with its captions, chapters and transcript beside it."""
