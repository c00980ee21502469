"""Offline narration in over a hundred languages, with word and phoneme timings."""
