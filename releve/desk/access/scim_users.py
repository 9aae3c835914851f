"""Accounts as SCIM users: which attributes are kept, how they are read and written.

Of what else a directory sends, attributes that are not declared are passed over, and an e-mail address may
be set by a filter that nothing matches yet, as Microsoft Entra does. What may be changed
:mod:`releve.accounts.directory_accounts` decides.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from django.db.models import Q
from scim2_models import (
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    ForbiddenException,
    InvalidValueException,
    Meta,
    NotFoundException,
    Patch,
    Required,
    Resource,
    ResourceType,
    ResponseParameters,
    Schema,
    ScimPolicy,
    ScimProvider,
    SearchRequest,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
    UniquenessException,
)
from scim2_models.path import CompareOperator, Comparison
from scim2_models.urn import URN
from scim2_server.service import ScimService
from scim2_server.storage import ScimStorage, SearchPage

from releve.accounts import directory_accounts
from releve.accounts.directory_accounts import DirectoryUser, NameTaken, NotTheDirectorys, describe_user, list_seen
from releve.accounts.grants import AccessError
from releve.accounts.models import User

_MOST_RESULTS = 200


class Name(ComplexAttribute):
    """The name of a person."""

    given_name: str | None = None
    family_name: str | None = None


class Email(ComplexAttribute):
    """An address of a person; not every one that a directory has is one of the internet, so it is checked later."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class UserResource(Resource[Any]):
    """What is kept of a user: the attributes of the standard's schema that an account has."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Uniqueness.server, Required.true, CaseExact.false] = None
    name: Name | None = None
    display_name: str | None = None
    active: bool | None = None
    emails: list[Email] | None = None

    @classmethod
    def to_schema(cls) -> Schema:
        """Return the schema under the standard's name."""
        found = super().to_schema()
        found.name = "User"
        return found


_PROVIDER = ScimProvider(
    models=[UserResource],
    config=ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=_MOST_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Token",
                description="A token of the role provisioning",
            )
        ],
    ),
    policy=ScimPolicy(
        unknown=ScimPolicy.Unknown.ignore,
        remove_value_as_filter=ScimPolicy.RemoveValue.apply,
        unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    ),
)
SERVICE = ScimService(_PROVIDER)


class AccountStorage(ScimStorage):
    """The accounts as scim2-server reads and writes them; ``by`` is the program that does."""

    def __init__(self, by: str) -> None:
        self.by = by

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        return _build_resource(list_seen().get(pk=_read_number(resource_id)))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        start, wanted = search_request.start_index_0 or 0, search_request.filter
        stop = start + (_MOST_RESULTS if search_request.count is None else search_request.count)
        if wanted is None or (named := _find_by_key(wanted.ast)) is not None:
            rows = list_seen() if wanted is None else list_seen().filter(named)
            return SearchPage(rows.count(), [_build_resource(user) for user in rows[start:stop]])
        found: list[Resource[Any]] = [row for row in map(_build_resource, list_seen()) if wanted.match(row)]
        return SearchPage(len(found), found[start:stop])

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        with _explain_refusals():
            return _build_resource(directory_accounts.make_account(_read_resource(resource), by=self.by))

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        number = _read_number(resource.id or "")
        with _explain_refusals():
            return _build_resource(directory_accounts.change_account(number, _read_resource(resource), by=self.by))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        with _explain_refusals():
            directory_accounts.remove_account(_read_number(resource_id), by=self.by)


def _read_number(resource_id: str) -> int:
    """Return the number of an account that the directory sees."""
    if not resource_id.isascii() or not resource_id.isdecimal() or len(resource_id) > 18:
        raise NotFoundException
    if not list_seen().filter(pk=int(resource_id)).exists():
        raise NotFoundException
    return int(resource_id)


def _find_by_key(node: object) -> Q | None:
    """Return the condition of a search by one name or id, which every change begins with; None for another one."""
    if not isinstance(node, Comparison) or node.op != CompareOperator.eq or node.attr_path.sub_attr is not None:
        return None
    attribute, value = node.attr_path.attr.lower(), node.value
    if not isinstance(value, str) or not value:
        return None
    if attribute == "username":
        return directory_accounts.match_name(value)
    return Q(directory__external_id=value) if attribute == "externalid" else None


def _build_resource(user: User) -> UserResource:
    said, row = describe_user(user), directory_accounts.find_row(user)
    named = Name(given_name=said.given_name or None, family_name=said.family_name or None)
    return UserResource(
        id=str(user.pk),
        external_id=said.external_id or None,
        user_name=said.user_name,
        name=named if said.given_name or said.family_name else None,
        display_name=said.display_name or None,
        active=said.active,
        emails=[Email(**one) for one in said.emails] or None,
        meta=Meta(
            resource_type="User",
            created=user.date_joined,
            last_modified=user.date_joined if row is None else row.changed_at,
        ),
    )


def _read_resource(resource: Resource[Any]) -> DirectoryUser:
    assert isinstance(resource, UserResource)
    named = resource.name or Name()
    given = [{"value": row.value, "type": row.type, "primary": row.primary} for row in resource.emails or ()]
    return DirectoryUser(
        resource.user_name or "",
        resource.external_id or "",
        named.given_name or "",
        named.family_name or "",
        resource.display_name or "",
        tuple({key: value for key, value in row.items() if value is not None} for row in given if row["value"]),
        resource.active,
    )


@contextmanager
def _explain_refusals() -> Iterator[None]:
    """Say in the standard's words why an account is not changed."""
    try:
        yield
    except NameTaken as error:
        raise UniquenessException(detail=str(error)) from error
    except NotTheDirectorys as error:
        raise ForbiddenException(detail=str(error)) from error
    except AccessError as error:
        raise InvalidValueException(detail=str(error)) from error
