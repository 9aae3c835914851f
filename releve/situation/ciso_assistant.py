"""The charter as a library of CISO Assistant: a framework of chapters and measures to assess.

Written in French, with the English as its translation; the field names are those of the libraries
that CISO Assistant ships. The result is a plain object, to be written as YAML.
"""

from __future__ import annotations

from typing import Any

from releve.situation.charter import Charter

__all__ = ["build_ciso_library"]

_PREFIX = "urn:releve:risk"
Document = dict[str, Any]


def build_ciso_library(charter: Charter) -> Document:
    """Return the library of a version of the charter: a chapter for each axis, then its measures.

    A library has a whole number for its version: the day in force, as YYYYMMDD.
    """
    name = f"charter-{charter.id}".lower()
    names = {"ref_id": name, "name": f"Charte {charter.id}, version {charter.version}"}
    english = {"en": {"name": f"Charter {charter.id}, version {charter.version}"}}
    return {
        "urn": f"{_PREFIX}:library:{name}",
        "locale": "fr",
        **names,
        "description": charter.source,
        "version": int(f"{charter.valid_from:%Y%m%d}"),
        "provider": "Releve",
        "packager": "Releve",
        "translations": english,
        "objects": {
            "framework": {
                "urn": f"{_PREFIX}:framework:{name}",
                **names,
                "description": charter.source,
                "translations": english,
                "implementation_groups_definition": [
                    {"ref_id": "major", "name": "majeure", "translations": _name_in("major")},
                    {"ref_id": "minor", "name": "mineure", "translations": _name_in("minor")},
                ],
                "requirement_nodes": _list_nodes(charter, f"{_PREFIX}:req_node:{name}"),
            }
        },
    }


def _list_nodes(charter: Charter, urn: str) -> list[Document]:
    nodes: list[Document] = []
    for axis in charter.axes:
        nodes.append({
            "urn": f"{urn}:{axis.id}",
            "assessable": False,
            "depth": 1,
            "ref_id": axis.id,
            "name": axis.title_fr,
            "translations": _name_in(axis.title),
        })  # fmt: skip
        nodes += [
            {
                "urn": f"{urn}:{axis.id}:{measure.id}",
                "assessable": True,
                "depth": 2,
                "parent_urn": f"{urn}:{axis.id}",
                "ref_id": measure.id,
                "description": measure.text_fr,
                "implementation_groups": [measure.severity],
                "translations": {"en": {"description": measure.text}},
            }
            for measure in charter.measures
            if measure.axis == axis.id
        ]
    return nodes


def _name_in(english: str) -> Document:
    return {"en": {"name": english}}
