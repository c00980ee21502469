"""Bytes of the store for browsers: by links that expire."""
