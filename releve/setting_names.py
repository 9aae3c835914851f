"""Every setting of the environment, by its name: what it means, and what holds where it is not set.

`releve settings` prints them. `releve doctor` compares the environment with this list, so that a misspelt name is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

_INSTALLATION = {
    "HOME": (
        "folder of what the installation keeps, made by `releve init`",
        "`/var/lib/releve` where it is there or root asks, else `~/.local/state/releve`",
    ),
    "DATABASE_URL": ("`postgres://…`", "SQLite in the home folder"),
    "CACHE_DIR": (
        "folder of the compiled kernels",
        "the folder that systemd gives, beside a checkout, or `~/.cache/releve`",
    ),
    "PLAN_FOLDER": ("plan folder to show, written by `releve plan`", ""),
    "LANGUAGE": ("`fr` or `en`: the language where a browser asks for none", "`fr`"),
    "LOG_FORMAT": ("`line`, or `json`: an object a line, with the request's id", "`line`"),
    "DEBUG": ("shows the code of an error: never on a network", "no"),
}
_DESK = {
    "URL": (
        "address of the desk in links, of accounts and of messages",
        "letters name no address; the link of an account starts as the page that shows it, from the command"
        " line with `http://127.0.0.1:8000`, which the command says",
    ),
    "ALLOWED_HOSTS": ("host names that the desk answers to, by commas", "the loopback ones"),
    "HTTPS": ("the desk is reached by HTTPS: cookies and redirects insist on it", "no"),
    "HSTS": ("`subdomains`, or `host` where names below the desk's are reached without HTTPS", "`subdomains`"),
    "PROXIES": ("proxies in front of the desk", "1 with `RELEVE_HTTPS`, else 0"),
    "TRUSTED_ORIGINS": ("origins of forms where a proxy changes the host name, by commas", ""),
    "SECRET_KEY": (
        "secret of at least 32 characters, of sessions, links and second factors",
        "`secret-key` in the home folder",
    ),
    "SECRET_KEY_OLD": ("secrets before it, by commas: their sessions and links go on", ""),
    "SECOND_FACTOR": ("`required` of roles that act, or `optional`", "`required`"),
    "SESSION_HOURS": ("hours after which a sign-in ends", "12"),
    "SESSION_IDLE_MINUTES": ("minutes without a click after which it ends", "60"),
    "OIDC_URL": ("the organisation's OpenID Connect service; the next two belong to it", ""),
    "OIDC_CLIENT_ID": ("name of the desk there", ""),
    "OIDC_SECRET": ("secret of the desk there", ""),
    "OIDC_NAME": ("what the button says", "`SSO`"),
    "OIDC_ROLES": ("it gives accounts, and roles by group, by a table that two administrators approve", "no"),
    "OIDC_GROUPS": ("its claim that says the groups", "`groups`"),
    "OIDC_SESSION_MINUTES": ("minutes after which a sign-in through it ends, to ask it again", "480"),
    "API_PER_MINUTE": ("requests to the API a reader or program may make, by all processes together", "600"),
    "OPEN": ("no sign-in, for this machine alone: set by `releve desk serve --open`", "no"),
    "OPEN_ACTS": ("such a desk also acts on a made-up operator: set by `--act`", "no"),
}
_KEYS = {
    "LEDGER_KEY": ("private key that signs the ledger's roots", "`ledger.key` in the home folder"),
    "LEDGER_NEXT_KEY": ("private key that `releve ledger rotate` takes where the one before is not in a file", ""),
    "LEDGER_ORIGIN": (
        "name of this ledger in its checkpoints, as `desk.example/ledger`: never changed",
        "made of its first entry",
    ),
    "GATE_KEY": ("key of the pseudonyms of called people", "`gate.key` in the home folder"),
    "GATE_CALLERS": (
        "who may ask the gate: `NAME=SECRET:CAMPAIGN,CAMPAIGN;NAME=SECRET:*`",
        "programs of this machine alone",
    ),
    "IDENTITY_KEY": ("key of the names behind pseudonyms", "pseudonyms only"),
    "IDENTITY_FILE": ("file of those names, best on another disk", "`identity/names.box` in the home folder"),
    "ERASE_WAIT_SECONDS": ("an erasure waits so long for others before it cleans the files", "5"),
    "BACKUP_TO": (
        "public keys of age (`age1…`, by commas) that backups and the journal are encrypted to",
        "no journal",
    ),
    "OUTSIDE": ("where roots and the journal leave to: a folder of another machine, `https://…` or `mailto:…`", ""),
    "OUTSIDE_SECRET": ("signs what goes to the address", ""),
    "OUTSIDE_PRIVATE": ("allow private addresses and plain HTTP", "no"),
    "PACK_CERTIFICATE": ("PKCS #12 file whose key signs packs too", ""),
    "PACK_PASSWORD": ("password of that file", ""),
    "PACK_TIMESTAMP": ("address of an authority (RFC 3161) that stamps packs", ""),
    "CLERK_OF": ("association whose clerk this installation is", ""),
    "CLERK_TOKEN": ("secret that the clerk gave this member, shown with what is sent to it", ""),
}
_WAYS = {
    "SMTP_HOST": ("server that sends mail", "no mail is sent"),
    "SMTP_PORT": ("its port", "587, 465 or 25"),
    "SMTP_SECURITY": ("`starttls`, `tls` or `none`", "`starttls`"),
    "SMTP_USER": ("account there", ""),
    "SMTP_PASSWORD": ("its password", ""),
    "MAIL_FROM": ("sender of all mail", ""),
    "APPRISE_URL": ("an apprise address of the SMS gateway, with `{address}` and, if it takes one, `{key}`", ""),
    "APPRISE_QUIET": (
        "when that service holds messages back, as `22:00-08:00` or `22:00-08:00 weekends`, or `none`;"
        " `releve doctor` names it",
        "OVH without `noStopClause=true`: `22:00-08:00 weekends`",
    ),
    "SELF_TEST": (
        "addresses that get a message each night, to know that it comes: `email=ops@example.org,apprise=+212…`",
        "no message",
    ),
    "REPLIES": (
        "how messages can be [answered as they came](messages.md#answers-by-sms-by-a-key-and-by-mail): of"
        " `twilio`, `vonage`, `infobip`, `voice`, `mail`, by commas",
        "by the link alone",
    ),
    **{
        f"REPLY_{name.upper()}_SECRET": (f"secret of the gateway `{name}`", "")
        for name in ("twilio", "vonage", "infobip", "voice")
    },
    "REPLY_ADDRESS": ("mailbox of replies by mail", ""),
    "IMAP_HOST": ("server of that mailbox", ""),
    "IMAP_PORT": ("its port", "993, or 143"),
    "IMAP_SECURITY": ("`tls`, `starttls` or `none`", "`tls`"),
    "IMAP_USER": ("account there", ""),
    "IMAP_PASSWORD": ("its password", ""),
    "IMAP_FOLDER": ("folder that is read", "`INBOX`"),
    "ROUTING": (
        "[adapters](telephony.md) by commas: `amazon-connect`, `file_csv`, `genesys-cloud`, `kamailio`, `lookup`,"
        " `webhook`",
        "`file_csv`",
    ),
    "GENESYS_REGION": ("domain of the [Genesys Cloud](telephony.md) organisation, as `mypurecloud.ie`", ""),
    "GENESYS_TABLE": ("id of its data table of routes", ""),
    "GENESYS_CLIENT_ID": ("OAuth client there, of client credentials", ""),
    "GENESYS_SECRET": ("secret of that client", ""),
    "CONNECT_REGION": ("region of the [Amazon Connect](telephony.md) instance, as `eu-west-3`", ""),
    "CONNECT_INSTANCE": ("id of the instance", ""),
    "CONNECT_TABLE": ("id of its data table of routes", ""),
    "CONNECT_KEY_ID": ("access key that may list, create and update its values", ""),
    "CONNECT_SECRET": ("secret of that key", ""),
    "ROUTING_FILE": ("file of routes", "`routing/routes.csv` in the home folder"),
    "LOOKUP_FILE": (
        "file of routes from which [exchanges that ask](telephony.md#an-exchange-that-asks) are answered",
        "`routing/lookup.csv` in the home folder",
    ),
    "LOOKUP_SECRET": ("what those exchanges show", ""),
    "WEBHOOK_URL": ("address that receives the routes", ""),
    "WEBHOOK_SECRET": ("signs them", ""),
    "WEBHOOK_PRIVATE": ("allow private addresses and plain HTTP", "no"),
    "EVENTS_PRIVATE": ("allow private addresses and plain HTTP to [webhooks of events](api.md#webhooks)", "no"),
    "KAMAILIO_PROXIES": (
        "`NAME=URL,FILE;…`: the JSON-RPC address and the dispatcher list of each [SIP proxy](proxy.md)",
        "",
    ),
    "KAMAILIO_SECRET": ("RPC_SECRET of those proxies", ""),
    "CALL_RECORDS": ("folders of [call records of proxies](service-record.md#records-of-a-proxy), by commas", ""),
    "FEEDS": ("folder of the [feeds](feeds.md) of tables, rosters and intervals", "`feeds` in the home folder"),
    "STATISTICS_FOLDER": (
        "folder of sources of [interval statistics](service-record.md)",
        "`statistics` in the home folder",
    ),
}
_LIVE = {
    "ESCALATE_MINUTES": ("minutes to wait for an answer", "15"),
    "NO_ANSWER_ABSENT_HOURS": (
        "who has not answered at any address is absent for shifts that begin within so many"
        " hours ([Absences](live.md#absences-and-activities)); 0: never",
        "4",
    ),
    "OFFICE_HOURS": (
        "when a lead is at work, by the operator's clocks ([Who leads](live.md#who-leads))",
        "`Mon-Sat 07:00-21:00`",
    ),
    "ALERT_MINUTES": ("minutes from one call of an alert to the next", "5"),
    "HOLD_HOURS": ("messages wait for a lead where work starts so many hours ahead", "4"),
    "HOLD_MINUTES": ("for so many minutes at most", "30"),
    "CLIENT_CONTACT": (
        "whom clients call, by name and number: on the page and in the messages of each",
        "nothing is said",
    ),
    "CRISIS_CONTACT": (
        "whom the house calls while something is lost, by name and number: on *Now*, on the pages of lost sites and in"
        " the messages to site leads",
        "nothing is said",
    ),
    "NEWS_MINUTES": ("minutes until the next news that a client's message promises", "60"),
    "RELIEF_MOVES": (
        "which moves a relief makes ([Who is notified of what](live.md#who-is-notified-of-what)):"
        " `balanced`, `few` or `coverage`",
        "`balanced`",
    ),
    "LEASE_SECONDS": ("seconds for which a worker holds an effect", "30"),
}
_PARTS = {
    "The installation": _INSTALLATION,
    "The desk": _DESK,
    "Keys, backups, proofs, an association": _KEYS,
    "Ways out of the house, and in": _WAYS,
    "The live chain": _LIVE,
}
SETTINGS: Mapping[str, tuple[str, str]] = {
    f"RELEVE_{name}": row for part in _PARTS.values() for name, row in part.items()
}


def find_unknown_settings(names: Iterable[str]) -> dict[str, str]:
    """Return the names of ours that no setting has, each with the one that was meant; empty: none is near."""
    unknown = sorted(name for name in names if name.startswith("RELEVE_") and name not in SETTINGS)
    return {name: next(iter(get_close_matches(name, SETTINGS, 1, 0.8)), "") for name in unknown}


def settings_markdown() -> str:
    """Return the page of all settings."""
    lines = ["# Settings", "", "Printed by `releve settings`. All are variables of the environment, read when a"]
    lines += ["process starts: under systemd from `/etc/releve/releve.env`. `releve doctor` names a misspelt one."]
    for title, rows in _PARTS.items():
        lines += ["", f"## {title}", "", "| variable | meaning | where it is not set |", "|---|---|---|"]
        lines += [f"| `RELEVE_{name}` | {says} | {default} |" for name, (says, default) in rows.items()]
    return "\n".join(lines).replace("](", "](../") + "\n"  # it stands in docs/made
