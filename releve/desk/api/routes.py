"""How an operation is registered: its method, its door, what it answers, the errors it declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ninja import NinjaAPI

from releve import __version__
from releve.desk.api.auth import Door
from releve.desk.api.errors import answer_failures
from releve.desk.api.schemas import Failure

_F = TypeVar("_F", bound=Callable[..., Any])
_ERRORS = frozenset({400, 401, 403, 404, 409, 422, 429, 503})

api = NinjaAPI(
    title="Relève",
    version=__version__,
    description=(
        "What happens now, who is served, who takes over, what is on record. Send a token as"
        " `Authorization: Bearer …`. Everything is as the reader may see it on the pages."
    ),
    openapi_url=None,
    docs_url=None,
    urls_namespace="api",
)
answer_failures(api)
OPERATIONS: dict[str, tuple[str, Door]] = {}
"""Method and door of each operation, by the name of its address."""


def reads(
    address: str,
    answers: type,
    tag: str,
    permission: str,
    *,
    site: str | None = None,
    client: str | None = None,
) -> Callable[[_F], _F]:
    """Register what is read at an address, and who may; unchanged it is answered by 304."""
    door = Door(permission, site, client)
    return _register("GET", address, {200: answers, 304: None}, tag, door)


def writes(
    address: str,
    answers: Mapping[int, type],
    tag: str,
    permission: str,
    *,
    again: bool = False,
    people: bool = False,
    summary: str | None = None,
    body: dict[str, Any] | None = None,
) -> Callable[[_F], _F]:
    """Register what is done at an address, and who may, as in :class:`Door`.

    ``body`` is the JSON Schema of what is read by hand.
    """
    content = {"required": True, "content": {"application/json": {"schema": body}}}
    extra = None if body is None else {"requestBody": content}
    door = Door(permission, again=again, people=people)
    return _register("POST", address, answers, tag, door, summary=summary, openapi_extra=extra)


def _register(
    method: str,
    address: str,
    answers: Mapping[int, type | None],
    tag: str,
    door: Door,
    **more: Any,
) -> Callable[[_F], _F]:
    def register(operation: _F) -> _F:
        name = f"api_{operation.__name__}"
        OPERATIONS[name] = method, door
        return api.api_operation(
            [method],
            address,
            response={**answers, _ERRORS: Failure},
            url_name=name,
            operation_id=operation.__name__,
            tags=[tag],
            **more,
        )(operation)

    return register
