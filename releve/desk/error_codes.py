"""The code of every error that the desk answers in JSON: a program goes by it, people read the sentence.

A code never changes its meaning, and its status never changes. Codes of faults of an event are those of
:data:`releve.situation.REFUSALS`. ``docs/api.md`` lists all of them, and a test holds it to this table.
"""

from __future__ import annotations

from collections.abc import Mapping

ERROR_CODES: dict[str, tuple[int, str]] = {
    "body.unreadable": (400, "the body is no JSON object"),
    "request.invalid": (400, "the request cannot be read, or is another kind of request"),
    "access.sign_in": (401, "neither a token nor a session was sent"),
    "access.second_factor": (401, "the person’s role takes a second factor"),
    "access.confirm": (401, "a person must prove again who they are"),
    "access.token": (401, "the token is unknown, ended or withdrawn"),
    "access.role": (403, "another role is needed"),
    "access.person": (403, "a person must do this, no program may"),
    "access.csrf": (403, "the form token of a session is missing or wrong"),
    "access.reach": (403, "the role is held for some sites, clients or desks, and this is of none of them"),
    "missing": (404, "it is not there, or not for you"),
    "method": (405, "the address takes other methods"),
    "conflict": (409, "it is not as it would have to be for this"),
    "key.reused": (409, "the `Idempotency-Key` recorded something else before"),
    "ledger.shorter": (409, "the ledger ends before the number in `after`"),
    "precondition": (412, "what is to be changed is not as the sender saw it (`If-Match`)"),
    "body.large": (413, "the body is larger than the address takes"),
    "faults": (422, "a field is wrong, or the event is refused: `faults` names everything at once"),
    "refused": (422, "it cannot be done as asked: `message` says why"),
    "too_many": (429, "too many requests; `Retry-After` says how long to wait"),
    "server": (500, "a fault of the desk, which is logged"),
    "busy": (503, "the database is busy, or a file is still being read; `Retry-After` says how long to wait"),
    "disk.full": (503, "the database’s disk is full"),
    "ledger.behind": (503, "the database is behind its signed roots: nothing is recorded until that is mended"),
    "nothing.yet": (503, "there is no operator, no plan or no key yet"),
}
"""Status and meaning, by code."""

FAULT_CODES: dict[str, str] = {
    "field.missing": "a field that is needed is not there",
    "field.unknown": "a field, column or parameter that there is not",
    "field.own": "a field that the desk sets itself",
    "field.type": "a value of another type, or that cannot be read",
    "field.value": "a value outside its range, length, pattern or list",
    "field.form": "a field of a form on a page",
    "table.row": "the reference data would not be valid",
}
"""Meaning of the codes in ``faults`` that are of no event."""

_BY_STATUS: Mapping[int, str] = {
    400: "request.invalid",
    401: "access.sign_in",
    403: "access.role",
    404: "missing",
    405: "method",
    409: "conflict",
    412: "precondition",
    413: "body.large",
    422: "refused",
    429: "too_many",
    500: "server",
    503: "nothing.yet",
}


def choose_code(status: int, code: str = "", *, faults: bool = False) -> str:
    """Return ``code``, or that of the status where it is empty; ValueError where it is not one of the status."""
    if not code:
        return "faults" if faults and status == 422 else _BY_STATUS[status]
    if ERROR_CODES.get(code, (0,))[0] != status:
        raise ValueError(f"the code of an error of status {status} must be one of ERROR_CODES, got {code!r}")
    return code
