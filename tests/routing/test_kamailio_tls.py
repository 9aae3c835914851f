"""Calls in over TLS, by a certificate of an authority of our own, and on to a site over UDP."""

from __future__ import annotations

import datetime
import re
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from releve.routing import Rejected
from tests.routing.sip_bench import ProxyProcess, SipPhone, needs_sip, random_host
from tests.routing.small_operator import small_operator

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
    with pytest.raises(Rejected, match="--tls-certificate"):
        ProxyProcess(tmp_path, small_operator(address="10.1.0.1:5061;transport=tls"))
    with pytest.raises(Rejected, match="is over TCP, and the proxy listens by TLS"):
        ProxyProcess(tmp_path, small_operator(address="10.1.0.1:5060;transport=tcp"), tls=("/a.pem", "/a.key"))
