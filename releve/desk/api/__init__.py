"""The API for programs: ``/api/v1/…``, described by ``/api/v1/openapi.json`` and ``/api/docs``.

=====================  =============================================================================
``auth``               who may call an operation, with which credentials; its ETag
``errors``             every error in the one shape of the desk
``routes``             how an operation is registered
``schemas``            typed answers; those of *Now* and the plan are the page objects
``events``             recording: one operation per kind of event, typed from its own fields
``requests``           what people say on the phone, and feeds of it
``statistics_routes``  interval statistics and agents signed in, from programs
``state_routes``       now, sites, clients, the plan, reliefs, drills, acknowledgements
``record_routes``      the ledger and the versions of the reference data
``document``           the OpenAPI document and the page that lists it
=====================  =============================================================================

An operation has the permission and the services of its page, and shows the same.
"""
