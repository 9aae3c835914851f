"""A plan as one canonical JSON text and back, exactly.

Keys are sorted, no spaces, shortest exact numbers: equal plans give equal bytes, so a digest of the
text names the plan. A list of records is a table (``columns`` and ``rows``); an array is its
``shape`` and flat ``values``; *not known* (NaN) is null; an instant is ISO 8601 in UTC. Placements
stand once in a pool and are referred to by position. The codec follows the declared types of
:class:`releve.plan.result.Plan`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, Final, TypeGuard, Union, get_args, get_origin, get_type_hints

import numpy as np

from releve.errors import ReleveError
from releve.kernels.arrays import Floats
from releve.network.moments import UTC
from releve.plan.result import Placement, Plan

FORMAT: Final = "releve-plan/2"
"""Name and version of the text; a reader refuses any other."""
_WHERE_ANY = frozenset(("home_days", "teams", "causes", "kits", "sudden"))
"""Fields that few plans have: left out where empty, so that other plans keep their bytes."""
_OPTIONAL: Mapping[type, tuple[str, ...]] = {Placement: ("pauses", "duty")}
"""Columns of a table that are left out where no row has a value: plans without split and carried duties."""


class PlanFormatError(ReleveError, ValueError):
    """The text is not a plan in this format; the message says where and why."""


def plan_to_json(plan: Plan) -> str:
    """Return the canonical text of a plan; ValueError for an infinite number or a naive time."""
    writer = _Writer()
    tree = {
        "format": FORMAT,
        "plan": {
            item.name: writer.encode(getattr(plan, item.name), _list_field_types(Plan)[item.name], item.name)
            for item in dataclasses.fields(Plan)
            if item.name not in _WHERE_ANY or getattr(plan, item.name)
        },
        "placements": _encode_table(Placement, tuple(writer.pool), _Writer.plain),
    }
    return json.dumps(tree, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True)


def plan_from_json(text: str) -> Plan:
    """Return the plan of a text made by :func:`plan_to_json`; :class:`PlanFormatError` if not."""
    try:
        tree = json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise PlanFormatError(f"not JSON: {error}") from error
    found = tree.get("format") if isinstance(tree, dict) else None
    if found != FORMAT:
        raise PlanFormatError(f"format is {found!r}, this version reads {FORMAT!r}")
    plain = _Reader(())
    pool = plain.rows(Placement, _get_entry(tree, "placements", ""), "placements")
    reader = _Reader(pool)
    body = _get_entry(tree, "plan", "")
    hints = _list_field_types(Plan)
    unknown = sorted(set(body) - set(hints)) if isinstance(body, dict) else []
    if unknown:
        raise PlanFormatError(f"plan: unknown {', '.join(unknown)}")
    return Plan(
        **{
            name: reader.decode(_get_entry(body, name, "plan"), hint, name)
            for name, hint in hints.items()
            if name not in _WHERE_ANY or name in body
        }
    )


@cache
def _list_field_types(record: type) -> dict[str, Any]:
    declared = get_type_hints(record)
    return {item.name: declared[item.name] for item in dataclasses.fields(record)}


def _is_record(hint: object) -> TypeGuard[type]:
    return isinstance(hint, type) and dataclasses.is_dataclass(hint)


@cache
def _unwrap_optional(hint: Any) -> Any:
    """Return X of ``X | None``, or None when the hint is not of this form."""
    if get_origin(hint) not in (types.UnionType, Union):
        return None
    rest = [part for part in get_args(hint) if part is not type(None)]
    return rest[0] if len(rest) == 1 and len(get_args(hint)) == 2 else None


def _encode_table(record: type, rows: Sequence[Any], encode: Any) -> dict[str, Any]:
    hints = dict(_list_field_types(record))
    for name in _OPTIONAL.get(record, ()):
        if not any(getattr(row, name) for row in rows):
            del hints[name]
    return {
        "columns": list(hints),
        "rows": [
            [encode(getattr(row, name), hint, f"{record.__name__}.{name}") for name, hint in hints.items()]
            for row in rows
        ],
    }


@dataclass
class _Writer:
    """Encodes values by their declared type; ``pool`` numbers the placements as they appear."""

    pool: dict[Placement, int] = field(default_factory=dict)

    @staticmethod
    def plain(value: Any, hint: Any, where: str) -> Any:
        """Encode a value that holds no placement."""
        return _Writer().encode(value, hint, where)

    def encode(self, value: Any, hint: Any, where: str) -> Any:
        inner = _unwrap_optional(hint)
        if value is None and inner is not None:
            return None
        hint = inner or hint
        if hint is str:
            return value
        if hint is Placement:
            return self.pool.setdefault(value, len(self.pool))
        if hint is float:
            return _encode_number(value, where)
        if hint is datetime:
            return _encode_instant(value, where)
        if hint in (int, bool, date):
            return value.isoformat() if hint is date else hint(value)
        if hint == Floats:
            return _encode_array(value, where)
        if _is_record(hint):
            return {
                name: self.encode(getattr(value, name), inner, f"{where}.{name}")
                for name, inner in _list_field_types(hint).items()
            }
        if get_origin(hint) is not None:
            return self._container(value, hint, where)
        return value

    def _container(self, value: Any, hint: Any, where: str) -> Any:
        kind, inner = get_origin(hint), get_args(hint)
        if kind is dict:
            return {key: self.encode(item, inner[1], f"{where}.{key}") for key, item in sorted(value.items())}
        if kind is frozenset:
            return sorted(value)
        if kind is tuple and inner[-1] is not Ellipsis:
            return [self.encode(item, part, where) for item, part in zip(value, inner, strict=True)]
        if kind is tuple and _is_record(inner[0]) and inner[0] is not Placement:
            return _encode_table(inner[0], value, self.encode)
        if kind is tuple:
            return [self.encode(item, inner[0], where) for item in value]
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"{where} must be finite, got {value!r}")
        return value  # a union of plain types, as in the settings


@dataclass(frozen=True)
class _Reader:
    """Decodes what :class:`_Writer` encoded; ``pool`` holds the placements by position."""

    pool: tuple[Placement, ...]

    def decode(self, value: Any, hint: Any, where: str) -> Any:
        inner = _unwrap_optional(hint)
        if value is None and inner is not None:
            return None
        hint = inner or hint
        if hint is str and type(value) is str:
            return value
        try:
            return self._decode(value, hint, where)
        except PlanFormatError:
            raise
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise PlanFormatError(f"{where}: {value!r:.80} is not understood ({error})") from error

    def _decode(self, value: Any, hint: Any, where: str) -> Any:
        if hint is Placement:
            return self.pool[_require_position(value)]
        if hint is float:
            return math.nan if value is None else float(value)
        if hint is datetime:
            return _decode_instant(value)
        if hint is date:
            return date.fromisoformat(value)
        if hint == Floats:
            return np.array(value["values"], dtype=np.float64).reshape(value["shape"])
        if _is_record(hint):
            return hint(
                **{
                    name: self.decode(_get_entry(value, name, where), inner, f"{where}.{name}")
                    for name, inner in _list_field_types(hint).items()
                }
            )
        if get_origin(hint) is not None:
            return self._container(value, hint, where)
        if isinstance(hint, type) and issubclass(hint, StrEnum):
            return hint(value)
        if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
            raise ValueError(f"expected {hint.__name__}")
        return value

    def _container(self, value: Any, hint: Any, where: str) -> Any:
        kind, inner = get_origin(hint), get_args(hint)
        if kind is dict:
            return {str(key): self.decode(item, inner[1], f"{where}.{key}") for key, item in dict(value).items()}
        if kind is frozenset:
            return frozenset(self.decode(item, inner[0], where) for item in value)
        if kind is tuple and inner[-1] is not Ellipsis:
            return tuple(self.decode(item, part, where) for item, part in zip(value, inner, strict=True))
        if kind is tuple and _is_record(inner[0]) and inner[0] is not Placement:
            return self.rows(inner[0], value, where)
        if kind is tuple:
            return tuple(self.decode(item, inner[0], where) for item in value)
        if not isinstance(value, inner):
            raise ValueError(f"expected {' or '.join(part.__name__ for part in inner)}")
        return value

    def rows(self, record: type, table: Any, where: str) -> tuple[Any, ...]:
        hints = _list_field_types(record)
        columns = _get_entry(table, "columns", where)
        left_out = [name for name in _OPTIONAL.get(record, ()) if isinstance(columns, list) and name not in columns]
        hints = {name: hint for name, hint in hints.items() if name not in left_out}
        if columns != list(hints):
            raise PlanFormatError(f"{where}: columns are {columns}, expected {list(hints)}")
        return tuple(
            self._row(record, hints, row, f"{where}[{at}]") for at, row in enumerate(_get_entry(table, "rows", where))
        )

    def _row(self, record: type, hints: Mapping[str, Any], row: Any, where: str) -> Any:
        if not isinstance(row, list) or len(row) != len(hints):
            raise PlanFormatError(f"{where}: expected {len(hints)} values")
        pairs = zip(hints.items(), row, strict=True)
        return record(**{name: self.decode(cell, hint, f"{where}.{name}") for (name, hint), cell in pairs})


def _get_entry(tree: Any, name: str, where: str) -> Any:
    if not isinstance(tree, Mapping) or name not in tree:
        raise PlanFormatError(f"{where + ': ' if where else ''}{name!r} is missing")
    return tree[name]


def _refuse_constant(name: str) -> float:
    raise PlanFormatError(f"{name} is not a number of this format; not known is null")


def _require_position(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("expected a position in the placements")
    return value


def _encode_number(value: float, where: str) -> float | None:
    if math.isnan(value):
        return None
    if math.isinf(value):
        raise ValueError(f"{where} must be finite or NaN, got {value!r}")
    return float(value)


@lru_cache(maxsize=4096)
def _format_instant(value: datetime) -> str:
    exact = value.astimezone(UTC)
    whole = not (exact.second or exact.microsecond)
    text = exact.isoformat(timespec="minutes") if whole else exact.isoformat()
    return text.removesuffix("+00:00") + "Z"


def _encode_instant(value: datetime, where: str) -> str:
    if value.tzinfo is None:
        raise ValueError(f"{where} must carry a time zone, got {value!r}")
    return _format_instant(value)


@lru_cache(maxsize=4096)
def _decode_instant(text: str) -> datetime:
    if not text.endswith("Z"):
        raise ValueError("expected an instant in UTC, ending in Z")
    return datetime.fromisoformat(text)


def _encode_array(value: Floats, where: str) -> dict[str, Any]:
    if np.isinf(value).any():
        raise ValueError(f"{where} must be finite or NaN everywhere")
    flat = [None if math.isnan(item) else item for item in value.ravel().tolist()]
    return {"shape": list(value.shape), "values": flat}
