"""The live chain: event, relief, routes, people; each effect once, on a real clock or a drill's.

The desk and the command line import :mod:`releve.live.api` alone (``from releve.live import api as
live``; not this package, which Django loads before its models). A ``stream`` is ``live`` or a
drill's name; most functions take it, ``live`` by default. ``record(event, key=…)`` writes an event
with its consequences and effects: ``Refused`` holds the reasons, ``Busy`` means try again, and the
same key again returns the first result. ``releve live work`` runs the worker (:mod:`.worker`).
"""
