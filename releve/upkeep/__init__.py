"""Upkeep of an installation: migrations, backup and restore, retention.

``migrations`` bring the tables up to date; ``backup`` writes one encrypted file, ``restore`` makes
an installation of it again, on either database.
"""
