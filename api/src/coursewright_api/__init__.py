"""The HTTP service. Not built yet: this module holds the place that the import contracts guard."""
