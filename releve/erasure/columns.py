"""What each column that can hold text says of people: the one place where it is declared.

A test walks all models and fails on an undeclared column. Columns are named by table; numbers,
dates and booleans need no declaration.
"""

from __future__ import annotations

from collections.abc import Mapping

Columns = Mapping[str, tuple[str, ...]]


def _columns(**tables: str) -> Columns:
    return {table: tuple(names.split()) for table, names in tables.items()}


AGENT = _columns(
    accounts_identityrequest="pseudonym reason",
    association_lentagent="agent",
    ledger_personal="value salt subject",
    live_contact="who address",
    live_message="who about",
    live_plantext="digest text",
    live_reliefday="changes",
    live_shiftlink="agent",
    registry_block="digest data",
    registry_upload="name data",
    runs_rosterdraft="edits",
)
"""Agents, by pseudonym or address, and digests of texts that name them.

Erased at once when the agent is; the room of each table registers in :mod:`releve.erasure`.
"""

EVIDENCE = _columns(gate_decision="agent")
"""Agents, in evidence that a proof covers: kept until its date, and shown before an erasure."""

CALLED = _columns(
    gate_attempt="person ref",
    gate_callback="person ref proof",
    gate_consent="person ref proof wording",
    gate_contract="person ref",
    gate_decision="call_id number stand_in persons named call facts",
    gate_listing="number",
    gate_person="person number address",
    gate_personal="pseudonym value salt",
    gate_personrequest="key content number",
    gate_refusal="person",
    gate_unplaced="ref",
    gate_withdrawal="person consent",
)
"""People who are called, under keyed pseudonyms: erased on their date, and on request by number."""

USER = _columns(
    account_emailaddress="email",
    account_emailconfirmation="key",
    accounts_accountact="by",
    accounts_directoryaccount="user_name external_id display_name emails",
    accounts_factorreset="asked_by reason approved_by",
    accounts_grant="given_by ended_by",
    accounts_grouprole="asked_by approved_by ended_by",
    accounts_identitynotice="by",
    accounts_identityrequest="asked_by allowed_by",
    accounts_subscription="made_by",
    accounts_token="given_by ended_by",
    accounts_user="password username first_name last_name email",
    auth_group="name",
    django_session="session_key session_data",
    gate_load="by",
    gate_personrequest="by",
    ledger_accountname="name",
    live_activation="by",
    live_alert="led_by deputised_by taken_by",
    live_oncall="led_by deputised_by",
    live_calendarlink="account",
    live_clientsetting="changed_by",
    live_message="answered_to released_by",
    live_stream="started_by",
    mfa_authenticator="data",
    registry_filelayout="used_by",
    registry_teleworkestimate="made_by",
    registry_upload="made_by",
    registry_version="made_by",
    runs_feedfile="by closed_by",
    runs_rosterdraft="made_by",
    socialaccount_socialaccount="uid extra_data",
    socialaccount_socialtoken="token token_secret",
    usersessions_usersession="ip session_key user_agent data",
)
"""Users of the desk: kept for the records, accounts are closed; sessions end with the account.

A closed account is erased on request (:mod:`releve.accounts.person_erasure`).
"""

ACCOUNT_NAMES = {
    table: found
    for table, names in USER.items()
    if (found := tuple(name for name in names if name == "by" or name.endswith("_by")))
}
"""Columns of ``USER`` that hold names of accounts: erased, its pseudonym takes a name's place."""

NEUTRAL = _columns(
    accounts_accountact="kind",
    accounts_grant="role sites clients",
    accounts_grouprole="group role sites clients",
    accounts_identitynotice="kind",
    accounts_requestcount="name",
    accounts_deadletter="error",
    accounts_subscription="name url kinds stream secret old_secret error",
    accounts_token="role sites clients name digest",
    association_associationmember="member key mask_key token_digest",
    association_daybulletin="digest text signature closing checkpoint proof",
    association_lentagent="contract",
    association_membership="association member clerk_url clerk_key stated",
    association_monthlydesign="month digest text signature",
    association_owncontribution="digest text signature closing answer found",
    association_ownorder="gate kind digest text signature private answer",
    association_receivedcontribution="member digest text signature",
    association_receivedorder="gate member kind digest text signature",
    association_reliefgate="name text signature state orders clearing result failure",
    association_sparesearch="kind name packages error error_values",
    auth_permission="name codename",
    django_content_type="app_label model",
    gate_abandoned="digest campaign",
    gate_attempt="digest client outcome provider purpose began",
    gate_batch="root leaves",
    gate_callback="digest client objects_named",
    gate_campaign="digest ref client object sector mode purpose origin provider site",
    gate_clientname="key name",
    gate_consent="digest client objects_named items act wording_version collector channel unreadable third_party",
    gate_contract="digest client objects_named",
    gate_cursor="source file",
    gate_decision="campaign client caller rules basis rules_version zones_version began",
    gate_factbatch="table root leaves",
    gate_feedfault="feed file field code",
    gate_listing="digest list",
    gate_load="source digest",
    gate_mandate="digest ref client number",
    gate_person="digest kind",
    gate_personal="what",
    gate_personrequest="said client channel",
    gate_refusal="digest client kind basis",
    gate_ruletable="version texts",
    gate_scrub="digest list client campaign",
    gate_unplaced="digest began",
    gate_watermark="digest feed",
    gate_withdrawal="digest client channel",
    ledger_accountname="pseudonym",
    ledger_entry="stream kind recorded_at nonce body prev hash",
    ledger_head="hash",
    ledger_journalline="box",
    ledger_keycheck="name value",
    ledger_node="hash",
    ledger_outgoing="name content digest receipt",
    ledger_personal="path",
    ledger_root="sealed_at statement signature",
    live_alert="stream sites carriers lead_token deputy_token",
    live_clientsetting="client mode",
    live_contact="role channel language",
    live_oncall="site",
    live_calendarlink="digest",
    live_shiftlink="digest",
    live_effect="stream lane kind key body state claimed_by result error",
    live_idempotencykey="stream key kind answers",
    live_message="stream kind role site token channel answer held",
    live_plantext="aht_s",
    live_relief="stream source lost",
    live_replyreceipt="gateway digest outcome",
    live_reliefday="source",
    live_preparedswitch="stream contingency basis source content body rehearsals",
    live_routes="stream content body switch",
    live_routingstate="stream adapter state dead error",
    live_stream="name title",
    live_workerbeat="name faults",
    mfa_authenticator="type",
    registry_sheet="digest table",
    registry_filelayout="digest name headers answers queues",
    registry_teleworkestimate="source digest content",
    registry_upload="token",
    registry_version="comment source digest summary",
    runs_feedfile="feed key name digest file state changes reason",
    runs_rosterdraft="seen",
    service_record_callrecord="digest direction programme target",
    service_record_dayforecast="programme digest content",
    service_record_intervalreport="programme source",
    service_record_presencereport="programme place source",
    service_record_recordcursor="source file",
    service_record_sealedday="client digest",
    service_record_statisticsfile="source name digest faults",
    socialaccount_socialaccount="provider",
    socialaccount_socialapp="provider provider_id name client_id secret key settings",
)
"""No person: words of the house, digests, ids of clients, sites and programmes, secrets.

A ledger entry's ``body`` holds commitments in place of personal values. The journal's ``box`` and
``content`` are encrypted for those who can read backups.
"""

UNSAMPLED = {
    **{table: names for table, names in AGENT.items() if table != "ledger_personal"},
    "account_emailaddress": ("email",),
    "accounts_directoryaccount": ("user_name", "external_id", "display_name", "emails"),
    "accounts_user": ("first_name", "last_name", "email"),
    "gate_consent": ("wording",),
    "gate_person": ("address",),
    "gate_personal": ("value", "salt"),
}
"""Columns of which PostgreSQL keeps no sample values: ANALYZE copies them where no erasure reaches.

Pseudonyms of people who are called are sampled: without their key they name no one. The ledger's
own migration sees to its columns.
"""
