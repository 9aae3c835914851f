"""Telephone numbers (E.164) and addresses of SIP systems, as the operator's tables hold them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

__all__ = ["SipAddress", "is_e164", "parse_sip_address"]

_NUMBER = re.compile(r"\+[1-9][0-9]{5,14}")
_ADDRESS = re.compile(
    r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})"
    r"(?:;transport=(?P<transport>udp|tcp|tls))?"
)


@dataclass(frozen=True, slots=True)
class SipAddress:
    """The address of a SIP system: an IP address, since a name that does not resolve would keep a
    proxy from taking a new list, a port, and ``udp``, ``tcp`` or ``tls``."""

    host: str
    port: int
    transport: str = "udp"

    @property
    def uri(self) -> str:
        """Its SIP URI; the transport is named where it is not UDP."""
        named = "" if self.transport == "udp" else f";transport={self.transport}"
        return f"sip:{self.bracketed}:{self.port}{named}"

    @property
    def bracketed(self) -> str:
        """The IP address, in brackets where it is one of version 6."""
        return f"[{self.host}]" if ":" in self.host else self.host


def parse_sip_address(text: str) -> SipAddress:
    """Return the address of a text like ``10.20.1.4:5060;transport=tcp``, else ValueError."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not 1 <= int(found["port"]) <= 65535:
        raise ValueError(f"{text!r} is not an IP address and a port like 10.20.1.4:5060")
    address = ip_address(found["six"] or found["four"])
    if isinstance(address, IPv6Address) != bool(found["six"]) or address.is_unspecified:
        raise ValueError(f"{text!r} is not an IP address and a port like 10.20.1.4:5060")
    return SipAddress(str(address), int(found["port"]), found["transport"] or "udp")


def is_e164(text: str) -> bool:
    """Return whether a text is a number in E.164: ``+``, country code, at most 15 digits."""
    return _NUMBER.fullmatch(text) is not None
