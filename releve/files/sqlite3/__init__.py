"""Django's backend for SQLite, with writers that wait in turn: named in settings as ``ENGINE``."""
