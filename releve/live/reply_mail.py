"""Replies by mail: a mailbox of their own, read by IMAP, to which messages ask to be answered.

``RELEVE_REPLY_ADDRESS`` is its address; a message says ``Reply-To: NAME+TOKEN@…``, with the token of its link, and
the mail is to the message of that token. Where a mail program writes to the plain address, the Message-ID that it
answers (``In-Reply-To``) names the message, if the sender is an address of that person. The sender alone never does.
What an out-of-office program or a list sends is no answer. A mail that answers a message is deleted once its answer
is stored; others stay, as read, for people. IMAP and not a mail server of our own, since every house has a mailbox,
and what comes while the worker is down waits there.
"""

from __future__ import annotations

import email
import imaplib
import logging
import os
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import default
from email.utils import getaddresses, parseaddr

from releve import environment
from releve.live.errors import MailboxFault
from releve.live.replies import find_by_letter, find_by_token, take_answer_once
from releve.live.reply_gateways import MAIL, find_mail_fault, list_promised
from releve.live.reply_words import read_mail_answer

SECONDS = 15.0
"""Between two looks into the mailbox."""
_TIMEOUT_SECONDS = 10
_LONGEST_BYTES = 1024**2
_MOST = 200
"""Mails that are read in one look."""
_PORTS = {"tls": 993, "starttls": 143, "none": 143}
_log = logging.getLogger("releve.live")


def read_reply_mail() -> int:
    """Take the answers of all mails that are unread; return how many mails were read."""
    if MAIL not in list_promised() or find_mail_fault():
        return 0
    try:
        with _open_mailbox() as box:
            _, found = box.uid("SEARCH", "UNSEEN")
            uids = found[0].split() if found and found[0] else []
            for uid in uids[:_MOST]:
                _take_mail(box, uid.decode())
            if uids:
                box.expunge()
    except (imaplib.IMAP4.error, OSError) as error:
        raise MailboxFault(f"the mailbox of replies: {type(error).__name__}") from error
    return len(uids[:_MOST])


@contextmanager
def _open_mailbox() -> Iterator[imaplib.IMAP4]:
    host = environment.read_text(os.environ, "RELEVE_IMAP_HOST")
    security = environment.read_choice(os.environ, "RELEVE_IMAP_SECURITY", ("tls", "starttls", "none"))
    port = environment.read_number(os.environ, "RELEVE_IMAP_PORT", _PORTS[security])
    box: imaplib.IMAP4
    if security == "tls":
        box = imaplib.IMAP4_SSL(host, port, ssl_context=ssl.create_default_context(), timeout=_TIMEOUT_SECONDS)
    else:
        box = imaplib.IMAP4(host, port, timeout=_TIMEOUT_SECONDS)
    try:
        if security == "starttls":
            box.starttls(ssl.create_default_context())
        box.login(environment.read_text(os.environ, "RELEVE_IMAP_USER"), os.environ["RELEVE_IMAP_PASSWORD"])
        folder = environment.read_text(os.environ, "RELEVE_IMAP_FOLDER", "INBOX")
        status, _ = box.select(f'"{folder}"')
        if status != "OK":
            raise MailboxFault("the mailbox of replies has no folder RELEVE_IMAP_FOLDER")
        yield box
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            box.logout()
        with suppress(OSError):  # where it broke, logging out has left it open
            box.shutdown()


def _take_mail(box: imaplib.IMAP4, uid: str) -> None:
    """Take the answer of one mail, then mark it: a kill in between leaves it unread, and its answer is known."""
    content = _fetch(box, uid)
    answered = content is not None and _take_content(content, uid)
    box.uid("STORE", uid, "+FLAGS.SILENT", r"(\Seen \Deleted)" if answered else r"(\Seen)")


def _fetch(box: imaplib.IMAP4, uid: str) -> bytes | None:
    """Return a mail; None where it is too large to be an answer."""
    _, sizes = box.uid("FETCH", uid, "(RFC822.SIZE)")
    size = re.search(rb"RFC822\.SIZE (\d+)", b" ".join(row for row in sizes if isinstance(row, bytes)))
    if size is None or int(size[1]) > _LONGEST_BYTES:
        return None
    _, rows = box.uid("FETCH", uid, "(BODY.PEEK[])")
    return next((row[1] for row in rows if isinstance(row, tuple)), None)


def _take_content(content: bytes, uid: str) -> bool:
    """Return whether a mail is a reply to one of our messages."""
    mail = email.message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    if _is_automatic(mail):
        return False
    found = next((rows for token in _list_tokens(mail) if (rows := find_by_token(token))), {})
    sender = parseaddr(_read_header(mail, "From"))[1]
    found = found or find_by_letter(_list_letter_keys(mail), sender)
    if not found:
        return False
    name = _read_header(mail, "Message-ID") or f"uid:{uid}"
    outcome = take_answer_once(MAIL, name, found, read_mail_answer(_read_text(mail)))
    _log.info("a reply by mail: %s", outcome)
    return True


def _is_automatic(mail: EmailMessage) -> bool:
    auto = _read_header(mail, "Auto-Submitted").partition(";")[0].strip().lower()
    bulk = _read_header(mail, "Precedence").strip().lower() in ("bulk", "auto_reply", "junk", "list")
    return auto not in ("", "no") or bulk or mail.get_content_type() == "multipart/report"


def _list_tokens(mail: EmailMessage) -> list[str]:
    """Return what follows the plus sign of our address in the recipients."""
    own, _, domain = environment.read_text(os.environ, "RELEVE_REPLY_ADDRESS").lower().rpartition("@")
    headers = [_read_header(mail, name) for name in ("To", "Cc", "Delivered-To", "X-Original-To")]
    found = []
    for _name, address in getaddresses([header for header in headers if header]):
        local, _, at = address.rpartition("@")
        if at.lower() == domain and local.lower().startswith(f"{own}+"):
            found.append(local[len(own) + 1 :])
    return found


def _list_letter_keys(mail: EmailMessage) -> list[str]:
    """Return the keys of the letters that a mail answers, of their Message-IDs."""
    return re.findall(
        r"<([0-9a-f-]{36}-\d+)@", f"{_read_header(mail, 'In-Reply-To')} {_read_header(mail, 'References')}"
    )


def _read_header(mail: EmailMessage, name: str) -> str:
    try:
        return str(mail.get(name) or "")
    except (ValueError, IndexError, AttributeError):  # a header that the library cannot read
        return ""


def _read_text(mail: EmailMessage) -> str:
    """Return the plain text of a mail; empty where it has none."""
    try:
        body = mail.get_body(("plain",))
        return "" if body is None else str(body.get_content())
    except (LookupError, ValueError, KeyError):  # an unknown charset
        return ""
