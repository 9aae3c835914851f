"""The API for programs: ``/api/v1/…``, described by ``/api/v1/openapi.json`` and ``/api/docs``.

An operation has the permission and the services of its page, and shows the same.
"""
