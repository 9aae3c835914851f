"""Every address of the desk, and who gets what there. A new page adds its row.

``WHO`` maps the letters of a row's ``opens`` to roles. A role among them gets ``status``; of
the others, those of the house get 403, those from outside 404, visitors are led to
the sign-in (302), or 401 where the address is that of a JSON twin or of the API. ``anyone`` is
open to all.
"""

from __future__ import annotations

from dataclasses import dataclass

from releve.accounts.permissions import OUTSIDE, Role

__all__ = ["ROWS", "STRANGER", "Row", "expected"]

STRANGER = "stranger"
WHO = {
    "c": Role.CONTINUITY,
    "p": Role.PLANNER,
    "f": Role.FLOW,
    "s": Role.SITE,
    "h": Role.HEALTH,
    "o": Role.OUTBOUND,
    "k": Role.CLIENT,
    "i": Role.INSPECTOR,
    "a": Role.AUDITOR,
    "A": Role.ADMINISTRATOR,
    "m": Role.MONITORING,
    "P": Role.PROVISIONING,
}
HOUSE = "cpfhoA"
"""Every role of the operator that is held for the whole of it."""
RECORDERS = {
    "cpfs": (
        "agent.back", "agent.unavailable", "agents.present", "authorisation.granted",
        "authorisation.withdrawn", "link.down", "link.up", "power.down", "power.up",
    ),
    "chs": (
        "case.declared", "check.done", "event.corrected", "finding.answered", "reopening.approved",
        "reopening.checked", "site.reopened",
    ),
    "ca": (
        "audit.concluded", "audit.observed", "audit.opened", "finding.raised", "finding.verified",
    ),
    "cs": (
        "audit.verdict", "closure.extended", "inspection.held", "roll.marked", "site.closed",
        "tests.done",
    ),
    "cf": ("relief.aim_chosen",),
    "ch": (
        "draw.drawn", "draw.framed", "draw.joined", "draw.not_visited", "draw.planned",
        "draw.present", "draw.revealed", "rules.chosen", "rules.ended",
    ),
    "cpfsho": (
        "incident.closed", "incident.decided", "incident.noted", "incident.opened", "incident.place_added",
        "incident.reviewed", "incident.role_taken", "incident.task_done", "incident.task_set",
    ),
}  # fmt: skip
"""Who may record what through the API."""


@dataclass(frozen=True, slots=True)
class Row:
    """An address as the URLconf writes it, one that matches it, and who may enter.

    ``anyone`` gives the statuses of an address without a permission: of a stranger, and of
    a signed-in user.
    """

    route: str
    path: str
    opens: str = ""
    status: int = 200
    anyone: tuple[int, int] | None = None


ROWS = (
    # the plan
    Row("", "/", "cpfk"),
    Row("verdict.json", "/verdict.json", "cpfk"),
    Row("plan.xlsx", "/plan.xlsx", "cpf"),
    Row("week", "/week", "cpf"),
    Row("week.json", "/week.json", "cpf"),
    Row("week.xlsx", "/week.xlsx", "cpf", 404),  # planned day by day
    Row("grid/", "/grid/", "cpf"),
    Row("grid/print", "/grid/print", "cpf"),
    Row("grid/sheet", "/grid/sheet", "cpf"),
    Row("grid/sheet/read", "/grid/sheet/read", "cp", 405),
    Row("grid/edit", "/grid/edit", "cp", 404),
    Row("grid/draft", "/grid/draft", "cp"),
    *(Row(f"grid/{act}", f"/grid/{act}", "cp", 405) for act in ("keep", "draft/undo", "draft/discard", "draft/redo")),
    Row("grid/draft/publish", "/grid/draft/publish", "cp", 405),
    Row("telework/", "/telework/", "cpf"),
    Row("telework/records", "/telework/records", "cpA"),
    Row("telework/apply", "/telework/apply", "cpA", 405),
    Row("cell/<ref:client>/<ref:contingency>", "/cell/banque-rive/base", "cpfk"),
    Row("cell/<ref:client>/<ref:contingency>.json", "/cell/banque-rive/base.json", "cpfk"),
    # the charter and its audits; none is open here
    Row("charter/", "/charter/", "chsAia"),
    Row("charter/sites/<ref:site>", "/charter/sites/nowhere", "chsAia", 404),
    Row("charter/audits/open", "/charter/audits/open", "ca"),
    Row("charter/audits/<ref:audit>", "/charter/audits/none", "chsAia", 404),
    *(
        Row(f"charter/audits/<ref:audit>/{act}", f"/charter/audits/none/{act}", opens, status)
        for act, opens, status in (
            ("observe", "ca", 404),
            ("raise", "ca", 404),
            ("conclude", "ca", 404),
            ("sheet", "chsAia", 404),
            ("sheet.csv", "chsAia", 404),
            ("sheet/import", "ca", 405),
        )
    ),
    Row(
        "charter/audits/<ref:audit>/findings/<ref:finding>/answer",
        "/charter/audits/none/findings/f1/answer",
        "chs",
        404,
    ),
    Row(
        "charter/audits/<ref:audit>/findings/<ref:finding>/verify", "/charter/audits/none/findings/f1/verify", "ca", 404
    ),
    # draws of visits
    Row("draws/", "/draws/", "chi"),
    Row("draws/preview", "/draws/preview", "i", 405),
    Row("rules/", "/rules/", "ch"),
    Row("rules/choose", "/rules/choose", "ch", 405),
    Row("rules/end", "/rules/end", "ch", 405),
    # a rehearsal
    Row("rehearsal/", "/rehearsal/", "cpfsho"),
    Row("rehearsal/start", "/rehearsal/start", "c", 405),
    Row("rehearsal/forward", "/rehearsal/forward", "c", 405),
    # plans computed here
    Row("planning/", "/planning/", "cp"),
    Row("planning/start", "/planning/start", "cp", 405),
    Row("planning/runs/<slug:run>", "/planning/runs/none", "cp", 404),
    Row("planning/runs/<slug:run>.xlsx", "/planning/runs/none.xlsx", "cp", 404),
    Row("planning/runs/<slug:run>/confirm", "/planning/runs/none/confirm", "cp", 404),
    Row("planning/runs/<slug:run>/stop", "/planning/runs/none/stop", "cp", 405),
    Row("planning/runs/<slug:run>/resume", "/planning/runs/none/resume", "cp", 405),
    Row("planning/runs/<slug:run>/remove", "/planning/runs/none/remove", "cp", 405),
    Row("planning/runs/<slug:run>/activate", "/planning/runs/none/activate", "cp", 405),
    # forecasts and their uplifts
    Row("forecast/", "/forecast/", HOUSE),
    Row("forecast/<ref:programme>", "/forecast/none", HOUSE, 404),
    Row("forecast/<ref:programme>.json", "/forecast/none.json", HOUSE, 404),
    Row("forecast/<ref:programme>/uplift", "/forecast/none/uplift", "cpA", 404),
    Row("forecast/<ref:programme>/uplift/<ref:key>/undo", "/forecast/none/uplift/x/undo", "cpA", 405),
    # the calendar of days in force
    Row("calendar/", "/calendar/", "cpf"),
    Row("calendar/<slug:day>", "/calendar/2026-12-01", "cpf"),
    Row("calendar/<slug:day>/back", "/calendar/2026-12-01/back", "cp", 405),
    # for anyone
    Row("healthz", "/healthz", anyone=(200, 200)),
    Row("readyz", "/readyz", anyone=(200, 200)),
    Row("manifest.webmanifest", "/manifest.webmanifest", anyone=(200, 200)),
    Row("worker.js", "/worker.js", anyone=(200, 200)),
    Row("language", "/language", anyone=(302, 302)),
    Row("start", "/start", anyone=(302, 302)),
    Row("look", "/look", anyone=(404, 404)),
    Row("account", "/account", anyone=(302, 200)),
    Row("account/read", "/account/read", anyone=(405, 405)),
    Row("help/", "/help/", anyone=(302, 200)),
    Row("help/<slug:page>", "/help/continuity", anyone=(302, 200)),
    # watching the installation
    Row("metrics", "/metrics", "cAm"),
    # people
    Row("people", "/people", "A"),
    Row("people/roles/<int:number>/end", "/people/roles/1/end", "A", 405),
    Row("people/<int:number>/close", "/people/1/close", "A", 405),
    Row("people/<int:number>/hand-over", "/people/1/hand-over", "A", 405),
    Row("people/<int:number>/link", "/people/1/link", "A", 405),
    Row("people/<int:number>/confirm", "/people/1/confirm", "A", 405),
    Row("people/<int:number>/factors", "/people/1/factors", "A", 404),  # one's own
    Row("people/factors/<int:number>/allow", "/people/factors/1/allow", "A", 405),
    Row("people/erase", "/people/erase", "A"),
    Row("identity", "/identity", "hA"),
    Row("identity/read", "/identity/read", "hA", 405),
    Row("identity/ask", "/identity/ask", "h", 405),
    Row("identity/<int:number>/allow", "/identity/1/allow", "A", 405),
    Row("identity/<int:number>/see", "/identity/1/see", "h", 405),
    Row("people/groups/", "/people/groups/", "A"),
    Row("people/groups/<int:number>/approve", "/people/groups/1/approve", "A", 405),
    Row("people/groups/<int:number>/end", "/people/groups/1/end", "A", 405),
    Row("people/webhooks/", "/people/webhooks/", "A"),
    Row("people/webhooks/<int:number>/secret", "/people/webhooks/1/secret", "A", 405),
    Row("people/webhooks/<int:number>/end", "/people/webhooks/1/end", "A", 405),
    Row("people/webhooks/<int:number>/resume", "/people/webhooks/1/resume", "A", 405),
    Row("people/webhooks/<int:number>/refused", "/people/webhooks/1/refused", "A", 405),
    Row("people/tokens", "/people/tokens", "A", 405),
    Row("people/tokens/<int:number>/end", "/people/tokens/1/end", "A", 405),
    # a directory, which comes with a token
    Row("scim/v2/", "/scim/v2/", "P", 403),
    Row("scim/v2/<path:rest>", "/scim/v2/Users", "P", 403),
    # signing in
    Row("account/login/", "/account/login/", anyone=(200, 302)),
    Row("account/logout/", "/account/logout/", anyone=(302, 200)),
    Row("account/inactive/", "/account/inactive/", anyone=(200, 200)),
    Row("account/reauthenticate/", "/account/reauthenticate/", anyone=(302, 200)),
    Row("account/password/change/", "/account/password/change/", anyone=(302, 200)),
    Row("account/password/set/", "/account/password/set/", anyone=(302, 302)),
    Row("account/password/reset/", "/account/password/reset/", anyone=(200, 200)),
    Row("account/password/reset/done/", "/account/password/reset/done/", anyone=(200, 200)),
    Row(
        "account/^password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        "/account/password/reset/key/1-x/",
        anyone=(200, 200),
    ),
    Row("account/password/reset/key/done/", "/account/password/reset/key/done/", anyone=(200, 200)),
    Row("account/2fa/", "/account/2fa/", anyone=(302, 200)),
    Row("account/2fa/authenticate/", "/account/2fa/authenticate/", anyone=(302, 302)),
    Row("account/2fa/reauthenticate/", "/account/2fa/reauthenticate/", anyone=(302, 200)),
    Row("account/2fa/totp/activate/", "/account/2fa/totp/activate/", anyone=(302, 302)),
    Row("account/2fa/totp/deactivate/", "/account/2fa/totp/deactivate/", anyone=(302, 302)),
    Row("account/2fa/recovery-codes/", "/account/2fa/recovery-codes/", anyone=(302, 404)),
    Row("account/2fa/recovery-codes/generate/", "/account/2fa/recovery-codes/generate/", anyone=(302, 302)),
    Row("account/2fa/recovery-codes/download/", "/account/2fa/recovery-codes/download/", anyone=(302, 404)),
    Row("account/2fa/webauthn/", "/account/2fa/webauthn/", anyone=(302, 200)),
    Row("account/2fa/webauthn/add/", "/account/2fa/webauthn/add/", anyone=(302, 302)),
    Row("account/2fa/webauthn/reauthenticate/", "/account/2fa/webauthn/reauthenticate/", anyone=(302, 302)),
    Row("account/2fa/webauthn/keys/<int:pk>/remove/", "/account/2fa/webauthn/keys/1/remove/", anyone=(302, 302)),
    Row("account/2fa/webauthn/keys/<int:pk>/edit/", "/account/2fa/webauthn/keys/1/edit/", anyone=(302, 302)),
    Row("account/2fa/webauthn/login/", "/account/2fa/webauthn/login/", anyone=(302, 302)),
    Row("account/sessions/", "/account/sessions/", anyone=(302, 200)),
    Row("account/service/", "/account/service/", anyone=(302, 200)),
    Row("account/service/cancelled/", "/account/service/cancelled/", anyone=(200, 200)),
    Row("account/service/error/", "/account/service/error/", anyone=(401, 401)),
    Row("account/oidc/^(?P<provider_id>[^/]+)/login/", "/account/oidc/x/login/", anyone=(404, 404)),
    Row("account/oidc/^(?P<provider_id>[^/]+)/login/callback/", "/account/oidc/x/login/callback/", anyone=(404, 404)),
    # what happens now; nothing is closed here
    Row("now", "/now", "cpfshokiaA"),
    Row("now.json", "/now.json", "cpfshokiaA"),
    Row("wall", "/wall", "cpfk"),
    Row("statements/<ref:client>", "/statements/unknown", "cpfk", 404),
    Row("effects/<int:number>/retry", "/effects/1/retry", "cpfsho", 405),
    Row("ack/<slug:token>", "/ack/none", anyone=(200, 200)),
    Row("shifts/<slug:token>", "/shifts/none", anyone=(404, 404)),
    Row("replies/<slug:gateway>", "/replies/none", anyone=(405, 405)),
    Row("replies/<slug:gateway>/<slug:secret>", "/replies/none/secret", anyone=(405, 405)),
    Row("routing/<str:key>", "/routing/none", anyone=(404, 404)),
    Row("lead/<slug:token>", "/lead/none", anyone=(404, 404)),
    Row("lead/<uuid:alert>/take", "/lead/00000000-0000-0000-0000-000000000000/take", "cpfsho", 405),
    Row("client-news/", "/client-news/", "cpf"),
    Row("client-news/<uuid:message>", "/client-news/00000000-0000-0000-0000-000000000000", "cf", 405),
    Row("client-news/settings/<ref:client>", "/client-news/settings/unknown", "cf", 405),
    Row("rota", "/rota", "cpfshoA"),
    Row("rota/add", "/rota/add", "cA", 405),
    Row("rota/table", "/rota/table", "cA", 405),
    Row("rota/<int:number>/remove", "/rota/1/remove", "cA", 405),
    Row("rota/calendar", "/rota/calendar", "cpfshoA"),
    Row("rota/calendar/<slug:token>", "/rota/calendar/none", anyone=(404, 404)),
    Row("rota/link", "/rota/link", "cpfshoA", 405),
    Row("rota/link/end", "/rota/link/end", "cpfshoA", 405),
    Row("drills", "/drills", "cpfsho"),
    Row("drills/look", "/drills/look", "cpfsho", 405),
    Row("drills/start", "/drills/start", "c", 405),
    Row("drills/<int:number>/move", "/drills/1/move", "c", 405),
    Row("drills/<int:number>/stop", "/drills/1/stop", "c", 405),
    Row("record/", "/record/", "cpfhs"),
    Row("record/case", "/record/case", "chs"),
    Row("record/corrections", "/record/corrections", "chs"),
    Row("record/corrections/<ref:event>", "/record/corrections/none", "chs", 404),
    Row("record/closure", "/record/closure", "cs"),
    Row("record/check", "/record/check", "chs"),
    Row("record/inspection", "/record/inspection", "cs"),
    Row("record/outage", "/record/outage", "cpfs"),
    Row("record/tests", "/record/tests", "chs"),
    Row("record/attendance", "/record/attendance", "cpfs"),
    Row("record/absence", "/record/absence", "cpfs"),
    Row("record/authorisation", "/record/authorisation", "cpfs"),
    Row("record/audit", "/record/audit", "cs"),
    Row("record/reopening/<ref:site>", "/record/reopening/casa-1", "chs", 302),
    # cases, clusters and contacts; there is no case here
    Row("health/", "/health/", "h"),
    Row("health/<ref:case>", "/health/none", "h", 404),
    # incident rooms; there is none here
    Row("incident/", "/incident/", "cpfsho"),
    Row("incident/<ref:incident>", "/incident/none", "cpfsho", 404),
    Row("incident/<ref:incident>/review", "/incident/none/review", "cpfsho", 404),
    # the reference data; the registry's own tests show what its pages hold
    Row("registry/", "/registry/", HOUSE),
    Row("registry/versions", "/registry/versions", HOUSE),
    Row("registry/versions/<int:number>", "/registry/versions/1", HOUSE),
    Row("registry/versions/<int:number>/undo", "/registry/versions/1/undo", "cpA", 422),
    Row("registry/versions/<int:number>/restore", "/registry/versions/1/restore", "cpA"),
    Row("registry/export.zip", "/registry/export.zip", HOUSE),
    Row("registry/export.xlsx", "/registry/export.xlsx", HOUSE),
    Row("registry/template.xlsx", "/registry/template.xlsx", HOUSE),
    Row("registry/calls", "/registry/calls", "cpA"),
    Row("registry/calls/<slug:token>", "/registry/calls/none", "cpA", 404),
    Row("registry/schedules", "/registry/schedules", "cpA"),
    Row("registry/schedules/<slug:token>", "/registry/schedules/none", "cpA", 404),
    Row("registry/layouts", "/registry/layouts", "cpA"),
    Row("registry/layouts/<int:number>", "/registry/layouts/1", "cpA", 404),
    Row("registry/feeds", "/registry/feeds", HOUSE),
    Row("registry/feeds/<int:number>", "/registry/feeds/1", "cpA", 405),
    Row("registry/import", "/registry/import", "cpA"),
    Row("registry/import/<slug:token>", "/registry/import/none", "cpA", 404),
    Row("registry/tables/<slug:table>", "/registry/tables/sites", HOUSE),
    Row("registry/tables/<slug:table>/add", "/registry/tables/sites/add", "cpA"),
    Row("registry/tables/<slug:table>/rows/<ref:key>", "/registry/tables/sites/rows/x", "cpA", 404),
    Row("registry/tables/<slug:table>/rows/<ref:key>/remove", "/registry/tables/sites/rows/x/remove", "cpA", 404),
    # the ledger; nothing is recorded in it here
    Row("contracts/", "/contracts/", "c"),
    Row("contracts/sync", "/contracts/sync", "c", 405),
    Row("contracts/agreements/", "/contracts/agreements/", "k"),
    Row("contracts/agreements/<slug:stream>/<str:name>/decide", "/contracts/agreements/relief/none/decide", "k", 405),
    Row("contracts/gates/", "/contracts/gates/", "c"),
    Row("contracts/gates/fetch", "/contracts/gates/fetch", "c", 405),
    Row("contracts/gates/<slug:gate>/", "/contracts/gates/none/", "c", 404),
    *(
        Row(f"contracts/gates/<slug:gate>/{act}", f"/contracts/gates/none/{act}", "c", 405)
        for act in ("ask", "offer", "send", "result", "draft")
    ),
    Row("contracts/<slug:stream>/<str:name>/lend", "/contracts/relief/none/lend", "c", 405),
    Row("contracts/<slug:stream>/<str:name>/", "/contracts/relief/none/", "c", 404),
    Row("contracts/<slug:stream>/<str:name>/text.pdf", "/contracts/relief/none/text.pdf", "c", 404),
    Row("contracts/<slug:stream>/<str:name>/message.json", "/contracts/relief/none/message.json", "c", 404),
    # the bulletin of the sector
    Row("association/", "/association/", "c"),
    Row("association/fetch", "/association/fetch", "c", 405),
    Row("association/prepare", "/association/prepare", "c", 405),
    Row("association/state", "/association/state", "c", 405),
    Row("association/send", "/association/send", "c", 405),
    Row("association/switch", "/association/switch", "c", 405),
    Row("association/clerk", "/association/clerk", "cA"),
    Row("association/clerk/publish", "/association/clerk/publish", "cA", 405),
    Row("association/clerk/<str:day>.pdf", "/association/clerk/2026-11-26.pdf", "cA", 404),
    Row("association/contributions", "/association/contributions", anyone=(401, 401)),
    Row("association/gates", "/association/gates", anyone=(401, 401)),
    Row("association/orders", "/association/orders", anyone=(401, 401)),
    Row("association/messages/<slug:kind>", "/association/messages/real", anyone=(401, 401)),
    Row("association/results/<slug:gate>", "/association/results/g-1", anyone=(401, 401)),
    Row("association/designs/<str:month>", "/association/designs/2026-11", anyone=(401, 401)),
    Row("association/bulletins/<str:day>", "/association/bulletins/2026-11-26", anyone=(401, 401)),
    Row("packs/", "/packs/", "cshkiaA"),
    Row("packs/verify.py", "/packs/verify.py", "cshkiaA"),
    Row("packs/<slug:digest>", "/packs/none", "cshkiaA", 404),
    Row("packs/<slug:digest>/pack.zip", "/packs/none/pack.zip", "cshkiaA", 404),
    Row("packs/<slug:digest>/file.pdf", "/packs/none/file.pdf", "cshkiaA", 404),
    Row("packs/<slug:digest>/file.pdf.note", "/packs/none/file.pdf.note", "cshkiaA", 404),
    Row("ledger/", "/ledger/", "chAia"),
    Row("ledger/<int:seq>", "/ledger/1", "chAia", 404),
    Row("ledger/<int:seq>/proof.json", "/ledger/1/proof.json", "cAia", 404),
    Row("ledger/export.jsonl", "/ledger/export.jsonl", "cAia"),
    Row("ledger/root.json", "/ledger/root.json", "chAia", 404),
    Row("ledger/verify", "/ledger/verify", "cAia"),
    Row("ledger/verify.py", "/ledger/verify.py", "chAia"),
    # the crash test; nothing was run here
    Row("crashtest/", "/crashtest/", "cpfa"),
    Row("crashtest/start", "/crashtest/start", "cp"),
    Row("crashtest/outlook", "/crashtest/outlook", "ch"),
    Row("crashtest/outlook/<slug:run>", "/crashtest/outlook/none", "ch", 404),
    Row("crashtest/compare", "/crashtest/compare", "cpfa", 404),
    Row("crashtest/runs/<slug:run>", "/crashtest/runs/none", "cpfa", 404),
    Row("crashtest/runs/<slug:run>/stop", "/crashtest/runs/none/stop", "cp", 405),
    Row("crashtest/runs/<slug:run>/resume", "/crashtest/runs/none/resume", "cp", 405),
    Row("crashtest/runs/<slug:run>/remove", "/crashtest/runs/none/remove", "cp", 404),
    Row("crashtest/runs/<slug:run>/decision", "/crashtest/runs/none/decision", "cpfa", 404),
    Row("crashtest/runs/<slug:run>/certificate", "/crashtest/runs/none/certificate", "cpfa", 404),
    Row("crashtest/runs/<slug:run>/certificate.json", "/crashtest/runs/none/certificate.json", "cpfa", 404),
    # sites and clients; a site lead's own site is of another operator here
    Row("sites", "/sites", "cpfshoAia"),
    Row("sites/<ref:site>", "/sites/nowhere", "cpfshoAia", 404),
    Row("sites/<ref:site>/roll", "/sites/casa-1/roll", "cs", 405),
    Row("sites/<ref:site>/roll/names", "/sites/casa-1/roll/names", "cs", 405),
    Row("photos/<slug:digest>", "/photos/none", "cpfshoAia", 404),
    Row("clients", "/clients", "cpfk"),
    Row("clients/<ref:client>", "/clients/unknown", "cpfk", 404),
    Row("reliefs", "/reliefs", "cpf"),
    Row("relief", "/relief", "cpfs"),
    Row("relief.json", "/relief.json", "cpfs"),
    Row("relief.xlsx", "/relief.xlsx", "cpfs"),
    Row("relief/aim", "/relief/aim", "cpf"),
    Row("relief/aim.json", "/relief/aim.json", "cpf"),
    Row("relief/aim/choose", "/relief/aim/choose", "cf", 405),
    Row("relief/answers/<uuid:message>", "/relief/answers/00000000-0000-4000-8000-000000000000", "cs", 405),
    Row("reliefs/compare", "/reliefs/compare", "cpf", 404),
    Row("reliefs/publish", "/reliefs/publish", "cp"),
    Row("transport/", "/transport/", "cpfshoiaA"),
    Row("transport/runs.json", "/transport/runs.json", "cpfshoiaA"),
    Row("transport/vehicles/<ref:vehicle>", "/transport/vehicles/none", "cpfshoiaA", 404),
    Row("surge/", "/surge/", "cpf"),
    Row("surge/order", "/surge/order", "cf", 405),
    Row("surge/end", "/surge/end", "cf", 405),
    Row("switches/", "/switches/", "cpf"),
    Row("switches/undo", "/switches/undo", "cf", 405),
    Row("switches/<ref:contingency>", "/switches/none", "cpf", 404),
    Row("switches/<ref:contingency>/press", "/switches/none/press", "cf", 405),
    # the API; what is recorded there takes POST, so that a look gets 405
    Row("api/docs", "/api/docs", anyone=(200, 200)),
    Row("api/v1/openapi.json", "/api/v1/openapi.json", anyone=(200, 200)),
    Row("api/v1/now", "/api/v1/now", "cpfshokiaA"),
    Row("api/v1/sites", "/api/v1/sites", "cpfshoAia"),
    Row("api/v1/sites/<ref:site>", "/api/v1/sites/nowhere", "cpfshoAia", 404),
    Row("api/v1/clients", "/api/v1/clients", "cpfk"),
    Row("api/v1/clients/<ref:client>", "/api/v1/clients/unknown", "cpfk", 404),
    Row("api/v1/relief", "/api/v1/relief", "cpfs"),
    Row("api/v1/statistics/<source>", "/api/v1/statistics/acd", "cf", 405),
    Row("api/v1/messages", "/api/v1/messages", "cpf"),
    Row("api/v1/drills", "/api/v1/drills", "cpfsho"),
    Row("api/v1/plan", "/api/v1/plan", "cpfk"),
    Row("api/v1/tables", "/api/v1/tables", "cpfk"),
    Row("api/v1/tables/<table>", "/api/v1/tables/coverage", "cpfk"),
    Row("api/v1/plan/<ref:client>/<ref:contingency>", "/api/v1/plan/banque-rive/base", "cpfk"),
    Row("api/v1/calendar", "/api/v1/calendar", "cpf"),
    Row("api/v1/reliefs", "/api/v1/reliefs", "cpf"),
    Row("api/v1/reliefs/<int:generation>", "/api/v1/reliefs/1", "cpf", 404),
    Row("api/v1/events", "/api/v1/events", "chAia"),
    Row("api/v1/ledger", "/api/v1/ledger", "chAia"),
    Row("api/v1/ledger/<int:seq>", "/api/v1/ledger/1", "chAia", 404),
    Row("api/v1/ledger/<int:seq>/proof", "/api/v1/ledger/1/proof", "cAia", 404),
    Row("api/v1/roots/last", "/api/v1/roots/last", "chAia", 404),
    Row("api/v1/people/<ref:agent>", "/api/v1/people/none", HOUSE, 404),
    Row("api/v1/feeds", "/api/v1/feeds", HOUSE),
    Row("api/v1/feeds/<feed>/files", "/api/v1/feeds/hr/files", "cpA", 405),
    Row("api/v1/registry/versions", "/api/v1/registry/versions", HOUSE),
    Row("api/v1/registry/versions/<int:number>", "/api/v1/registry/versions/1", HOUSE),
    Row("api/v1/outbound/requests", "/api/v1/outbound/requests", "cfso", 405),
    Row("api/v1/outbound/feeds/<feed>", "/api/v1/outbound/feeds/dialler", "cfso"),
    Row("api/v1/outbound/feeds/<feed>/rows", "/api/v1/outbound/feeds/dialler/rows", "cfso", 405),
    Row("api/v1/acknowledgements", "/api/v1/acknowledgements", anyone=(405, 405)),
    *(
        Row(f"api/v1/events/{kind}", f"/api/v1/events/{kind}", opens, 405)
        for opens, kinds in RECORDERS.items()
        for kind in kinds
    ),
    # outbound calls
    Row("outbound/", "/outbound/", "cfok"),
    Row("outbound/campaigns/<ref:campaign>", "/outbound/campaigns/none", "cfok", 404),
    Row("outbound/campaigns/<ref:campaign>/sheet", "/outbound/campaigns/none/sheet", "cfok", 404),
    Row("outbound/campaigns/<ref:campaign>/sheet/<str:name>", "/outbound/campaigns/none/sheet/sheet.csv", "cfok", 404),
    Row("outbound/person", "/outbound/person", "o"),
    Row("outbound/requests", "/outbound/requests", "cfso"),
    Row("outbound/rights", "/outbound/rights", "o"),
    Row("outbound/feeds", "/outbound/feeds", "o"),
    Row("outbound/rules", "/outbound/rules", "oAia"),
    Row("outbound/rules/flips", "/outbound/rules/flips", "o"),
)


def expected(row: Row, who: Role | str) -> int:
    """Return the status that a user gets at an address."""
    if row.anyone is not None:
        return row.anyone[who != STRANGER]
    if who == STRANGER:
        return 401 if row.path.endswith(".json") or row.path.startswith(("/api/", "/scim/")) else 302
    if who in {WHO[letter] for letter in row.opens}:
        return row.status
    return 404 if who in OUTSIDE else 403
