"""Checks of telephony: SIP addresses, numbers, and that a number dialled is of one programme."""

from __future__ import annotations

from collections.abc import Iterator

from releve.errors import Phrase
from releve.network.faults import Fault
from releve.network.parsed_tables import ParsedTables
from releve.network.parsing import BAD
from releve.network.telephony import is_e164, parse_sip_address

__all__ = ["check_telephony"]


def check_telephony(book: ParsedTables) -> Iterator[Fault]:
    """An address can be reached without a name server, and a number dialled leads to one queue."""
    for table, column in (
        ("operator", "home_sip_address"),
        ("sites", "sip_address"),
        ("programmes", "trunk"),
    ):
        yield from _check_addresses(book, table, column)
    yield from _check_numbers(book)


def _check_addresses(book: ParsedTables, table: str, column: str) -> Iterator[Fault]:
    for i, text in book.usable(table, column):
        try:
            _ = text and parse_sip_address(text)
        except ValueError:
            reason = Phrase("is not an IP address and a port")
            fix = Phrase("write it like 10.20.1.4:5060, with ;transport=tcp where it is not UDP")
            yield book.tables[table].fault(i, column, reason, fix)
            book.tables[table].values[column][i] = BAD


def _check_numbers(book: ParsedTables) -> Iterator[Fault]:
    dialled: dict[str, str] = {}
    for i, name, kind, numbers in book.usable("programmes", "id", "kind", "numbers"):
        table = book.tables["programmes"]
        wrong = [number for number in numbers if not is_e164(number)]
        if wrong:
            reason = Phrase("{0!r} is not a number in E.164", wrong[0])
            yield table.fault(i, "numbers", reason, Phrase("write numbers like +33162000001"))
            continue
        for number in numbers if kind == "inbound" else ():
            if dialled.setdefault(number, name) != name:
                reason = Phrase("{0} is already dialled for {1}", number, dialled[number])
                yield table.fault(i, "numbers", reason, Phrase("leave it to one of the two"))
