"""The desk as a WSGI application: ``releve.desk.wsgi:application``."""

from __future__ import annotations

import os
from pathlib import Path

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from releve.files.home import require_home

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "releve.settings")
require_home(Path(settings.HOME))
application = get_wsgi_application()
