"""The live chain: event, relief, routes, people; each effect once, on a real clock or a drill's.

The desk and the command line import :mod:`releve.live.api` alone (``from releve.live import api as
live``; this package cannot import it, since Django loads the package before its models). A
``stream`` is ``live`` or a drill's name; most functions take it, ``live`` by default.

=====================================  =========================================================
``record(event, key=…)``               write an event, its consequences and its effects;
                                       ``Refused`` holds the reasons, ``Busy`` means try again.
                                       The same key again returns the first result
``situation_now()``                    the situation, cached until the next event
``preview_impact(…)``                  the consequences of a loss in numbers, before it is recorded
``compute_coverage(…)``                each client's half hours ahead, with reliefs and absences
``count_seats(…)``,                    the seats of every site: in all, usable, taken; how each
``describe_sites(…)``                  site stands
``find_stays(…)``                      who was where in a period, by plan, relief or roster
``find_case_clusters(…)``              declared cases that shared a place or a time
``list_reliefs()``                     generations of reliefs, the one in force first
``load_scene(stream)``                 who works where on the days ahead: ``list_placements``
``activate_plan(folder, by=…)``        put a plan folder in force; ``load_activation`` reads it
``count_messages()``,                  agents with a message about days ahead, and what became of
``list_notified_agents(…)``            it; open until answered, replaced or over
``compare_rosters(scene, day)``        who moves from where to where on a day, against the plan
``acknowledge(token)``                 record the answer to a message's link ``/ack/TOKEN``
``import_contacts(data, by=…)``        replace the addresses; ``erase_person(agent)`` removes one's
``list_effects_aside()``,              effects that failed too often, effects being tried again,
``list_late_effects()``,               the number queued; start one from the first attempt
``count_waiting_effects()``,
``retry_effect()``
``start_drill(title, by=…, at=…)``,    start a drill from the live situation, move its clock
``move_drill``, ``stop_drill``,        forward, stop it, list all; a drill sends no real message
``list_drills``                        and publishes no real route
``now()``, ``operator_now()``,         the clock, the operator and the rules in force, with the
``rules_now(stream)``,                 packs that the stream has chosen; of a situation at hand
``select_rules(situation)``
=====================================  =========================================================

``releve live work`` runs the worker (:mod:`.worker`). :mod:`.effect_queue` describes the life of an
effect, :mod:`.relief_handler` what starts a relief, :mod:`.notifications` and :mod:`.messages` the
messages to people.
"""
