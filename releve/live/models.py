"""The tables of the live chain: streams, effects, plans, reliefs, routes, people and workers."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import ClassVar

from django.db import models


class PlanText(models.Model):
    """The plan of a day, whole, named by the SHA-256 of its text.

    ``aht_s`` is the handling time it was made for, in seconds ``[interval, programme]``.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    day = models.DateField()
    text = models.TextField()
    aht_s = models.JSONField()

    def __str__(self) -> str:
        return f"{self.day} {self.digest[:12]}"


class Activation(models.Model):
    """A record of the calendar of days in force: days that got a plan, or lost it.

    ``version`` is that of the reference data which its plans were made of. Records are only ever
    added: the plan of a day is the one of the newest record that names the day.
    """

    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    version = models.IntegerField()

    class Meta:
        ordering: ClassVar = ["-pk"]

    def __str__(self) -> str:
        return f"days in force since {self.at:%Y-%m-%d %H:%M}"


class ActivationDay(models.Model):
    """A day that a record names, with its plan; null: the day is without a plan from then on."""

    activation = models.ForeignKey(Activation, on_delete=models.CASCADE, related_name="rows")
    day = models.DateField(db_index=True)
    plan = models.ForeignKey(PlanText, null=True, on_delete=models.PROTECT)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["activation", "day"], name="live_activation_day_once")]
        ordering: ClassVar = ["day"]

    def __str__(self) -> str:
        return f"{self.day} {(self.plan_id or 'no plan')[:12]}"


class Relief(models.Model):
    """One generation of who works where after a loss; the last one is in force.

    ``source``: ``planned`` (looked up in the plan), ``first`` (the first answer), ``optimum`` (in whole
    people, solved for the day), ``base`` (back to the plan), ``surge`` (ordered for calls or absences)
    or ``plan`` (after another plan was put in force). ``moved`` counts those whose work it changes.
    """

    stream = models.CharField(max_length=64)
    generation = models.IntegerField()
    source = models.CharField(max_length=8)
    lost = models.JSONField()
    activation = models.ForeignKey(Activation, on_delete=models.PROTECT)
    cause = models.IntegerField()
    from_at = models.DateTimeField()
    asked_at = models.DateTimeField()
    made_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    moved = models.IntegerField(default=0)
    notified = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "generation"], name="live_generation_once")]
        ordering: ClassVar = ["-generation"]

    def __str__(self) -> str:
        return f"{self.stream} {self.generation}"


class ReliefDay(models.Model):
    """The changes of one day of a relief against the day's plan.

    ``changes`` is {agent: [reason, placement or null]}, a placement [place, programme, start,
    end, break start, break end].
    """

    relief = models.ForeignKey(Relief, on_delete=models.CASCADE, related_name="days")
    day = models.DateField()
    plan = models.ForeignKey(PlanText, on_delete=models.PROTECT)
    source = models.CharField(max_length=8)
    changes = models.JSONField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["relief", "day"], name="live_day_once")]
        ordering: ClassVar = ["day"]

    def __str__(self) -> str:
        return f"{self.relief_id} {self.day}"


class Routes(models.Model):
    """A generation of routes as published: ``content`` names what it says, whatever its number.

    Until ``held_until`` (a real time, of a generation that a person reverted to) people who come,
    leave or move do not replace it; a loss or a relief does. ``switch`` names the contingency whose
    prepared routes a person published, empty for all others.
    """

    stream = models.CharField(max_length=64)
    number = models.IntegerField()
    relief = models.ForeignKey(Relief, null=True, on_delete=models.PROTECT, related_name="routes")
    valid_from = models.DateTimeField()
    made_at = models.DateTimeField()
    content = models.CharField(max_length=64)
    body = models.JSONField()
    held_until = models.DateTimeField(null=True)
    switch = models.CharField(max_length=80, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "number"], name="live_routes_once")]
        ordering: ClassVar = ["-number"]

    def __str__(self) -> str:
        return f"{self.stream} {self.number}"


class Contact(models.Model):
    """One address of one person: the only table that holds addresses; a row can be erased.

    ``who`` is an agent's pseudonym id, a site id for its manager (``*`` for every site), a
    client's id, or the account of a person on call (role ``lead``). ``rank`` is the order in which the
    person's addresses are tried, from 1.
    """

    role = models.CharField(max_length=8)
    who = models.CharField(max_length=64)
    rank = models.SmallIntegerField()
    channel = models.CharField(max_length=16)
    address = models.CharField(max_length=254)
    language = models.CharField(max_length=2)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["role", "who", "rank"], name="live_contact_rank")]
        ordering: ClassVar = ["role", "who", "rank"]

    def __str__(self) -> str:
        return f"{self.role} {self.who} {self.rank}"


class Message(models.Model):
    """The message to one person about one relief: one row, however many addresses are tried.

    ``rank`` is the address being tried, ``channel`` how it was sent last (``NO_ADDRESS``: written
    to a file because the person has none). ``sent_at``, ``due_at`` (when it is tried another way),
    ``acknowledged_at`` and ``over_at`` (the end of the last day it is about; empty: unlimited) are
    on the stream's clock. ``about`` is what the text is made from. ``replaced``: a newer message to
    the same person takes its place. ``answered_to`` is the user who recorded a spoken answer.
    ``absent``: the agent is absent for all that it says, so that no answer is awaited. ``answer``: what an
    agent answered; empty: that it was read. ``unclear_at``: since when a reply by SMS, key or mail waits that was
    not understood; its text is not stored. ``silent``: absent, since no answer came.
    ``substituted``: the agent does not come, and a relief has put another one on the same programme.
    ``held``: why it is not sent yet, ``FOR_LEAD``: until a
    person on call leads, or, of one to a client, ``DRAFT`` until ``release_at`` (later: when it went) or an
    approval, ``STOPPED`` by a person. ``number`` counts the messages about one relief to the same person,
    ``released_by`` approved it.
    """

    FOR_LEAD, DRAFT, STOPPED = "lead", "draft", "stopped"
    NO_ADDRESS = "none"
    BREAK = "break"
    """The kind of a note to an agent that asks for no answer: the break alone moves."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    stream = models.CharField(max_length=64)
    relief = models.ForeignKey("live.Relief", on_delete=models.PROTECT, related_name="messages")
    kind = models.CharField(max_length=16)
    role = models.CharField(max_length=8)
    who = models.CharField(max_length=64)
    site = models.CharField(max_length=64, blank=True)
    about = models.JSONField()
    token = models.CharField(max_length=43, unique=True)
    rank = models.SmallIntegerField(default=0)
    channel = models.CharField(max_length=16, blank=True)
    sent_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(null=True, db_index=True)
    acknowledged_at = models.DateTimeField(null=True)
    answered_to = models.CharField(max_length=150, blank=True)
    answer = models.CharField(max_length=10, blank=True, default="")
    unclear_at = models.DateTimeField(null=True)
    silent = models.BooleanField(default=False)
    substituted = models.BooleanField(default=False)
    over_at = models.DateTimeField(null=True)
    exhausted = models.BooleanField(default=False)
    replaced = models.BooleanField(default=False)
    absent = models.BooleanField(default=False)
    held = models.CharField(max_length=8, blank=True, default="")
    release_at = models.DateTimeField(null=True)
    released_by = models.CharField(max_length=150, blank=True, default="")
    number = models.SmallIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["relief", "kind", "role", "who", "number"], name="live_told_once")
        ]
        indexes: ClassVar = [models.Index(fields=["stream", "role", "replaced", "over_at"], name="live_message_open")]
        ordering: ClassVar = ["who"]

    def __str__(self) -> str:
        return str(self.id)


class ReplyReceipt(models.Model):
    """A reply that came by a gateway or by mail: the same one again changes nothing.

    ``digest`` is the SHA-256 of the gateway's id, ``message`` the one that it answers (null: none was found).
    Neither the text nor the number is stored. ``at`` is a real time.
    """

    gateway = models.CharField(max_length=16)
    digest = models.CharField(max_length=64)
    at = models.DateTimeField()
    message = models.UUIDField(null=True)
    outcome = models.CharField(max_length=10)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["gateway", "digest"], name="live_reply_once")]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.gateway} {self.outcome}"


class ClientSetting(models.Model):
    """How messages to one client go out: at once, after approval, or after ``minutes`` unless a person holds them."""

    AT_ONCE, APPROVAL, TIMER = "at_once", "approval", "timer"

    client = models.CharField(max_length=64, unique=True)
    mode = models.CharField(max_length=8, default=TIMER)
    minutes = models.SmallIntegerField(default=10)
    changed_by = models.CharField(max_length=150)

    class Meta:
        ordering: ClassVar = ["client"]

    def __str__(self) -> str:
        return f"{self.client} {self.mode}"


class OnCall(models.Model):
    """Who is on call from one instant to another, and the deputy, by account; ``site`` empty: for every site."""

    site = models.CharField(max_length=64, blank=True)
    start = models.DateTimeField()
    end = models.DateTimeField(db_index=True)
    led_by = models.CharField(max_length=150)
    deputised_by = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering: ClassVar = ["start", "site", "pk"]

    def __str__(self) -> str:
        return f"{self.start:%Y-%m-%d %H:%M} {self.site or '*'} {self.led_by}"


class CalendarLink(models.Model):
    """The secret link by which an account's calendar subscribes to the rota; of the secret only its SHA-256."""

    account = models.CharField(max_length=150, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.account


class ShiftLink(models.Model):
    """The secret link by which an agent's telephone subscribes to the own shifts; of the secret only its SHA-256."""

    agent = models.CharField(max_length=64, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.agent


class Alert(models.Model):
    """A loss outside office hours, and the calls to the person on call and the deputy until one takes it.

    ``sites`` and ``carriers`` are what was lost. ``led_by`` is empty where no person was on call. ``calls`` counts
    those made, the next one is due at ``due_at``; each of the two has a link of their own. ``released_at``: since
    when messages no longer wait for it; ``ended_at``: everything was back before anyone took it. Instants are on
    the stream's clock.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    stream = models.CharField(max_length=64, db_index=True)
    sites = models.JSONField(default=list)
    carriers = models.JSONField(default=list)
    raised_at = models.DateTimeField()
    led_by = models.CharField(max_length=150, blank=True)
    deputised_by = models.CharField(max_length=150, blank=True)
    lead_token = models.CharField(max_length=43, unique=True)
    deputy_token = models.CharField(max_length=43, unique=True)
    calls = models.IntegerField(default=0)
    due_at = models.DateTimeField(null=True)
    taken_by = models.CharField(max_length=150, blank=True)
    taken_at = models.DateTimeField(null=True)
    released_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering: ClassVar = ["-raised_at", "pk"]

    def __str__(self) -> str:
        return str(self.id)


class RoutingState(models.Model):
    """One system of one stream, as it was observed last. Times are real ones, in a drill too.

    ``state`` is that of ``releve.routing.adapter`` since ``since``; ``number`` the generation
    wanted, ``held`` the one that it holds (null: none, or it cannot say). ``astray_since`` is since
    when it has not held what is wanted; ``alarmed`` whether that is in the ledger. ``dead`` are the
    places that the system itself found dead: {place: since when}.
    """

    stream = models.CharField(max_length=64)
    adapter = models.CharField(max_length=64)
    number = models.IntegerField()
    held = models.IntegerField(null=True)
    state = models.CharField(max_length=12)
    since = models.DateTimeField()
    astray_since = models.DateTimeField(null=True)
    alarmed = models.BooleanField(default=False)
    observed_at = models.DateTimeField()
    dead = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "adapter"], name="live_routing_state_once")]
        ordering: ClassVar = ["adapter"]

    def __str__(self) -> str:
        return f"{self.stream} {self.adapter} {self.state}"


class PreparedSwitch(models.Model):
    """The routes that the loss of a contingency would publish, worked out beforehand.

    ``basis`` names what they were worked out from: plan, relief, losses, people at work and half
    hour. ``source`` is ``planned`` (people move as the plan has it) or ``unrelieved`` (a relief is
    in force: they stay). ``body`` is that of :class:`~releve.live.models.Routes`; ``rehearsals``
    are the answers of the systems that were asked to plan it: [adapter, changes or null, error].
    """

    stream = models.CharField(max_length=64)
    contingency = models.CharField(max_length=80)
    basis = models.CharField(max_length=64)
    at = models.DateTimeField()
    source = models.CharField(max_length=10)
    moved = models.IntegerField()
    content = models.CharField(max_length=64)
    body = models.JSONField()
    rehearsals = models.JSONField(default=list)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "contingency"], name="live_switch_once")]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return f"{self.stream} {self.contingency}"


class IdempotencyKey(models.Model):
    """The key of a recorded event: the same key again changes nothing."""

    stream = models.CharField(max_length=64)
    key = models.CharField(max_length=128)
    kind = models.CharField(max_length=64)
    seq = models.IntegerField()
    answers = models.JSONField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["stream", "key"], name="live_one_act_a_key")]

    def __str__(self) -> str:
        return f"{self.stream} {self.key}"


class Effect(models.Model):
    """One thing to do, once. Times are real ones, in a drill too.

    ``queued`` → ``claimed`` (by a worker, until its lease ends) → ``done``; or ``aside`` when it
    failed too often. ``lane`` says which workers look for it.
    """

    QUEUED, CLAIMED, DONE, ASIDE = "queued", "claimed", "done", "aside"

    stream = models.CharField(max_length=64)
    lane = models.CharField(max_length=16)
    kind = models.CharField(max_length=32)
    key = models.CharField(max_length=160, unique=True)
    body = models.JSONField()
    state = models.CharField(max_length=8, default=QUEUED)
    attempts = models.IntegerField(default=0)
    made_at = models.DateTimeField()
    next_at = models.DateTimeField()
    claimed_by = models.CharField(max_length=64, blank=True)
    claimed_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["state", "lane", "next_at"], name="live_effect_next")]
        ordering: ClassVar = ["pk"]

    def __str__(self) -> str:
        return self.key


class Stream(models.Model):
    """``live``, or a drill: ``drill:7``.

    ``offset`` is what a drill's clock is ahead of the real one (behind, where negative); ``seed``
    the last ledger entry that its situation starts from.
    """

    name = models.CharField(max_length=64, unique=True)
    title = models.CharField(max_length=200, blank=True)
    started_by = models.CharField(max_length=150, blank=True)
    started_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    offset = models.DurationField(default=timedelta)
    seed = models.IntegerField(default=0)

    class Meta:
        ordering: ClassVar = ["-started_at", "-pk"]

    def __str__(self) -> str:
        return self.name


class WorkerBeat(models.Model):
    """One worker process: when it last said that it runs, and when it was stopped on purpose.

    ``decided_at`` is when its deciding thread last came round, so that one which hangs is seen;
    ``clock_moved_seconds`` is by how much the clock was set ahead since it started, or back;
    ``has_room`` is whether it found room on the database's disk, ``compiling`` whether its kernels are
    not compiled yet; ``faults`` is what it found wrong with the house, see :mod:`releve.live.house_faults`.
    """

    name = models.CharField(max_length=64, primary_key=True)
    started_at = models.DateTimeField()
    beat_at = models.DateTimeField(db_index=True)
    decided_at = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    clock_moved_seconds = models.FloatField(default=0.0)
    has_room = models.BooleanField(default=True)
    compiling = models.BooleanField(default=False)
    faults = models.JSONField(default=list)

    def __str__(self) -> str:
        return self.name


class DailyRun(models.Model):
    """The daily jobs of one UTC day: when they were tried and completed, and what they did.

    ``scrubbed`` is False while another connection kept erased values in the database's files.
    """

    day = models.DateField(primary_key=True)
    tried_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    erased = models.IntegerField(default=0)
    scrubbed = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"{self.day} {'done' if self.done_at else 'begun'}"
