"""What several operations share: the stream asked for, ids in addresses, numbers as JSON."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Path, Query
from pydantic import WithJsonSchema

from releve.desk.live.streams import find_stream
from releve.desk.places.stream_context import StreamContext, load_stream_context

StreamName = Annotated[
    str,
    Query(
        description="live, or a drill that goes on, for those who work in it",
        pattern=r"^(live|drill:[0-9]{1,9})$",
    ),
]
Ref = Annotated[
    str,
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^([A-Za-z0-9_:-]|~[0-9A-F]{2})+$",
            "description": "The id; bytes other than letters, digits, - _ : are written as ~20",
        }
    ),
    Path(),
]
Number = Annotated[int, Path(ge=1, le=2**31 - 1)]


def asked(request: HttpRequest, stream: str) -> StreamContext:
    """Return the moment of the stream asked for; NoSuch where it is not there for the reader."""
    return load_stream_context(find_stream(request, stream))
