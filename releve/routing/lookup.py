"""The routes as a file by which the desk answers an exchange that asks for each call.

An exchange with a dial plan of its own (Asterisk, FreeSWITCH) asks by a number or a programme and gets the
addresses to try, in an order drawn by the weights of now. It holds no routes: what is in the file counts from the
next call on, and an exchange that gets no answer takes the default of its dial plan. The file has the columns of
``file_csv``, and each row the address of its place and the numbers of its programme.
"""

from __future__ import annotations

import hmac
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from releve import environment
from releve.network import UTC
from releve.routing.adapter import Tried
from releve.routing.file_csv import FileCsv, parse_text
from releve.routing.generation import COLUMNS, Generation, Rejected

_COLUMNS = (*COLUMNS, "address", "numbers")


def from_environment(environ: Mapping[str, str], home: Path) -> Lookup:
    """Return the adapter from ``RELEVE_LOOKUP_FILE`` and ``…_SECRET``, which the exchanges show."""
    secret = environment.read_secret(environ, "RELEVE_LOOKUP_SECRET")
    if not secret:
        raise ImproperlyConfigured("RELEVE_LOOKUP_SECRET is needed: the exchange shows it")
    name = environment.read_text(environ, "RELEVE_LOOKUP_FILE")
    return Lookup(Path(name) if name else home / "routing" / "lookup.csv", secret)


@dataclass(frozen=True, slots=True)
class LookupTable:
    """A file as it was read: ``places`` are weights and addresses of each programme, by its id and by the digits of
    its numbers; a programme without agents has none."""

    number: int
    places: Mapping[str, tuple[tuple[float, str], ...]]


class Lookup(FileCsv):
    """Publishes to the file, and answers from it."""

    name = "lookup"
    tried: Tried = "stand_in"
    columns = _COLUMNS

    def __init__(self, path: Path, secret: str) -> None:
        super().__init__(path)
        self._secret = secret.encode()

    def admits(self, secret: str) -> bool:
        """Return whether an exchange showed the secret."""
        return hmac.compare_digest(secret.encode(), self._secret)

    def list_rows(self, generation: Generation) -> Sequence[tuple[str, ...]]:
        """Return the rows with addresses and numbers; Rejected where calls could not reach a place with agents."""
        for programme in sorted(generation.dialled):
            for route in generation.routes.get(programme, ()):
                if route.weight and route.place not in generation.addresses:
                    raise Rejected(
                        f"{route.place} has agents of {programme} and no SIP address: write sip_address in"
                        " sites (home_sip_address in operator for work at home)"
                    )
        return [
            (*row, generation.addresses.get(row[1], ""), " ".join(generation.dialled.get(row[0], ())))
            for row in generation.rows
        ]

    def read_table(self) -> LookupTable | None:
        """Return the table of now; None without a file, or where it does not match its own digest.

        It is parsed again when the file was replaced only.
        """
        try:
            seen = self.path.stat()
            return _read_table(self.path, (seen.st_ino, seen.st_mtime_ns, seen.st_size))
        except (OSError, UnicodeDecodeError):
            return None


@lru_cache(maxsize=4)
def _read_table(path: Path, stamp: tuple[int, ...]) -> LookupTable | None:
    """``stamp`` names the state of the file that is read."""
    snapshot, rows = parse_text(path.read_text(encoding="utf-8"), _COLUMNS, datetime.fromtimestamp(0, UTC))
    if not snapshot.whole:
        return None
    found: dict[str, list[tuple[float, str]]] = {}
    keys: dict[str, str] = {}
    for programme, _, _, _, weight, address, numbers in rows:
        keys |= dict.fromkeys((number.lstrip("+") for number in numbers.split()), programme)
        places = found.setdefault(programme, [])
        if float(weight):
            places.append((float(weight), address.removeprefix("sip:")))
    reached = {name: tuple(places) for name, places in found.items() if all(address for _, address in places)}
    by_number = {number: reached[programme] for number, programme in keys.items() if programme in reached}
    return LookupTable(snapshot.number, {**by_number, **reached})


def order_addresses(places: Sequence[tuple[float, str]], draw: Callable[[], float] = random.random) -> list[str]:
    """Return the addresses in an order drawn by weight: each stands first as often as its share says.

    Efraimidis and Spirakis (2006): the largest of u^(1/weight), u uniform, is a draw by weight, the next largest a
    draw among the others.
    """
    drawn = [(draw() ** (1 / weight), address) for weight, address in places]
    return [address for _, address in sorted(drawn, reverse=True)]
