"""The public face of the live chain, which the desk and the command line import as ``live``.

An import-linter contract keeps the faces from importing any other module of this package.
"""

from __future__ import annotations

from datetime import datetime

from releve.live.aimed_reliefs import MeasuredRelief, measure_relief
from releve.live.alerts import (
    AlertLetter,
    Lead,
    find_alert,
    find_lead,
    read_hold_ahead,
    read_longest_hold,
    take_alert,
    take_alert_by_account,
)
from releve.live.answers import (
    AgentLetter,
    AnswerTooLate,
    acknowledge,
    answer_message,
    find_letter,
    record_spoken_answer,
)
from releve.live.call_routes import CallRoutes, ProgrammeRoute, find_call_routes
from releve.live.channels import find_quiet_hours
from releve.live.client_news import (
    ClientLetter,
    approve_draft,
    edit_draft,
    find_news,
    find_own_losses,
    list_client_letters,
    load_settings,
    stop_draft,
    store_setting,
)
from releve.live.clock import LIVE, is_drill, now, real_now
from releve.live.contacts import (
    ANSWERS,
    AcknowledgeResult,
    MessageCounts,
    NotifiedAgent,
    NotifiedRide,
    check_channels,
    count_held_at_night,
    count_messages,
    count_missing_addresses,
    erase_person,
    find_message_site,
    find_number,
    import_contacts,
    list_addresses,
    list_notified_agents,
    list_notified_rides,
    list_said,
)
from releve.live.coverage import (
    ClientCoverage,
    ClientStanding,
    Coverage,
    HalfHour,
    NeedKind,
    PlanReach,
    compute_coverage,
    compute_scene_coverage,
    describe_standing,
    find_operator_tone,
    find_plan_reach,
    find_worst_client,
    judge_operator,
    rank_clients,
)
from releve.live.current_rules import load_installed_rules, rules_now, select_rules
from releve.live.drills import Drill, list_drills, move_drill, start_drill, stop_drill
from releve.live.effect_queue import (
    count_waiting_effects,
    find_effect_site,
    list_effects_aside,
    list_late_effects,
    list_troubled_effects,
    retry_effect,
)
from releve.live.errors import (
    Busy,
    ChannelFaults,
    ContactFaults,
    DiskFull,
    GatewayRefused,
    KeyReused,
    LiveError,
    NoOperator,
    NoSuch,
    PlanRefused,
    ProposalChanged,
    Refused,
    SwitchChanged,
    is_busy,
    is_disk_full,
)
from releve.live.escalation import read_client_contact, read_crisis_contact
from releve.live.event_service import (
    RecordResult,
    build_plugin_check,
    is_recorded,
    preview_answers,
    record,
    refuse_reused_key,
    sign_event,
)
from releve.live.incident_room import (
    ResponseStep,
    find_case_clusters,
    find_incident_start,
    find_opening_outage,
    find_tracing_rule,
    list_incident_log,
    list_incidents,
    list_response_steps,
    open_incident,
    trace_case,
)
from releve.live.lifting_preview import (
    CorrectionPreview,
    LiftingImpact,
    build_correction,
    find_ground,
    preview_correction,
    preview_lifting,
)
from releve.live.loss_preview import ClientImpact, EventPreview, preview_event
from releve.live.lost_places import add_stated_absences, list_absences
from releve.live.message_texts import LogEntry, list_last_entries
from releve.live.models import ClientSetting, OnCall, PlanText, Relief, Stream
from releve.live.outside import find_overdue_documents
from releve.live.partners import Lending
from releve.live.path_faults import PathFault
from releve.live.photos import (
    MAX_PHOTO_BYTES,
    MAX_PHOTOS,
    NotAPhoto,
    detect_photo_type,
    has_photo,
    load_photo,
    store_photo,
)
from releve.live.plans import (
    DayInForce,
    DaysInForce,
    IdentityCache,
    NamedPlaces,
    NoPlan,
    find_displayed_plan,
    list_days_in_force,
    list_displayed_week,
    list_latest_week,
    list_named_places,
    load_activation,
    operator_now,
)
from releve.live.presence import build_reach_check, count_seats, find_stays
from releve.live.publication import (
    DataDifference,
    DayRecord,
    PublicationPreview,
    activate_plan,
    compare_data,
    compare_publication,
    list_digests,
    list_records,
    preview_publication,
    preview_put_back,
    put_back,
    put_in_force,
    read_folder,
)
from releve.live.rehearsal import (
    RehearsalStep,
    find_rehearsal,
    list_rehearsal_steps,
    move_to_reopening,
    start_rehearsal,
)
from releve.live.relief_aims import AIMS, read_relief_choice
from releve.live.relief_handler import ComparedDay, compare_aims, compare_reliefs, list_touching_reliefs
from releve.live.replies import ReplyOutcome, count_national_numbers, take_reply
from releve.live.reply_gateways import (
    GATEWAYS,
    MAIL,
    Post,
    find_mail_fault,
    list_promised,
    name_secret,
    read_post,
    read_reply_secret,
)
from releve.live.roster_changes import (
    AgentMove,
    PeopleFlow,
    PlaceChange,
    ReliefInForce,
    ShiftCount,
    ShiftPost,
    SiteWork,
    describe_relief,
    describe_site_work,
    find_scene_runs,
    find_timetable,
    list_agent_moves,
    list_runs_to,
)
from releve.live.rota import (
    OnCallRow,
    add_duty,
    build_calendar,
    end_calendar_link,
    find_link_account,
    has_calendar_link,
    import_rota,
    list_accounts,
    list_duties,
    list_gaps,
    list_without_address,
    make_calendar_link,
    read_office_hours,
    read_office_hours_text,
    remove_duty,
)
from releve.live.routes import (
    DeadPlace,
    StrayRouting,
    list_astray,
    list_dead_places,
    list_routing_states,
    observe_routing,
    revert_routes,
)
from releve.live.self_test import find_last_self_tests, read_self_test
from releve.live.service_day import ServiceDay, TargetState, compute_service_day, find_statistics_folder
from releve.live.shift_calendar import build_shift_calendar, end_shift_link, find_shift_agent, make_shift_link
from releve.live.site_status import SeatedSite, describe_sites
from releve.live.situation_cache import situation_now
from releve.live.statement import DaySeal, ServiceLoss, build_statement, erase_due_data, list_losses, seal_now
from releve.live.stream_state import Scene, list_day_placements, load_scene
from releve.live.surge_relief import (
    ClientMissing,
    end_surge_relief,
    find_more_hours,
    foresee_factors,
    has_surge_relief,
    list_surge_factors,
    order_surge_relief,
    propose_surge_relief,
)
from releve.live.switches import (
    RehearsedSwitch,
    SwitchState,
    find_held_switch,
    find_pressed_switch,
    find_rehearsals,
    list_switch_states,
    list_switches,
    prepare_switches,
    press_switch,
    preview_switch,
    undo_switch,
)
from releve.live.worker import warm_in_background
from releve.live.worker_health import (
    InstallationCollector,
    WorkerHealth,
    check_readiness,
    read_health_and_faults,
    read_worker_health,
)


def find_relief(stream: str, generation: int) -> Relief | None:
    """Return a generation of a stream; None where there is none."""
    return Relief.objects.filter(stream=stream, generation=generation).first()


def list_reliefs(stream: str = LIVE, most: int = 50) -> list[Relief]:
    """Return the generations of a stream, the newest first: the first of them is in force."""
    return list(Relief.objects.filter(stream=stream)[:most])


def list_reliefs_between(start: datetime, end: datetime) -> list[Relief]:
    """Return the generations, of no drill, that hold from an instant of a period on, the oldest first."""
    return list(Relief.objects.filter(stream=LIVE, from_at__gte=start, from_at__lt=end).order_by("generation"))
