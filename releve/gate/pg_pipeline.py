"""A pipeline of statements over libpq: sent and answered together, prepared once, text in and out.

For the few statements of a decision: psycopg's cursors look each value and each row up by its type,
which takes more processor time than the judging.
"""

from __future__ import annotations

import asyncio
import os
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
    """A connection that stays in pipeline mode; for one task at a time, all of one event loop.

    Its methods raise psycopg's errors: OperationalError where the server is gone, or says nothing
    for so many seconds. It is opened by a thread that may wait.
    """

    def __init__(self, parameters: Mapping[str, Any], seconds: float) -> None:
        self._connection = psycopg.connect(**parameters, autocommit=True)
        self._pg, self._seconds = self._connection.pgconn, seconds
        self._socket = os.dup(self._pg.socket)
        """Its own number of the socket: libpq gives up that of its own whenever it likes."""
        self._pg.enter_pipeline_mode()
        self._prepared: dict[str, bytes] = {}
        self._numbers = count()
        self._sent: list[str | None] = []
        """Messages without an answer yet: a statement to prepare, or None for one to run."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def idle(self) -> bool:
        """Return whether no transaction is open, and nothing waits for its answer."""
        return not self._sent and self._pg.transaction_status == TransactionStatus.IDLE

    @property
    def process(self) -> int:
        """Return the id of the server's process."""
        return self._pg.backend_pid

    def send(self, statement: str, values: Sequence[str | None] = ()) -> None:
        """Send a statement behind those that were sent; its parameters are $1, $2 and so on."""
        name = self._prepared.get(statement)
        if name is None:
            name = self._prepared[statement] = b"s%d" % next(self._numbers)
            self._pg.send_prepare(name, statement.encode())
            self._sent.append(statement)
        given = [None if value is None else value.encode() for value in values]
        self._pg.send_query_prepared(name, given)
        self._sent.append(None)

    async def fetch(self) -> list[list[Row]]:
        """Wait for the answers to all that was sent; return the rows of each statement, in order.

        Raises the error of the first that fails; those behind it are not run.
        """
        self._pg.pipeline_sync()
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._socket, self._arrived)
        sent, self._sent = self._sent, []
        try:
            if self._pg.flush():
                await self._flushed()
            found, error = await self._read(sent)
        except BaseException:
            self.close()  # answers may still be on their way
            raise
        if error is not None:
            raise error
        return found

    async def _read(
        self, sent: Sequence[str | None]
    ) -> tuple[list[list[Row]], psycopg.Error | None]:
        found: list[list[Row]] = []
        error: psycopg.Error | None = None
        for preparing in sent:
            result = await self._result()
            if result.status not in _DONE:
                error = error or _build_error(result)
                if preparing is not None:
                    del self._prepared[preparing]
            elif preparing is None:
                found.append(_parse_rows(result))
        await self._result()  # the end of what was sent
        return found, error

    async def _result(self) -> PGresult:
        while True:
            while self._pg.is_busy():
                await self._wait()
            result = self._pg.get_result()
            if result is not None:
                return result
            if self._pg.status == ConnStatus.BAD:  # else it is the end of one statement
                raise psycopg.OperationalError("the server has closed the connection")

    async def _flushed(self) -> None:
        """Wait until the socket has taken all, while what comes meanwhile is read."""
        assert self._loop is not None
        self._loop.add_writer(self._socket, self._wake)
        while self._pg.flush():
            await self._wait()
        self._loop.remove_writer(self._socket)

    async def _wait(self) -> None:
        assert self._loop is not None
        if self._socket < 0:
            raise psycopg.OperationalError("the server has closed the connection")
        self._waiter = self._loop.create_future()
        timer = self._loop.call_later(self._seconds, self._wake, "the server does not answer")
        try:
            await self._waiter
        finally:
            timer.cancel()
            self._waiter = None

    def _wake(self, error: str = "") -> None:
        if self._waiter is None or self._waiter.done():
            return
        if error:
            self._waiter.set_exception(psycopg.OperationalError(error))
        else:
            self._waiter.set_result(None)

    def _arrived(self) -> None:
        """Read what the server sends, asked for or not."""
        try:
            self._pg.consume_input()
        except psycopg.OperationalError as error:
            self._unwatch()
            self._wake(str(error))
        else:
            if not self._pg.is_busy():
                self._wake()

    def _unwatch(self) -> None:
        """Listen no more; once, since another gets the number."""
        number, self._socket = self._socket, -1
        if number < 0:
            return
        if self._loop is not None and not self._loop.is_closed():
            self._loop.remove_reader(number)
            self._loop.remove_writer(number)
        os.close(number)

    def close(self) -> None:
        """Give the connection up."""
        self._unwatch()
        self._connection.close()


def _parse_rows(result: PGresult) -> list[Row]:
    get, columns = result.get_value, range(result.nfields)
    return [
        tuple(None if (cell := get(row, column)) is None else cell.decode() for column in columns)
        for row in range(result.ntuples)
    ]


def _build_error(result: PGresult) -> psycopg.Error:
    state = result.error_field(DiagnosticField.SQLSTATE)
    try:
        kind = psycopg.OperationalError if state is None else psycopg.errors.lookup(state.decode())
    except KeyError:  # an extension's own
        kind = psycopg.DatabaseError
    return kind(result.get_error_message())
