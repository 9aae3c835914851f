"""Check the address of a webhook: public HTTPS, unless the installation allows private ones."""

from __future__ import annotations

import ipaddress
import socket

import httpx

from releve.routing.errors import Rejected, Unreachable

__all__ = ["pin_address"]


def pin_address(url: httpx.URL, *, private: bool) -> tuple[httpx.URL, str]:
    """Return the URL with its host resolved once, and the host's name for the certificate.

    The connection goes to the address that was checked, so that a name cannot resolve to another
    one in between. :class:`Rejected` when any address of the host is not public and ``private``
    is False, :class:`Unreachable` when the name does not resolve.
    """
    try:
        rows = socket.getaddrinfo(url.host, url.port or None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise Unreachable(f"{url.host} does not resolve") from error
    addresses = sorted({str(row[4][0]) for row in rows}, key=lambda text: ":" in text)
    if not private and not all(_is_public(address) for address in addresses):
        raise Rejected(
            f"{url.host} is a private address: set RELEVE_WEBHOOK_PRIVATE=yes to allow it"
        )
    return url.copy_with(host=addresses[0]), url.host


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_global) and not (mapped or address).is_multicast
