"""Statements sent together and answered together: prepared once, text in and text out, over libpq.

For the few statements of a decision: psycopg's cursors look each value and each row up by its type,
which takes more processor time than the judging.
"""

from __future__ import annotations

import select
from collections.abc import Mapping, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus

if TYPE_CHECKING:
    from psycopg.pq.abc import PGresult

__all__ = ["Pipeline"]

Row = tuple[str | None, ...]
_DONE = (ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK)


class Pipeline:
    """A connection that stays in pipeline mode; for one thread.

    Its methods raise psycopg's errors: OperationalError where the server is gone, or says nothing
    for so many seconds.
    """

    def __init__(self, parameters: Mapping[str, Any], seconds: float) -> None:
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._pg, self._milliseconds = self._connection.pgconn, round(1000 * seconds)
        self._pg.enter_pipeline_mode()
        self._readable, self._writable = select.poll(), select.poll()
        self._readable.register(self._pg.socket, select.POLLIN)
        self._writable.register(self._pg.socket, select.POLLOUT)
        self._prepared: dict[str, bytes] = {}
        self._numbers = count()
        self._sent: list[str | None] = []
        """What was sent and is not answered: a statement to be prepared, or None, one to be run."""

    @property
    def idle(self) -> bool:
        """Return whether no transaction is open, and nothing waits for its answer."""
        return not self._sent and self._pg.transaction_status == TransactionStatus.IDLE

    @property
    def process(self) -> int:
        """Return the id of the server's process."""
        return self._pg.backend_pid

    def send(self, statement: str, values: Sequence[str] = ()) -> None:
        """Send a statement behind those that were sent; its parameters are $1, $2 and so on."""
        name = self._prepared.get(statement)
        if name is None:
            name = self._prepared[statement] = b"s%d" % next(self._numbers)
            self._pg.send_prepare(name, statement.encode())
            self._sent.append(statement)
        self._pg.send_query_prepared(name, [value.encode() for value in values])
        self._sent.append(None)

    def told(self) -> list[list[Row]]:
        """Wait for the answers to all that was sent; return the rows of each statement, in order.

        Raises the error of the first that fails; those behind it are not run.
        """
        self._pg.pipeline_sync()
        while self._pg.flush():
            self._wait(self._writable)
        sent, self._sent = self._sent, []
        found: list[list[Row]] = []
        error: psycopg.Error | None = None
        for preparing in sent:
            result = self._result()
            if result.status not in _DONE:
                error = error or _error(result)
                if preparing is not None:
                    del self._prepared[preparing]
            elif preparing is None:
                found.append(_rows(result))
        self._result()  # the end of what was sent
        if error is not None:
            raise error
        return found

    def _result(self) -> PGresult:
        while (result := self._next()) is None:  # between two statements
            if self._pg.status == ConnStatus.BAD:
                raise psycopg.OperationalError("the server has closed the connection")
        return result

    def _next(self) -> PGresult | None:
        while self._pg.is_busy():
            self._wait(self._readable)
            self._pg.consume_input()
        return self._pg.get_result()

    def _wait(self, until: select.poll) -> None:
        if not until.poll(self._milliseconds):
            raise psycopg.OperationalError("the server does not answer")

    def close(self) -> None:
        """Give the connection up."""
        self._connection.close()


def _rows(result: PGresult) -> list[Row]:
    get, columns = result.get_value, range(result.nfields)
    return [
        tuple(None if (cell := get(row, column)) is None else cell.decode() for column in columns)
        for row in range(result.ntuples)
    ]


def _error(result: PGresult) -> psycopg.Error:
    state = result.error_field(DiagnosticField.SQLSTATE)
    kind = psycopg.OperationalError if state is None else psycopg.errors.lookup(state.decode())
    return kind(result.get_error_message())
