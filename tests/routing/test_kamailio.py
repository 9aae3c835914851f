"""The list of a proxy: written, read back, refused; and calls in over TLS."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
from collections import Counter
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from releve import routing
from releve.network import parse_sip_address, sample_operator
from releve.routing.kamailio import KamailioProxy, ProxySettings, build_proxy_files
from releve.routing.kamailio.dispatcher_list import build_targets, compute_set_id, parse_listing, write_list
from tests.routing.generations import NOON, generation, nothing_open, publish, small_operator
from tests.routing.receivers import SECRET, FakeProxy, fake, listing
from tests.routing.sip_bench import ProxyProcess, SipPhone, needs_sip, random_host
from tests.routing.systems import ADDRESSES, addressed
from tests.test_scripts import need, run

__all__ = ["fake"]


@pytest.fixture
def adapter(fake: FakeProxy) -> KamailioProxy:
    return KamailioProxy("paris", fake.url, SECRET, fake.path)


def test_a_generation_is_written_loaded_and_read_back(adapter: KamailioProxy, fake: FakeProxy) -> None:
    done = publish(adapter, addressed(7), key="k")
    seen = adapter.observe()
    assert seen is not None
    assert (seen.number, seen.digest, seen.whole) == (7, done.digest, True)
    assert seen.routes is not None
    weights = {place: row.weight for (_, place), row in seen.routes.items()}
    assert weights == {"casa-1": 0.6, "rabat-1": 0.3, "home": 0.1}
    first = fake.loaded.splitlines()[3]
    assert first.startswith(f"{compute_set_id('azur-sinistres')} sip:10.0.0.1:5060 32 3 rweight=60;")


def test_a_closed_place_is_disabled_and_has_no_weight(adapter: KamailioProxy, fake: FakeProxy) -> None:
    publish(adapter, addressed(closed="casa-1"), key="k")
    (closed,) = [line for line in fake.loaded.splitlines() if "10.0.0.1" in line]
    assert closed.split(" ")[2] == "4"
    assert "rweight" not in closed


def test_what_the_proxy_found_dead_is_carried_over_and_kept_apart_from_our_wish(
    adapter: KamailioProxy, fake: FakeProxy
) -> None:
    publish(adapter, addressed(1), key="k")
    fake.flags["sip:10.0.0.3:5060"] = "IP"
    publish(adapter, addressed(2, casa=11.0), key="k2")
    assert " 9 " in next(line for line in fake.loaded.splitlines() if "10.0.0.3" in line)
    seen = adapter.observe()
    assert seen is not None
    assert seen.whole
    assert seen.dead_places == ("home",)
    assert seen.routes is not None
    assert seen.routes["azur-sinistres", "home"].open


def test_only_the_addresses_open_to_a_programme_are_pinged_once_each(adapter: KamailioProxy, fake: FakeProxy) -> None:
    publish(adapter, addressed(closed="casa-1"), key="k")
    pinged = [line.split(" ")[1] for line in fake.loaded.splitlines() if line.startswith("0 ")]
    assert pinged == [ADDRESSES["rabat-1"], ADDRESSES["home"]]
    assert all(line.split(" ")[2] in ("32", "4") for line in fake.loaded.splitlines()[2:])
    fake.loaded = "".join(fake.loaded.splitlines(keepends=True)[1:])
    seen = adapter.observe()
    assert seen is not None
    assert not seen.whole


def test_an_empty_set_is_never_published(adapter: KamailioProxy, fake: FakeProxy) -> None:
    with pytest.raises(routing.EmptySet):
        publish(adapter, replace(nothing_open(), addresses=ADDRESSES), key="k")
    nowhere = replace(addressed(), routes={"brise-ventes": addressed().routes["brise-ventes"]})
    with pytest.raises(routing.Rejected, match="azur-sinistres is dialled and no place has a SIP address"):
        publish(adapter, replace(nowhere, addresses={}), key="k")
    assert fake.methods == []
    assert not fake.path.exists()
    publish(adapter, nowhere, key="k")
    seen = adapter.observe()
    assert seen is not None
    assert seen.routes is not None
    assert seen.whole
    assert {row.open for row in seen.routes.values()} == {False}
    assert {place for _, place in seen.routes} == set(ADDRESSES)


def test_a_place_with_agents_and_without_an_address_is_refused(adapter: KamailioProxy) -> None:
    known = {name: uri for name, uri in ADDRESSES.items() if name != "home"}
    with pytest.raises(routing.Rejected, match="home has agents of azur-sinistres and no SIP address"):
        publish(adapter, replace(addressed(), addresses=known), key="k")


def test_a_list_cut_or_changed_by_hand_is_found_out(adapter: KamailioProxy, fake: FakeProxy) -> None:
    publish(adapter, addressed(3), key="k")
    whole = fake.loaded
    for changed in (
        "".join(whole.splitlines(True)[1:]),
        whole.replace("rweight=60", "rweight=50"),
        whole.replace("10.0.0.1", "10.9.9.9"),
        whole.replace("gen=3", "gen=4", 1),
        f"77{whole}",
        "5 sip:10.0.0.1:5060 0 1 rweight=100\n",
        "",
    ):
        fake.loaded = changed
        seen = adapter.observe()
        assert seen is not None
        assert not seen.whole, changed


def test_a_reload_in_progress_is_tried_again(adapter: KamailioProxy, fake: FakeProxy) -> None:
    fake.busy = True
    with pytest.raises(routing.Unreachable, match="the proxy did not do"):
        publish(adapter, addressed(), key="k")
    fake.busy = False
    publish(adapter, addressed(), key="k")
    seen = adapter.observe()
    assert seen is not None
    assert seen.whole


def test_a_proxy_that_is_away_starts_with_what_was_wanted_last(tmp_path: Path) -> None:
    away = KamailioProxy("paris", "http://127.0.0.1:9/rpc", SECRET, tmp_path / "list")
    with pytest.raises(routing.Unreachable):
        publish(away, addressed(4), key="k")
    assert "gen=4" in away.path.read_text(encoding="utf-8")
    with pytest.raises(routing.Stale, match="holds generation 4 already"):
        publish(away, addressed(3), key="k")


def test_an_older_generation_is_refused_by_what_the_proxy_holds(adapter: KamailioProxy, fake: FakeProxy) -> None:
    publish(adapter, addressed(5), key="k")
    with pytest.raises(routing.Stale, match="holds generation 5 already"):
        publish(adapter, addressed(4), key="k")
    assert "gen=5" in fake.loaded


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_secret_that_is_refused_is_not_tried_again(fake: FakeProxy, adapter: KamailioProxy, status: int) -> None:
    with pytest.raises(routing.Rejected, match="403"):
        KamailioProxy("paris", fake.url, "wrong" * 8, fake.path).observe()
    fake.status = status
    with pytest.raises(routing.Rejected, match=str(status)):
        adapter.observe()


@given(st.dictionaries(st.sampled_from(sorted(ADDRESSES)), st.floats(0.1, 500), min_size=1))
def test_hundredths_add_up_and_stay_within_one_of_the_exact_share(people: dict[str, float]) -> None:
    routes = {"azur": routing.compute_shares(people, frozenset())}
    made = routing.Generation("live", 1, NOON, routes, ADDRESSES, frozenset({"azur"}))
    weights = {one.place: one.weight for one in build_targets(made)}
    assert sum(weights.values()) == 100
    total = sum(people.values())
    for place, count in people.items():
        assert abs(weights.get(place, 0) - 100 * count / total) < 1.02


def test_ids_with_any_character_survive_the_list() -> None:
    odd = {"azur sinistres;é=%": generation().routes["azur-sinistres"]}
    made = replace(addressed(), routes=odd, dialled=dict.fromkeys(odd, ("+33162000001",)))
    targets = build_targets(made)
    seen, dead = parse_listing(listing(write_list(targets, 1)))
    assert seen.whole
    assert dead == frozenset()
    assert seen.routes is not None
    assert ("azur sinistres;é=%", "home") in seen.routes


def test_five_hundred_programmes_have_sets_of_their_own() -> None:
    assert len({compute_set_id(f"programme-{number}") for number in range(500)}) == 500


def test_proxies_come_from_the_environment_each_with_a_name(tmp_path: Path) -> None:
    environ = {
        "RELEVE_ROUTING": "file_csv,kamailio",
        "RELEVE_KAMAILIO_SECRET": SECRET,
        "RELEVE_KAMAILIO_PROXIES": "a=http://10.0.0.1:8090/rpc,/srv/a; b=http://10.0.0.2:1/rpc,/b",
    }
    names = [one.name for one in routing.build_adapters(environ, tmp_path)]
    assert names == ["file_csv", "kamailio:a", "kamailio:b"]
    for wrong in ("", "a=http://x/rpc", "A=http://x/rpc,/b", "a=ftp://x,/b", "a=http://u@x/,/b",
                  "a=http://x/rpc,b", "a=http://x/rpc,/b;a=http://y/rpc,/c"):  # fmt: skip
        with pytest.raises(ImproperlyConfigured, match="RELEVE_KAMAILIO_PROXIES"):
            routing.build_adapters({**environ, "RELEVE_KAMAILIO_PROXIES": wrong}, tmp_path)
    with pytest.raises(ImproperlyConfigured, match="SECRET is needed"):
        routing.build_adapters({**environ, "RELEVE_KAMAILIO_SECRET": ""}, tmp_path)


def settings(**changed: Any) -> ProxySettings:
    named = (parse_sip_address(f"10.0.0.9:{port}") for port in (5060, 5070, 8090))
    return ProxySettings(*named, **changed)


def test_a_configuration_holds_the_numbers_sites_and_carriers_of_the_tables() -> None:
    operator = small_operator(address="10.1.0.1:5060", trunk="198.51.100.7:5060")
    files = build_proxy_files(operator, settings())
    text = files["kamailio.cfg"]
    assert f"$sht(set=>33162000001) = {compute_set_id('azur')};" in text
    assert 'is_in_subnet("$si", "198.51.100.7/32")' in text
    assert "@@" not in text.replace("proxy@@", "").replace("$var(number)@@", "")
    assert files["dispatcher.list"].count("rweight=50") == 2
    assert "tls" not in text.partition("request_route")[0].replace("tcp_accept_no_cl", "")
    secure = build_proxy_files(operator, settings(tls=("/etc/a.pem", "/etc/a.key")))
    assert 'loadmodule "tls.so"' in secure["kamailio.cfg"]


def test_the_sample_operator_has_all_that_a_proxy_needs() -> None:
    operator = sample_operator(600, 6, 1, weeks_of_history=0)
    text = build_proxy_files(operator, settings())["kamailio.cfg"]
    kinds = Counter(row.kind for row in operator.programmes)
    assert text.count("$sht(set=>") - text.count("$sht(set=>$var") == kinds["inbound"]
    assert text.count("$sht(mandate=>") - text.count("$sht(mandate=>$var") == kinds["outbound"]
    assert len(routing.list_addresses(operator)) == len(operator.sites) + 1


def test_systemd_takes_the_unit_and_leaves_it_little(tmp_path: Path) -> None:
    unit = tmp_path / "releve-proxy.service"
    text = build_proxy_files(small_operator(address="10.1.0.1:5060"), settings())[unit.name]
    unit.write_text(text.replace("/usr/sbin/kamailio", "/bin/true"), encoding="utf-8")
    tool = need("systemd-analyze")
    assert str(unit) not in run(tool, "verify", "--man=no", unit)
    run(tool, "security", "--offline=true", "--threshold=25", unit)


def test_an_outbound_number_is_mandated_for_its_campaigns_alone() -> None:
    operator = small_operator(
        address="10.1.0.1:5060", kind="outbound", trunk="198.51.100.7:5060", campaigns=("spring", "autumn")
    )
    inbound = small_operator(address="10.1.0.1:5060").programmes[0]
    both = replace(operator, programmes=(*operator.programmes, replace(inbound, id="in")))
    text = build_proxy_files(both, settings())["kamailio.cfg"]
    assert '$sht(mandate=>33162000001|spring) = "sip:198.51.100.7:5060";' in text
    assert "$sht(campaign=>33162000001)" not in text, "which of the two has to be named"
    lacking = replace(operator.programmes[0], trunk="")
    with pytest.raises(routing.Rejected, match="shows numbers and has no trunk"):
        build_proxy_files(replace(operator, programmes=(lacking,)), settings())


@pytest.mark.parametrize(
    "changed",
    [{"gate": 'http://x/gate"'}, {"gate": "ftp://x"}, {"country": "0"}, {"folder": "etc"},
     {"diallers": ("nowhere",)}, {"outbound": parse_sip_address("10.0.0.9:5060")}],
)  # fmt: skip
def test_a_setting_that_could_not_stand_in_the_configuration_is_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        replace(settings(), **changed)


needs_tls = pytest.mark.skipif(
    not any(Path("/usr/lib").glob("*/kamailio/modules/tls.so")),
    reason="no TLS in Kamailio: apt-get install kamailio-tls-modules",
)


def make_certificate(folder: Path, host: str) -> tuple[str, str, str]:
    """Return the files of an authority, of a certificate for an address and of its key."""
    now = datetime.datetime.now(datetime.UTC)

    def build(name: str, issuer: str, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(hours=1))
            .not_valid_after(now + datetime.timedelta(hours=1))
        )

    authority, own = (ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1()))
    root = build("authority", "authority", authority.public_key()).add_extension(
        x509.BasicConstraints(ca=True, path_length=0), critical=True
    )
    named = build("proxy", "authority", own.public_key()).add_extension(
        x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False
    )
    pem = serialization.Encoding.PEM
    texts = {
        "authority.pem": root.sign(authority, hashes.SHA256()).public_bytes(pem),
        "proxy.pem": named.sign(authority, hashes.SHA256()).public_bytes(pem),
        "proxy.key": own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    }
    for name, text in texts.items():
        (folder / name).write_bytes(text)
    first, second, third = (str(folder / name) for name in texts)
    return first, second, third


class TlsCaller:
    """A caller by hand, over one connection that it verifies."""

    def __init__(self, proxy: ProxyProcess, authority: str) -> None:
        context = ssl.create_default_context(cafile=authority)
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # a trial authority names no key ids
        self.host, _, self.port = proxy.inbound.partition(":")
        plain = socket.create_connection((self.host, int(self.port)), timeout=10)
        self.socket = context.wrap_socket(plain, server_hostname=self.host)
        self.me = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self._left = ""

    def send(self, method: str, uri: str, cseq: int, tag: str, *more: str) -> None:
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/TLS {self.me};branch=z9hG4bK{method}{cseq}",
            f"From: <sip:+33611111111@{self.me}>;tag=mine",
            f"To: <sip:+33162000001@{self.host}>{tag}", "Call-ID: secure", f"CSeq: {cseq} {method}",
            f"Contact: <sip:a@{self.me};transport=tls>", "Max-Forwards: 70", *more,
            "Content-Length: 0", "", "",
        ]  # fmt: skip
        self.socket.sendall("\r\n".join(lines).encode())

    def answer(self) -> str:
        """Return the next final answer."""
        while True:
            while "\r\n\r\n" not in self._left:
                self._left += self.socket.recv(65536).decode()
            text, _, self._left = self._left.partition("\r\n\r\n")
            if re.match(r"SIP/2.0 [2-6]", text):
                return text


@pytest.mark.slow
@needs_sip
@needs_tls
def test_a_call_comes_in_over_tls_talks_and_ends(tmp_path: Path) -> None:
    host = random_host()
    authority, certificate, key = make_certificate(tmp_path, host)
    site = SipPhone(tmp_path, "site")
    proxy = ProxyProcess(tmp_path / "proxy", small_operator(address=site.address), host=host, tls=(certificate, key))
    try:
        site.start("site.xml")
        proxy.start()
        with pytest.raises(ssl.SSLCertVerificationError):
            ssl.create_default_context().wrap_socket(
                socket.create_connection((host, int(proxy.inbound.partition(":")[2])), timeout=10), server_hostname=host
            )
        caller = TlsCaller(proxy, authority)
        caller.send("INVITE", f"sip:+33162000001@{proxy.inbound};transport=tls", 1, "")
        good = caller.answer()
        assert good.startswith("SIP/2.0 200"), good
        tag = re.search(r"^To: .*(;tag=\S+)", good, re.M)[1]  # type: ignore[index]
        contact = re.search(r"^Contact: *<([^>]+)>", good, re.M)[1]  # type: ignore[index]
        routes = [f"Route: {one}" for one in re.findall(r"^Record-Route: *(.+?)\r?$", good, re.M)]
        assert "transport=tls" in routes[0] + routes[-1]
        caller.send("ACK", contact, 1, tag, *routes)
        caller.send("BYE", contact, 2, tag, *routes)
        assert caller.answer().startswith("SIP/2.0 200")
        assert len(site.new_calls) == 1
        caller.socket.close()
    finally:
        proxy.kill()
        site.stop()


def test_an_address_over_tls_asks_for_a_certificate(tmp_path: Path) -> None:
    with pytest.raises(routing.Rejected, match="--tls-certificate"):
        ProxyProcess(tmp_path, small_operator(address="10.1.0.1:5061;transport=tls"))
    with pytest.raises(routing.Rejected, match="is over TCP, and the proxy listens by TLS"):
        ProxyProcess(tmp_path, small_operator(address="10.1.0.1:5060;transport=tcp"), tls=("/a.pem", "/a.key"))
