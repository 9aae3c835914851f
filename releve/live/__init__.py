"""The live chain: event, relief, routes, people; each effect once, on a real clock or a drill's.

What the desk uses stands in :mod:`releve.live.api` (``from releve.live import api as live``; it
cannot be imported here, since Django loads this package before its models). A ``stream`` is
``live`` or a drill's name, and every function below takes it.

====================================  ==========================================================
``record(event, key=…)``              writes an event, the rules' answers and what is to be done;
                                      ``Refused.reasons`` say why not, ``Busy`` to try again. The
                                      key is a form's own random text: the same again does nothing
``situation_now()``                   the situation, folded once and kept; the same value until
                                      an event changes it
``preview(sites=…, carriers=…)``      what a loss would do, in numbers, before it is confirmed
``coverage(hours=48)``                each client's half hours ahead, reliefs and absences counted
``reliefs()``                         generations, the one in force first: source, what is lost,
                                      how many moved, when asked for, made and published
``scene_of()``                        who works where on the days ahead: ``working(day)``
``activate_plan(folder, by=…)``       puts a plan folder in force; ``activation()`` says which is
``message_counts()``                  told, sent, acknowledged, waiting, by relief, role and site
``acknowledge(token)``                the answer behind a message's link ``/ack/TOKEN``, which
                                      the desk serves without sign-in; twice is once
``import_contacts(data, by=…)``       who is reached where; ``erase_person(agent)`` takes it away
``effects_aside()``, ``_late()``,     what failed too often and waits for somebody, what is being
``_waiting()``, ``retry_effect()``    tried again, how much is queued; once more, from the start
``start_drill(title, by=…, at=…)``,   a drill from the live situation on; ``move_drill`` puts its
``stop_drill``, ``drills``            clock forward; nobody real is told and nothing real routed
``now()``, ``operator_now()``,        the one clock, the operator and the rules that all of this
``rules_now()``                       goes by
====================================  ==========================================================

``releve live work`` runs the worker. The life of an effect is told in :mod:`.effects`, what makes
a relief in :mod:`.deciding`, who is told in :mod:`.telling` and :mod:`.messages`.
"""
