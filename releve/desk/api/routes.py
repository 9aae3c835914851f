"""How an operation is registered: its method, its door, what it answers, the errors it declares."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ninja import NinjaAPI

from releve import __version__
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
OPERATIONS: dict[str, tuple[str, Callable[..., Any]]] = {}
"""Method and function of each operation, by the name of its address."""


def reads(address: str, answers: type, tag: str) -> Callable[[_F], _F]:
    """Register what is read at an address; unchanged it is answered by 304."""

    def register(operation: _F) -> _F:
        name = f"api_{operation.__name__}"
        OPERATIONS[name] = ("GET", operation)
        api.get(
            address,
            response={200: answers, 304: None, _ERRORS: Failure},
            url_name=name,
            operation_id=operation.__name__,
            tags=[tag],
        )(operation)
        return operation

    return register


def writes(
    address: str,
    answers: Mapping[int, type],
    tag: str,
    *,
    summary: str | None = None,
    body: dict[str, Any] | None = None,
) -> Callable[[_F], _F]:
    """Register what is done at an address; ``body`` is the JSON Schema of what is read by hand."""

    def register(operation: _F) -> _F:
        name = f"api_{operation.__name__}"
        OPERATIONS[name] = ("POST", operation)
        extra = None
        if body is not None:
            content = {"application/json": {"schema": body}}
            extra = {"requestBody": {"required": True, "content": content}}
        api.post(
            address,
            response={**answers, _ERRORS: Failure},
            url_name=name,
            operation_id=operation.__name__,
            summary=summary,
            tags=[tag],
            openapi_extra=extra,
        )(operation)
        return operation

    return register
