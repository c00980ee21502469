"""A film becomes a SCORM package with a player of its own."""
