"""Keys in files, each with a check value in the database beside the rows written with it.

A key is made once, before there is any such row. Beside rows a missing key, or another one, is
refused: what was written under the old key would not be found under a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from releve.files.atomic import create_file
from releve.ledger.models import KeyCheck

__all__ = ["ensure_key", "make_key_file", "stored_key_check"]


def stored_key_check(name: str) -> str | None:
    """Return the check value that stands beside the rows of a key; None = none yet."""
    return KeyCheck.objects.filter(name=name).values_list("value", flat=True).first()


def ensure_key(
    name: str,
    find: Callable[[], str | None],
    make: Callable[[], None],
    used: Callable[[], bool],
    fault: Callable[[str], Exception],
) -> None:
    """Refuse a key that is not the one of the rows; make one where there is neither.

    ``find`` returns the check value of the key that is there, None where there is none; ``used``
    whether rows were written with a key; ``fault`` the error that says what is wrong with it.
    """
    stored, found = stored_key_check(name), find()
    if found is None:
        if stored is not None or used():
            raise fault("is missing")
        make()
        found = find()
        if found is None:
            raise fault("cannot be made")
    if stored is None:
        row, _ = KeyCheck.objects.get_or_create(name=name, defaults={"value": found})
        stored = row.value
    if stored != found:
        raise fault("is not the one that the database was written with")


def make_key_file(path: Path, text: str) -> bool:
    """Write a key into a file that is not there yet; return whether this call wrote it.

    Of two processes that do so at once, both take the key of the first.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return create_file(path, f"{text}\n", mode=0o600)
