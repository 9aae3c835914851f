"""The API for programs: ``/api/v1/…``, described by ``/api/v1/openapi.json`` and ``/api/docs``.

=============  =====================================================================================
``doors``      who may enter an operation, by which credentials, how often; its ETag
``failing``    every error in the one shape of the desk
``schemas``    what is answered, typed
``events``     recording: one operation a kind of event, typed from the situation's own fields
``reading``    what stands: now, sites, clients, plan, reliefs, drills, acknowledgements
``records``    the ledger and the versions of the reference data
``document``   the OpenAPI document and the page that lists it
=============  =====================================================================================

An operation is the same as a page: its permission is a row of the table, its services are those
of the pages, and what a reader may not see there is not here either.
"""
