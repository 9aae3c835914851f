"""A decider: one connection to the database, with its cache of campaign facts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from releve.gate.campaign_cache import CampaignCache
from releve.gate.connections import GateConnection
from releve.gate.decision import PendingQuestion, decide_group
from releve.gate.errors import DatabaseUnavailable, KeyFault, Restored
from releve.gate.key_checks import check_key
from releve.gate.protocol import Question, Reply, refuse_unjudged
from releve.ledger.errors import LedgerBehind
from releve.ledger.rollback import TRUSTED_SECONDS
from releve.outbound import LegalRules

__all__ = ["PROBE", "Decider"]

PROBE = Question("+33100000000", "-", "no-call", 0)
"""A question without a campaign: all is looked up that could be, and nothing decided."""

_log = logging.getLogger("releve.gate")


class Decider:
    """One connection, and what is kept of campaigns; for one group of questions at a time.

    ``check`` raises where the database is behind its ledger; it runs in a thread, after each
    opening and once every TRUSTED_SECONDS from then on.
    """

    def __init__(
        self,
        law: Callable[[], Awaitable[LegalRules]],
        opened: Callable[[float], GateConnection],
        seconds: float,
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self._law, self._opened, self._seconds = law, opened, seconds
        self._check, self._checked = check, 0.0
        self._store: GateConnection | None = None
        self._commons = CampaignCache()

    async def answer(self, asked: Sequence[PendingQuestion]) -> list[Reply]:
        """Answer questions; whatever goes wrong refuses.

        Where one of them sinks the group, each is answered alone.
        """
        if time.monotonic() > max(one.deadline for one in asked):
            return [refuse_unjudged("GATE-LATE")] * len(asked)
        try:
            if self._store is None:  # the server may be waited for
                self._store = await self._open()
            elif time.monotonic() >= self._checked + TRUSTED_SECONDS:
                await self._check_ledger()
            return await decide_group(self._store, asked, await self._law(), self._commons)
        except DatabaseUnavailable as error:
            _log.warning("the database does not answer: %s", error)
            self.close()
            return [refuse_unjudged("GATE-DATABASE")] * len(asked)
        except KeyFault as error:
            _log.error("every call is refused: %s", error)
            self.close()
            return [refuse_unjudged("GATE-KEY")] * len(asked)
        except Restored as error:
            _log.error("every call is refused: %s", error)
            self.close()
            return [refuse_unjudged("GATE-RESTORED")] * len(asked)
        except LedgerBehind as error:
            _log.error("every call is refused: %s", error)
            self.close()
            return [refuse_unjudged("GATE-BEHIND")] * len(asked)
        except Exception:
            if len(asked) > 1:
                return [reply for one in asked for reply in await self.answer([one])]
            _log.exception("a question could not be answered")
            self.close()
            return [refuse_unjudged("GATE-FAULT")]
        except BaseException:  # broken off: answers may be on their way
            self.close()
            raise

    async def _open(self) -> GateConnection:
        """Return a connection to rows of this process's key, read since any restore."""
        store = await asyncio.to_thread(self._opened, self._seconds)
        try:
            await self._check_ledger()
            await check_key(store)
            if await store.is_unread_since_restore():
                raise Restored("a backup was put back; read the registers again: docs/backup.md")
        except BaseException:
            store.close()
            raise
        return store

    async def _check_ledger(self) -> None:
        """Refuse a database that is behind its ledger; one that does not say so in time too."""
        limit = 2 * self._seconds
        try:
            await asyncio.wait_for(asyncio.to_thread(self._check), limit)
        except TimeoutError as error:
            raise DatabaseUnavailable(f"its ledger could not be read within {limit} s") from error
        self._checked = time.monotonic()

    async def warm_up(self) -> None:
        """Connect, read the law and look something up, so that the first call does not wait."""
        until = time.monotonic() + self._seconds
        await self.answer([PendingQuestion(PROBE, until)])

    def close(self) -> None:
        """Give the connection up: the next question opens a new one."""
        store, self._store = self._store, None
        if store is not None:
            store.close()
