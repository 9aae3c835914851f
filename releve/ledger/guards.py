"""Triggers, by which the database itself refuses changes, and the errors of the ledger.

Entries, nodes and roots: no change, no deletion, no TRUNCATE, no replacement. Entries: only the
next number with the hash of the entry before. Roots: only a higher number over more entries.
Personal values: no change but of ``erase_on``, no TRUNCATE; deletion is erasure. Triggers stop
mistakes, an ordinary SQL session and faults of this program. The owner of a database can drop
them: against the owner stand the chain and the roots that were published.

LedgerError
├── AppendOnlyError            an entry, root or node would be changed or deleted
├── DocumentConflict           a document that left stands with other bytes under its name
├── LedgerBehind               the database lacks what left its ledger: nothing is written
├── EntryError                 an entry that cannot be written: the field, the value, the fix
├── LossRefused                a loss that these two people cannot declare
├── OutsideTransactionError    an append outside ``transaction.atomic()``
├── ProofError                 no such entry or root, or the entry is not under the root
├── NothingToSealError         an empty ledger has no root
└── SigningKeyError            the signing key cannot be used
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.backends.base.base import BaseDatabaseWrapper

from releve.errors import ReleveError
from releve.ledger.digests import NO_HASH

_ENTRY, _NODE, _ROOT, _PERSONAL = "ledger_entry", "ledger_node", "ledger_root", "ledger_personal"
_FIXED = (_ENTRY, _NODE, _ROOT)
_KEPT = ("id", "entry_id", "path", "value", "salt", "subject")  # of a personal value

_NOT_NEXT_ENTRY = f"""
    NEW.seq IS DISTINCT FROM (SELECT COALESCE(MAX(seq), 0) + 1 FROM {_ENTRY})
    OR NEW.prev IS DISTINCT FROM
        COALESCE((SELECT hash FROM {_ENTRY} WHERE seq = NEW.seq - 1), '{NO_HASH}')"""
_NOT_NEXT_ROOT = f"""
    NEW.number <= (SELECT COALESCE(MAX(number), 0) FROM {_ROOT})
    OR NEW.size <= (SELECT COALESCE(MAX(size), 0) FROM {_ROOT})"""
_NODE_THERE = f"""
    EXISTS (SELECT 1 FROM {_NODE} WHERE level = NEW.level AND "index" = NEW."index")
    OR EXISTS (SELECT 1 FROM {_NODE} WHERE id = NEW.id)"""
_VALUE_THERE = f"""
    EXISTS (SELECT 1 FROM {_PERSONAL} WHERE entry_id = NEW.entry_id AND path = NEW.path)
    OR EXISTS (SELECT 1 FROM {_PERSONAL} WHERE id = NEW.id)"""
_INSERTS = {
    _ENTRY: (_NOT_NEXT_ENTRY, "ledger: not the next entry of the chain"),
    _ROOT: (_NOT_NEXT_ROOT, "ledger: not the next root"),
    _NODE: (_NODE_THERE, "ledger: this node is there already"),
    _PERSONAL: (_VALUE_THERE, "ledger: this value is there already"),
}


def install_triggers(connection: BaseDatabaseWrapper) -> None:
    _execute_all(connection, _BY_VENDOR[connection.vendor][0]())


def remove_triggers(connection: BaseDatabaseWrapper) -> None:
    """Drop the triggers: for tests, which empty their database, and for a migration undone."""
    _execute_all(connection, _BY_VENDOR[connection.vendor][1]())


def _execute_all(connection: BaseDatabaseWrapper, statements: Iterable[str]) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


# SQLite: INSERT OR REPLACE deletes without asking a trigger, so every insert is looked at first.
def _sqlite_install() -> Iterable[str]:
    for table in _FIXED:
        yield _sqlite_trigger(table, "UPDATE", "", f"ledger: {table} is append-only")
        yield _sqlite_trigger(table, "DELETE", "", f"ledger: {table} is append-only")
    columns = f"UPDATE OF {', '.join(_KEPT)}"
    yield _sqlite_trigger(_PERSONAL, columns, "", "ledger: a personal value can be erased, not changed")
    for table, (condition, message) in _INSERTS.items():
        yield _sqlite_trigger(table, "INSERT", f"WHEN {condition}", message)


def _sqlite_trigger(table: str, event: str, when: str, message: str) -> str:
    name = f"{table}_{event.split()[0].lower()}"
    return f"CREATE TRIGGER {name} BEFORE {event} ON {table} {when} BEGIN SELECT RAISE(ABORT, '{message}'); END"


def _sqlite_remove() -> Iterable[str]:
    names = [f"{table}_{event}" for table in _FIXED for event in ("update", "delete", "insert")]
    names += [f"{_PERSONAL}_{event}" for event in ("update", "insert")]
    return [f"DROP TRIGGER IF EXISTS {name}" for name in names]


# PostgreSQL: one function says the message; a function a table asks for what needs a query.
def _postgresql_install() -> Iterable[str]:
    yield """
        CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"""
    for table in _FIXED:
        message = f"ledger: {table} is append-only"
        yield _postgresql_trigger(table, "change", "UPDATE OR DELETE", "ROW", message)
        yield _postgresql_trigger(table, "truncate", "TRUNCATE", "STATEMENT", message)
    message = "ledger: a personal value can be erased, not changed"
    yield _postgresql_trigger(_PERSONAL, "change", f"UPDATE OF {', '.join(_KEPT)}", "ROW", message)
    yield _postgresql_trigger(_PERSONAL, "truncate", "TRUNCATE", "STATEMENT", message)
    for table, (condition, message) in _INSERTS.items():
        yield f"""
            CREATE FUNCTION {table}_insert() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN
                IF {condition} THEN
                    RAISE EXCEPTION '{message}' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
            END $$"""
        yield (f"CREATE TRIGGER {table}_insert BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION {table}_insert()")


def _postgresql_trigger(table: str, name: str, event: str, each: str, message: str) -> str:
    return (
        f"CREATE TRIGGER {table}_{name} BEFORE {event} ON {table} "
        f"FOR EACH {each} EXECUTE FUNCTION ledger_refuse('{message}')"
    )


def _postgresql_remove() -> Iterable[str]:
    for table in (*_FIXED, _PERSONAL):
        for name in ("change", "truncate", "insert"):
            yield f"DROP TRIGGER IF EXISTS {table}_{name} ON {table}"
        yield f"DROP FUNCTION IF EXISTS {table}_insert()"
    yield "DROP FUNCTION IF EXISTS ledger_refuse()"


_BY_VENDOR = {"sqlite": (_sqlite_install, _sqlite_remove), "postgresql": (_postgresql_install, _postgresql_remove)}


class LedgerError(ReleveError):
    """The root of what the ledger raises."""


class AppendOnlyError(LedgerError):
    """An attempt to change or delete a row of an append-only table."""


class DocumentConflict(LedgerError):  # noqa: N818 (a state, not a fault of the program)
    """A document that never changes stands with other bytes; nothing was overwritten."""


class EntryError(LedgerError, ValueError):
    """An entry that cannot be written."""


class LedgerBehind(LedgerError):  # noqa: N818 (a state, not a fault of the program)
    """The database lacks entries or roots that are known outside it; nothing was written."""


class LossRefused(LedgerError):  # noqa: N818 (named like the others)
    """A loss that these people cannot declare, or that there is none of."""


class OutsideTransactionError(LedgerError, RuntimeError):
    """An append outside a transaction: the entry and what goes with it could part."""


class ProofError(LedgerError, LookupError):
    """There is no such entry or root, or the entry was added after the root."""


class NothingToSealError(LedgerError):
    """An empty ledger has no root."""


class SigningKeyError(LedgerError):
    """The signing key cannot be read, or is not one."""
