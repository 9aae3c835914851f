"""The configuration of a proxy, from the operator's programmes, numbers, sites and carriers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from ipaddress import ip_network
from urllib.parse import urlsplit

from releve.network import Operator, Programme, SipAddress, parse_sip_address
from releve.routing.generation import Generation, Rejected, compute_shares, list_addresses, list_dialled
from releve.routing.kamailio.dispatcher_list import build_targets, compute_set_id, write_list

_WORD = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PATH = re.compile(r"/[A-Za-z0-9._/-]+")
ENVIRONMENT = """\
# Secrets of the proxy; readable by its user alone (chmod 640, root:kamailio).
# PROXY_SECRET: openssl rand -hex 32. GATE_SECRET: this proxy's in RELEVE_GATE_CALLERS.
# RPC_SECRET: RELEVE_KAMAILIO_SECRET of Relève.
PROXY_SECRET=
GATE_SECRET=
RPC_SECRET=
"""


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What the operator's tables do not say: the proxy's own addresses, and who may use it.

    ``diallers`` may place calls, ``callers`` deliver calls beside the carriers' trunks, each an
    address or a network. ``tls`` is the certificate and the key where SIP over TLS is wanted.
    ``country`` is the code before a number that begins with a single 0.
    """

    inbound: SipAddress
    outbound: SipAddress
    rpc: SipAddress
    gate: str = "http://127.0.0.1:8070/gate"
    diallers: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    country: str = "33"
    folder: str = "/etc/releve-proxy"
    acc_folder: str = "/var/log/releve-proxy"
    list_file: str = "/var/lib/releve-proxy/dispatcher.list"
    tls: tuple[str, str] | None = None
    children: int = 4
    ring_seconds: float = 60.0

    def __post_init__(self) -> None:
        named = {(one.host, one.port) for one in (self.inbound, self.outbound, self.rpc)}
        if len(named) != 3:
            raise ValueError("inbound, outbound and RPC address must differ")
        if not re.fullmatch("[1-9][0-9]{0,2}", self.country):
            raise ValueError(f"country must be a code like 33, got {self.country!r}")
        for network in (*self.diallers, *self.callers):
            ip_network(network)
        for path in (self.folder, self.acc_folder, self.list_file, *(self.tls or ())):
            if not _PATH.fullmatch(path):
                raise ValueError(f"a path must be absolute and plain, got {path!r}")
        gate = urlsplit(self.gate)
        if gate.scheme not in ("http", "https") or not gate.hostname or re.search(r'["\s?$#]', self.gate):
            raise ValueError(f"gate must be an http address, got {self.gate!r}")


def build_proxy_files(operator: Operator, settings: ProxySettings) -> dict[str, str]:
    """Return the files of a proxy by name: configuration, first list, unit, environment.

    The first list (generation 0) shares the calls equally among all places with an address; it
    serves until the first publication. :class:`Rejected` names what the tables lack.
    """
    _refuse_transports(operator, settings)
    replaced = {
        "FOLDER": settings.folder,
        "ACC_FOLDER": settings.acc_folder,
        "LIST_FILE": settings.list_file,
        "CHILDREN": str(settings.children),
        "GATE_WORKERS": "2",
        "RING_MS": str(int(settings.ring_seconds * 1000)),
        "GATE": settings.gate,
        "COUNTRY": settings.country,
        "INBOUND_HOST": settings.inbound.bracketed,
        "INBOUND_SOCKET": f"udp:{settings.inbound.bracketed}:{settings.inbound.port}",
        "OUTBOUND_HOST": settings.outbound.bracketed,
        "OUTBOUND_PORT": str(settings.outbound.port),
        "OUTBOUND_SOCKET": f"udp:{settings.outbound.bracketed}:{settings.outbound.port}",
        "RPC_HOST": settings.rpc.bracketed,
        "RPC_PORT": str(settings.rpc.port),
        "LISTEN": "\n".join(_list_sockets(settings)),
        "TLS": _write_tls(settings.tls),
        "DIGEST": compute_configuration_digest(operator),
        "TABLES": "\n".join(f"    {line}" for line in _list_tables(operator)),
        "CALLERS": _write_sources((*_list_carriers(operator), *settings.callers)),
        "DIALLERS": _write_sources(settings.diallers),
    }
    return {
        "kamailio.cfg": _fill("proxy.cfg", replaced),
        "releve-proxy.service": _fill("proxy.service", replaced),
        "dispatcher.list": build_first_list(operator),
        "environment": ENVIRONMENT,
    }


def _refuse_transports(operator: Operator, settings: ProxySettings) -> None:
    """Refuse an address over TLS without a certificate, and over TCP where TLS takes its port."""
    own = {settings.inbound.transport, settings.outbound.transport}
    trunks = {parse_sip_address(row.trunk).uri for row in operator.programmes if row.trunk}
    for uri in sorted({*list_addresses(operator).values(), *trunks}):
        if uri.endswith("=tls") and settings.tls is None:
            raise Rejected(f"{uri} wants TLS: give --tls-certificate and --tls-key")
        if uri.endswith("=tls") and "tls" not in own:
            raise Rejected(f"{uri} wants TLS: add ;transport=tls to --inbound and --outbound")
        if uri.endswith("=tcp") and "tls" in own:
            raise Rejected(f"{uri} is over TCP, and the proxy listens by TLS: use one of the two")
    if "tls" in own and settings.tls is None:
        raise Rejected("an address of the proxy is over TLS: give --tls-certificate and --tls-key")


def compute_configuration_digest(operator: Operator) -> str:
    """Return the digest of all that a configuration takes from the operator's tables and from
    this version: its lists may ask for more than an older configuration does."""
    text = "\n".join((_read("proxy.cfg"), *_list_tables(operator)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def build_first_list(operator: Operator) -> str:
    """Return the list of a proxy to which nothing was published yet."""
    addresses, dialled = list_addresses(operator), list_dialled(operator)
    if not dialled:
        return ""
    routes = {}
    for programme in sorted(dialled):
        allowed = operator.programme[programme].allowed_destinations
        places = [
            row.id for row in operator.sites if row.id in addresses and (not allowed or row.destination in allowed)
        ]
        routes[programme] = compute_shares(dict.fromkeys(places, 1.0), frozenset())
    start = datetime(2000, 1, 1, tzinfo=UTC)
    return write_list(build_targets(Generation("live", 1, start, routes, addresses, dialled)), 0)


def _read(name: str) -> str:
    return resources.files("releve.routing.kamailio").joinpath(name).read_text("utf-8")


def _fill(name: str, replaced: Mapping[str, str]) -> str:
    text = _read(name)
    for key, value in replaced.items():
        text = text.replace(f"@@{key}@@", value)
    return text


def _write_socket(address: SipAddress) -> str:
    return f"{address.transport}:{address.bracketed}:{address.port}"


def _list_sockets(settings: ProxySettings) -> Iterator[str]:
    for address in (settings.inbound, settings.outbound):
        # UDP in any case, and TCP unless TLS has its port: for the sites that speak them
        plain = ("udp",) if address.transport == "tls" else ("udp", "tcp")
        for transport in plain:
            yield f"listen={transport}:{address.bracketed}:{address.port}"
        if address.transport == "tls":
            yield f"listen={_write_socket(address)}"
    yield f"listen=tcp:{settings.rpc.bracketed}:{settings.rpc.port}"


def _write_tls(tls: tuple[str, str] | None) -> str:
    if tls is None:
        return ""
    return "\n".join(
        (
            "enable_tls=yes",
            'loadmodule "tls.so"',
            'modparam("tls", "tls_method", "TLSv1.2+")',
            f'modparam("tls", "certificate", "{tls[0]}")',
            f'modparam("tls", "private_key", "{tls[1]}")',
        )
    )


def _list_tables(operator: Operator) -> Iterator[str]:
    """Yield the assignments that tell the proxy which number is whose."""
    for host in sorted(_list_carriers(operator)):
        yield f"$sht(carrier=>{host}) = 1;"
    for programme in operator.programmes:
        if programme.kind not in ("inbound", "outbound"):
            continue
        _refuse_odd(programme.id)
        for number in programme.numbers:
            digits = number.removeprefix("+")
            if programme.kind == "inbound":
                yield f"$sht(set=>{digits}) = {compute_set_id(programme.id)};"
                yield f'$sht(programme=>{digits}) = "{programme.id}";'
            else:
                yield from _list_mandates(programme, digits)


def _list_mandates(programme: Programme, digits: str) -> Iterator[str]:
    if not programme.trunk:
        raise Rejected(f"{programme.id} shows numbers and has no trunk: write it in programmes")
    uri = parse_sip_address(programme.trunk).uri
    campaigns = programme.campaigns or (programme.id,)
    yield f'$sht(programme=>{digits}) = "{programme.id}";'
    if len(campaigns) == 1:
        yield f'$sht(campaign=>{digits}) = "{campaigns[0]}";'
    for campaign in campaigns:
        _refuse_odd(campaign)
        yield f'$sht(mandate=>{digits}|{campaign}) = "{uri}";'


def _refuse_odd(name: str) -> None:
    if not _WORD.fullmatch(name):
        raise Rejected(f"{name!r} cannot stand in a proxy's configuration: letters, digits, . _ -")


def _list_carriers(operator: Operator) -> list[str]:
    trunks = {row.trunk for row in operator.programmes if row.trunk}
    return sorted({parse_sip_address(trunk).bracketed for trunk in trunks})


def _write_sources(networks: tuple[str, ...]) -> str:
    """Return the condition that a request comes from one of some networks; never, of none."""
    tests = [f'is_in_subnet("$si", "{ip_network(one.strip("[]"))}")' for one in networks]
    return " || ".join(tests) or "1 == 0"
