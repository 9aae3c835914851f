"""The two adapters of cloud telephony against stand-ins made from the vendors' published descriptions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.template.loader import render_to_string
from django.utils import translation

from releve.network import UTC
from releve.routing import Adapter, Rejected, Stale, Unreachable, build_adapters, data_table, genesys_cloud
from releve.routing.aws_signature import Signer
from tests.routing.cloud_tables import CloudTable, running_connect, running_genesys
from tests.routing.generations import publish
from tests.routing.receivers import SECRET
from tests.routing.systems import addressed, connect_of, genesys_of

Pair = tuple[CloudTable, Adapter]
CLOUDS: dict[str, tuple[Callable[[], AbstractContextManager[CloudTable]], Callable[[CloudTable], Adapter]]] = {
    "genesys-cloud": (running_genesys, genesys_of),
    "amazon-connect": (running_connect, connect_of),
}


@pytest.fixture(params=sorted(CLOUDS))
def cloud(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(data_table, "_PAUSED", {})
    monkeypatch.setattr(genesys_cloud, "_TOKENS", {})
    run, build = CLOUDS[request.param]
    with run() as table:
        yield table, build(table)


def test_a_closure_is_read_in_the_row_that_a_flow_looks_up(cloud: Pair) -> None:
    table, adapter = cloud
    publish(adapter, addressed(1), key="1")
    assert table.rows["azur-sinistres"] == "casa-1=0.6000;home=0.1000;rabat-1=0.3000"
    publish(adapter, addressed(2, closed="casa-1"), key="2")
    assert table.rows["azur-sinistres"] == "casa-1=closed;home=0.2500;rabat-1=0.7500"
    publish(adapter, addressed(3), key="3")
    assert table.rows["azur-sinistres"] == "casa-1=0.6000;home=0.1000;rabat-1=0.3000"


def test_rows_that_do_not_change_are_not_written(cloud: Pair) -> None:
    table, adapter = cloud
    publish(adapter, addressed(1), key="1")
    before = table.writes
    publish(adapter, addressed(2, casa=4.0), key="2")
    assert table.writes == before + 2, "the head and the one programme"


def test_a_publication_cut_off_is_not_whole_refuses_older_ones_and_is_mended(cloud: Pair) -> None:
    table, adapter = cloud
    publish(adapter, addressed(1), key="1")
    table.broken_after = table.writes + 1
    with pytest.raises(Unreachable):
        # Amazon's batch of rows comes after the head's own request, as Genesys' next row does
        publish(adapter, addressed(3, closed="casa-1"), key="3")
    table.broken_after = None
    seen = adapter.observe()
    assert seen is not None
    assert (seen.number, seen.whole) == (3, False)
    with pytest.raises(Stale, match="holds generation 3"):
        publish(adapter, addressed(2), key="2")
    publish(adapter, addressed(3, closed="casa-1"), key="3")
    seen = adapter.observe()
    assert seen is not None
    assert seen.whole


def test_a_programme_that_is_gone_is_retired_and_counts_no_more(cloud: Pair) -> None:
    table, adapter = cloud
    publish(adapter, addressed(1), key="1")
    table.put("closed-account", "casa-1=1.0000")
    publish(adapter, addressed(2), key="2")
    assert table.rows["closed-account"] == "-"
    seen = adapter.observe()
    assert seen is not None
    assert seen.whole
    assert adapter.plan(addressed(2), seen).changes == ()


def test_too_many_requests_are_waited_for_without_another_one(cloud: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    table, adapter = cloud
    publish(adapter, addressed(1), key="1")
    table.status, table.retry_after = 429, "30"
    with pytest.raises(Unreachable, match=r"answered 429: .* in 30 s"):
        adapter.observe()
    table.status, asked = 200, len(table.calls)
    with pytest.raises(Unreachable, match="asked to wait"):
        adapter.observe()
    assert len(table.calls) == asked
    monkeypatch.setattr(data_table, "_PAUSED", dict.fromkeys(data_table._PAUSED, 0.0))
    assert adapter.observe() is not None


def test_a_refusal_names_what_was_asked_and_its_fix(cloud: Pair) -> None:
    table, adapter = cloud
    for status, fix in ((403, "role|allow"), (404, "_TABLE"), (400, "routes")):
        table.status = 200
        adapter.observe()
        table.status = status
        with pytest.raises(Rejected, match=fix) as caught:
            adapter.observe()
        assert SECRET not in str(caught.value)


def test_a_value_changed_between_reading_and_writing_is_read_again_and_named() -> None:
    with running_connect() as table:
        adapter = connect_of(table)
        publish(adapter, addressed(1), key="1")
        held, table.meddle = dict(table.rows), True
        with pytest.raises(Unreachable, match=r"rows _releve were not written"):
            publish(adapter, addressed(2, closed="casa-1"), key="2")
        assert table.rows == held
        table.meddle = False
        publish(adapter, addressed(2, closed="casa-1"), key="2")
        assert "casa-1=closed" in table.rows["azur-sinistres"]


def test_one_token_serves_until_it_is_refused() -> None:
    with running_genesys() as table:
        publish(genesys_of(table), addressed(1), key="1")
        genesys_of(table).observe()
        assert len(table.tokens) == 1
        table.tokens.append("token of another process")
        genesys_of(table).observe()
        assert len(table.tokens) == 3


@pytest.mark.parametrize(
    ("method", "query", "headers", "body", "signature"),
    [
        ("GET", {}, {}, b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        (
            "GET",
            {"Param2": "value2", "Param1": "value1"},
            {},
            b"",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
        (
            "POST",
            {},
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Param1=value1",
            "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        ),
    ],
)
def test_requests_are_signed_as_the_published_test_vectors(
    method: str, query: dict[str, str], headers: dict[str, str], body: bytes, signature: str
) -> None:
    """get-vanilla, get-vanilla-query-order-key-case and post-x-www-form-urlencoded of the suite for version 4."""
    signer = Signer("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
    at = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
    sent = signer.sign(method, "/", query, {"Host": "example.amazonaws.com", **headers}, body, at)
    assert sent["Authorization"].endswith(f"Signature={signature}")
    assert "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request" in sent["Authorization"]


SETTINGS = {
    "genesys-cloud": {"GENESYS_REGION": "mypurecloud.ie", "GENESYS_TABLE": "t-1", "GENESYS_CLIENT_ID": "c-1",
                      "GENESYS_SECRET": SECRET},
    "amazon-connect": {"CONNECT_REGION": "eu-west-3", "CONNECT_INSTANCE": "i-1", "CONNECT_TABLE": "t-1",
                       "CONNECT_KEY_ID": "AKIDEXAMPLE", "CONNECT_SECRET": SECRET},
}  # fmt: skip


@pytest.mark.parametrize("kind", sorted(SETTINGS))
def test_each_setting_is_needed_and_a_secret_is_never_quoted(kind: str, tmp_path: Path) -> None:
    environ = {f"RELEVE_{name}": value for name, value in SETTINGS[kind].items()} | {"RELEVE_ROUTING": kind}
    (adapter,) = build_adapters(environ, tmp_path)
    assert (adapter.name, adapter.tried) == (kind, "description")
    for name in SETTINGS[kind]:
        for wrong in ("", "a/b c?"):
            with pytest.raises(ImproperlyConfigured, match=f"RELEVE_{name}"):
                build_adapters(environ | {f"RELEVE_{name}": wrong}, tmp_path)


def test_the_desk_prints_what_each_adapter_was_tried_against() -> None:
    names = ("amazon-connect", "genesys-cloud", "kamailio:paris", "file_csv", "gone")
    systems = [{"adapter": name, "state": "confirmed"} for name in names]
    with translation.override("en"):
        shown = render_to_string("desk/_systems.html", {"systems": systems})
    assert shown.count("not against the vendor’s service") == 2
    assert shown.count("tried against the real program") == 1
    assert shown.count("tried against the real file") == 1
    assert "()" not in shown
