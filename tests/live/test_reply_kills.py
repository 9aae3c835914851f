"""``kill -9`` of web and worker, breaks of mailbox, mail server and SMS gateway amid answers: each answer once.

4 kills during 12 answers; ``RELEVE_TEST_KILLS=100`` makes it longer.
"""

from __future__ import annotations

import http.client
import json
import os
import random
import threading
import time
from collections import Counter
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from releve.live.reply_gateways import sign_twilio
from tests.ledger.ledger_processes import create_installation
from tests.live.imap import Mailbox, imap_server
from tests.live.killed_house import LONGEST_SECONDS, House, Nursery, house_of, nursery_of, set_clock, wait_until
from tests.live.sms import sms_gateway
from tests.live.smtp import mail_server

KILLS = int(os.environ.get("RELEVE_TEST_KILLS", "4"))
ANSWERS = 12
SEED = 11
SECRET = "correct horse battery staple 2026"
URL = "https://desk.example.org"
WORDS = {"yes": "Oui", "no": "Non", "late": "2", "": "Je ne sais pas encore"}
"""What is answered, and how it is written; the last is not understood."""


def write_contacts(agents: list[str]) -> str:
    """Return a file of contacts in which every other agent has a number, the others a mailbox."""
    rows = [
        f"agent,{agent},apprise,{find_number(agent)},fr" if at % 2 else f"agent,{agent},email,{agent}@example.org,fr"
        for at, agent in enumerate(agents)
    ]
    return "\n".join(["role,who,channel,address,language", *rows, ""])


def find_number(agent: str) -> str:
    return f"+2126{int(agent[1:]):08d}"


def post_until_taken(house: House, agent: str, text: str, name: str) -> None:
    """Post an SMS as its gateway does: again until it is taken, and once more, as if that had not been heard."""
    fields = {"From": find_number(agent), "To": "+33700000000", "Body": text, "MessageSid": name}
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    headers["X-Twilio-Signature"] = sign_twilio(f"{URL}/replies/twilio", fields, SECRET)
    taken, until = 0, time.monotonic() + LONGEST_SECONDS
    while taken < 2:
        assert time.monotonic() < until, "an SMS was never taken"
        try:
            connection = http.client.HTTPConnection("127.0.0.1", house.port, timeout=20)
            connection.request("POST", "/replies/twilio", urlencode(fields), headers)
            status = connection.getresponse().status
            assert status in (200, 429, 503), status
            taken += status == 200
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        if status != 200:
            time.sleep(0.1)


def put_mail(box: Mailbox, row: dict[str, Any], text: str) -> None:
    for number in range(2):  # a mail server that delivers twice
        mail = EmailMessage()
        mail["From"] = f"{row['agent']}@example.org"
        mail["To"] = f"replies+{row['token']}@example.org"
        mail["Message-ID"] = f"<{row['agent']}@phone.example>"
        mail["X-Copy"] = str(number)
        mail.set_content(text)
        box.put(mail.as_bytes())


def look(nursery: Nursery, path: Path) -> dict[str, Any]:
    nursery.do("check_replies", str(path))
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.mark.slow
@pytest.mark.database
@pytest.mark.postgresql
def test_killed_amid_answers_each_is_taken_once_and_no_person_is_replaced_twice(tmp_path: Path) -> None:
    luck = random.Random(SEED)
    with (
        create_installation(tmp_path) as environ, sms_gateway() as sms, mail_server() as mails, imap_server() as box,
    ):  # fmt: skip
        environ |= {
            **set_clock(),
            "RELEVE_LEASE_SECONDS": "2",
            "RELEVE_URL": URL,
            "RELEVE_APPRISE_URL": sms.url,
            "RELEVE_SMTP_HOST": "127.0.0.1",
            "RELEVE_SMTP_PORT": mails.url.rpartition(":")[2],
            "RELEVE_SMTP_SECURITY": "none",
            "RELEVE_MAIL_FROM": "releve@example.org",
            "RELEVE_REPLIES": "twilio,mail",
            "RELEVE_REPLY_TWILIO_SECRET": SECRET,
            "RELEVE_REPLY_ADDRESS": "replies@example.org",
            "RELEVE_IMAP_HOST": "127.0.0.1",
            "RELEVE_IMAP_PORT": str(box.port),
            "RELEVE_IMAP_SECURITY": "none",
            "RELEVE_IMAP_USER": "replies",
            "RELEVE_IMAP_PASSWORD": "a password",
        }
        with nursery_of(environ) as nursery:
            nursery.do("prepare", str(tmp_path / "made.json"))
            made = json.loads((tmp_path / "made.json").read_text(encoding="utf-8"))
            (tmp_path / "contacts.csv").write_text(write_contacts(made["agents"]), encoding="utf-8")
            nursery.do("address", str(tmp_path / "contacts.csv"))
            with house_of(nursery) as house:
                wait_until(lambda: house.read("/healthz", made["token"])[0], LONGEST_SECONDS, "no desk")
                house.record_outage(made)
                nursery.do("settle")
                rows = [
                    row for row in look(nursery, tmp_path / "notified.json")["messages"] if row["open"] and row["sent"]
                ]
                said = dict(zip([row["message"] for row in rows], list(WORDS) * ANSWERS, strict=False))
                rows = [row for row in rows if row["message"] in list(said)[:ANSWERS]]
                assert {row["channel"] for row in rows} == {"apprise", "email"}
                threads = [
                    threading.Thread(target=post_until_taken, args=(house, row["agent"], text, f"SM{row['message']}"))
                    for row in rows
                    if (text := WORDS[said[row["message"]]]) and row["channel"] == "apprise"
                ]
                for thread in threads:
                    thread.start()
                for row in rows:
                    if row["channel"] == "email":
                        put_mail(box, row, WORDS[said[row["message"]]])
                for number in range(KILLS):
                    box.drop_before = luck.choice(["STORE", "EXPUNGE", "BODY.PEEK", ""])
                    sms.broken, mails.refuse = luck.random() < 0.5, luck.choice(["", "451 later"])
                    time.sleep(luck.uniform(0.0, 0.6))
                    house.kill("web" if number % 2 else "worker")
                box.drop_before, sms.broken, mails.refuse = "", False, ""
                for thread in threads:
                    thread.join()
                wait_until(lambda: not box.mails, LONGEST_SECONDS, "mails are not read")
                nursery.do("settle")
                house.end()
            found = look(nursery, tmp_path / "found.json")
            nursery.do("check", str(tmp_path / "whole.json"))
        whole = json.loads((tmp_path / "whole.json").read_text(encoding="utf-8"))
    after = {row["message"]: row for row in found["messages"]}
    print(f"{KILLS} kills, {len(rows)} answers, {whole['again']} effects begun again, {box.sessions} looks by IMAP")
    print(f"{len(whole['generations'])} reliefs, {len(sms.sent)} SMS of {sms.asked} asked for")
    for row in rows:
        answer, now = said[row["message"]], after[row["message"]]
        assert (now["answer"], now["unclear"]) == (answer, answer == ""), "each answer is the one that was given"
        assert now["answered"] == (answer != ""), "and is in the ledger once"
        spans = Counter(tuple(span) for span in now["absences"])
        assert len(now["absences"]) == len(spans) == (now["shifts"] if answer == "no" else 0), "one absence a shift"
        assert now["working"] == (answer != "no")
    assert Counter(outcome for _, outcome in found["receipts"]) == {
        "taken": sum(said[row["message"]] != "" for row in rows),
        "unclear": sum(said[row["message"]] == "" for row in rows),
    }
    gone = [row for row in rows if said[row["message"]] == "no"]
    assert sum(row["substituted"] for row in after.values()) <= len(gone), "no person is replaced twice"
    hints = [row for key, row in sms.sent.items() if key.endswith("-hint")]
    assert len(hints) == sum(said[row["message"]] == "" and row["channel"] == "apprise" for row in rows)
    assert whole["broken"] == [], "the chain verifies"
    assert whole["twice"] == [], "each result is recorded once"
    assert whole["effects"] == {"done": sum(whole["effects"].values())}, whole["errors"]
    assert whole["generations"] == list(range(1, len(whole["generations"]) + 1))
