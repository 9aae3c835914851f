"""One telephony system for each adapter: what it holds, and how it is changed, lost or found by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from releve.routing import Adapter, Generation
from releve.routing.amazon_connect import AmazonConnect
from releve.routing.file_csv import FileCsv
from releve.routing.genesys_cloud import GenesysCloud
from releve.routing.kamailio import KamailioProxy
from releve.routing.lookup import Lookup
from releve.routing.webhook import Webhook
from tests.routing.cloud_tables import CLIENT, INSTANCE, SIGNER, TABLE, CloudTable, running_connect, running_genesys
from tests.routing.generations import generation
from tests.routing.receivers import SECRET, proxying, receiving

ADDRESSES = {"casa-1": "sip:10.0.0.1:5060", "rabat-1": "sip:10.0.0.2:5060;transport=tcp", "home": "sip:10.0.0.3:5060"}


def addressed(number: int = 1, *, closed: str = "", casa: float = 12.0) -> Generation:
    """A generation with addresses, of which callers dial one programme."""
    made = generation(number, closed=closed, casa=casa)
    return replace(made, addresses=ADDRESSES, dialled={"azur-sinistres": ("+33162000001", "+33162000002")})


@dataclass(frozen=True)
class TelephonySystem:
    """``read`` returns what routes calls, ``disturb`` changes it as a person would; ``lose`` makes it unreachable and
    ``find`` reachable again; ``refuse`` has it refuse us, None where nothing there can."""

    adapter: Adapter
    read: Callable[[], str]
    disturb: Callable[[], None]
    lose: Callable[[], None]
    find: Callable[[], None]
    refuse: Callable[[], None] | None = None


@contextmanager
def run_file(folder: Path, build: Callable[[Path], FileCsv] = FileCsv) -> Iterator[TelephonySystem]:
    path, away = folder / "out" / "routes.csv", folder / "away"

    def disturb() -> None:
        path.write_text(path.read_text(encoding="utf-8").replace("0.6000", "0.5999"), encoding="utf-8")

    def lose() -> None:
        path.parent.rename(away)
        path.parent.write_text("a file where the folder was", encoding="utf-8")

    def find() -> None:
        path.parent.unlink()
        away.rename(path.parent)

    def read() -> str:
        return path.read_text(encoding="utf-8") if path.exists() else ""

    yield TelephonySystem(build(path), read, disturb, lose, find)


def run_lookup(folder: Path) -> AbstractContextManager[TelephonySystem]:
    return run_file(folder, lambda path: Lookup(path, SECRET))


@contextmanager
def run_webhook(folder: Path) -> Iterator[TelephonySystem]:
    with receiving() as receiver:

        def answer(status: int) -> Callable[[], None]:
            return lambda: setattr(receiver, "status", status)

        yield TelephonySystem(
            Webhook(httpx.URL(receiver.url), SECRET, private=True),
            lambda: json.dumps(receiver.last),
            lambda: receiver.acted.update(foreign={**receiver.last, "digest": "0" * 64}),
            answer(503),
            answer(200),
            answer(403),
        )


@contextmanager
def run_kamailio(folder: Path) -> Iterator[TelephonySystem]:
    with proxying(folder / "dispatcher.list") as proxy:

        def disturb() -> None:
            proxy.loaded = proxy.loaded.replace("rweight=60", "rweight=59")

        yield TelephonySystem(
            KamailioProxy("paris", proxy.url, SECRET, proxy.path),
            lambda: proxy.loaded,
            disturb,
            lambda: setattr(proxy, "away", True),
            lambda: setattr(proxy, "away", False),
            lambda: setattr(proxy, "secret", "another"),
        )


def genesys_of(table: CloudTable) -> GenesysCloud:
    url = httpx.URL(table.url)
    return GenesysCloud(url, url, TABLE, CLIENT, SECRET, private=True)


def connect_of(table: CloudTable) -> AmazonConnect:
    return AmazonConnect(httpx.URL(table.url), INSTANCE, TABLE, SIGNER, private=True)


def _wrap_table(table: CloudTable, adapter: Adapter) -> TelephonySystem:
    def answer(status: int) -> Callable[[], None]:
        return lambda: setattr(table, "status", status)

    def disturb() -> None:
        table.put("azur-sinistres", table.rows["azur-sinistres"].replace("0.6000", "0.5999"))

    return TelephonySystem(adapter, lambda: json.dumps(table.rows), disturb, answer(503), answer(200), answer(403))


@contextmanager
def run_genesys(folder: Path) -> Iterator[TelephonySystem]:
    with running_genesys() as table:
        yield _wrap_table(table, genesys_of(table))


@contextmanager
def run_connect(folder: Path) -> Iterator[TelephonySystem]:
    with running_connect() as table:
        yield _wrap_table(table, connect_of(table))


SYSTEMS = {
    "amazon-connect": run_connect,
    "file_csv": run_file,
    "genesys-cloud": run_genesys,
    "kamailio": run_kamailio,
    "lookup": run_lookup,
    "webhook": run_webhook,
}
