"""Backup and restore: everything that an installation cannot make again, in one file, on either database."""
