"""Django settings of the installation, from the environment: `releve settings` lists the variables."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from releve import environment
from releve.plugin import list_plugins

environment.refuse_replaced(os.environ)
HOME = environment.find_home(os.environ)

_folder = environment.read_text(os.environ, "RELEVE_PLAN_FOLDER")
PLAN_FOLDER: Path | None = Path(_folder) if _folder else None

DEBUG = environment.read_flag(os.environ, "RELEVE_DEBUG", default=False)
SECRET_KEY = environment.load_or_create_secret(os.environ, "RELEVE_SECRET_KEY") or get_random_secret_key()
SECRET_KEY_FALLBACKS = environment.read_old_secrets(os.environ, "RELEVE_SECRET_KEY", datetime.now(UTC).date())
LEDGER_KEY = environment.read_text(os.environ, "RELEVE_LEDGER_KEY")
LEDGER_NEXT_KEY = environment.read_text(os.environ, "RELEVE_LEDGER_NEXT_KEY")
LEDGER_ORIGIN = environment.read_text(os.environ, "RELEVE_LEDGER_ORIGIN")
GATE_KEY = environment.read_text(os.environ, "RELEVE_GATE_KEY")
BACKUP_TO = environment.read_recipients(os.environ, "RELEVE_BACKUP_TO")
EVENTS_PRIVATE = environment.read_flag(os.environ, "RELEVE_EVENTS_PRIVATE", default=False)
OUTSIDE = environment.read_outside(os.environ, "RELEVE_OUTSIDE")
CLERK_OF = environment.read_text(os.environ, "RELEVE_CLERK_OF")
CLERK_TOKEN = environment.read_text(os.environ, "RELEVE_CLERK_TOKEN")
GATE_CALLERS = environment.read_text(os.environ, "RELEVE_GATE_CALLERS")
ALLOWED_HOSTS = environment.read_hosts(os.environ, "RELEVE_ALLOWED_HOSTS", ("127.0.0.1", "localhost", "[::1]"))
CSRF_TRUSTED_ORIGINS = environment.read_origins(os.environ, "RELEVE_TRUSTED_ORIGINS")

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "django_htmx",
    "releve.desk",  # before allauth, whose templates the desk's own replace
    "releve.accounts",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "releve.registry",
    "releve.ledger",
    "releve.service_record",
    "releve.live",
    "releve.runs",
    *(app for plugin in list_plugins() for app in plugin.apps),
]
MIDDLEWARE = [
    "releve.desk.system.request_log_middleware",
    "django.middleware.security.SecurityMiddleware",
    "releve.desk.http.security_headers",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "releve.desk.navigation.name_direction_middleware",
    "releve.desk.http.BodySizes",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "releve.desk.system.one_version",
    "releve.desk.access.guard.open_desk_middleware",
    "releve.desk.access.guard.session_limits_middleware",
    "releve.desk.http.answered_if_busy",
]
ROOT_URLCONF = "releve.desk.urls"
WSGI_APPLICATION = "releve.desk.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "libraries": {
                "correction_words": "releve.desk.live.corrections",
                "grid_words": "releve.desk.grid.words",
                "health_words": "releve.desk.health",
                "incident_words": "releve.desk.incident",
                "ledger_words": "releve.desk.ledger",
                "live_words": "releve.desk.live.words",
                "now_words": "releve.desk.now",
                "switch_words": "releve.desk.switches",
                "service_words": "releve.desk.service",
                "standing_words": "releve.desk.client_status",
                "transport_words": "releve.desk.transport",
                "relief_aim_words": "releve.desk.relief_aim",
                "relief_words": "releve.desk.relief",
                "plan_cell_words": "releve.desk.plan.words",
                "planning_words": "releve.desk.planning",
                "calendar_words": "releve.desk.day_calendar",
                "forecast_words": "releve.desk.forecast",
                "places_words": "releve.desk.places.page",
                "calls_words": "releve.desk.places.calls",
                "roll_words": "releve.desk.places.roll",
                "plan_words": "releve.desk.plan.words",
                "call_words": "releve.desk.registry.call_import",
                "feed_words": "releve.desk.registry.feeds",
                "schedule_words": "releve.desk.registry.schedule_import",
                "registry_words": "releve.desk.registry.page",
                "surge_words": "releve.desk.surge",
                "rules_words": "releve.desk.rules",
                "week_words": "releve.desk.week",
                "values": "releve.desk.filters",
                **{k: v for plugin in list_plugins() for k, v in plugin.template_libraries.items()},
            },
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "releve.desk.navigation.context",
            ],
        },
    }
]
DATABASES = {"default": environment.read_database(os.environ, "RELEVE_DATABASE_URL", HOME / "releve.sqlite3")}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "accounts_cache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "account_login"
_urls = environment.read_origins(os.environ, "RELEVE_URL")
DESK_URL = (_urls or ["http://127.0.0.1:8000"])[0]
DESK_URL_IS_SET = bool(_urls)
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
ERASE_WAIT_SECONDS = environment.read_number(os.environ, "RELEVE_ERASE_WAIT_SECONDS", 5)
SESSION_COOKIE_AGE = 3600 * environment.read_number(os.environ, "RELEVE_SESSION_HOURS", 12)
SESSION_IDLE_SECONDS = 60 * environment.read_number(os.environ, "RELEVE_SESSION_IDLE_MINUTES", 60)
SESSION_COOKIE_SAMESITE = "Lax"

ACCOUNT_ADAPTER = "releve.desk.access.forms.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an administrator vouches for the address of an account
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Relève: "
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_ADAPTER = "releve.desk.access.forms.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_TOTP_ISSUER = "Relève"
MFA_TOTP_TOLERANCE = 1  # a code holds for the half minute before and after its own, too
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = DESK_URL.startswith("http://")
SOCIALACCOUNT_ADAPTER = "releve.desk.access.forms.ServiceAdapter"
_SERVICES = environment.read_sign_in_service(os.environ)
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": _SERVICES}}
GROUP_CLAIMS = environment.read_group_claims(os.environ)
SERVICE_SESSION_SECONDS = 60 * environment.read_number(os.environ, "RELEVE_OIDC_SESSION_MINUTES", 480)
# Signing in there starts with a form, which the content policy lets lead there.
FORM_TARGETS = [environment.parse_origin(app["settings"]["server_url"]) for app in _SERVICES]
# An address that the service vouches for opens no account: its owner connects the two, on My account.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = False
IDENTITY_PAGE = f"{DESK_URL}/identity"
ACCOUNT_PAGE = f"{DESK_URL}/account"
IDENTITY_KEY = environment.read_box_key(os.environ, "RELEVE_IDENTITY_KEY")
IDENTITY_FILE = Path(environment.read_text(os.environ, "RELEVE_IDENTITY_FILE") or HOME / "identity" / "names.box")
USERSESSIONS_TRACK_ACTIVITY = False

OPEN_DESK = environment.read_flag(os.environ, "RELEVE_OPEN", default=False)
OPEN_DESK_ACTS = environment.read_flag(os.environ, "RELEVE_OPEN_ACTS", default=False)
SECOND_FACTOR_REQUIRED = (
    environment.read_choice(os.environ, "RELEVE_SECOND_FACTOR", ("required", "optional")) == "required"
)
API_PER_MINUTE = environment.read_number(os.environ, "RELEVE_API_PER_MINUTE", 600)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = environment.read_choice(os.environ, "RELEVE_LANGUAGE", ("fr", "en"))
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [Path(__file__).parent / "desk" / "locale"]
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 60

_HTTPS = environment.read_flag(os.environ, "RELEVE_HTTPS", default=False)
SECURE_SSL_REDIRECT = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = (
    _HTTPS and environment.read_choice(os.environ, "RELEVE_HSTS", ("subdomains", "host")) == "subdomains"
)
LANGUAGE_COOKIE_SECURE = CSRF_COOKIE_SECURE = SESSION_COOKIE_SECURE = _HTTPS
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _HTTPS else "http"
ALLAUTH_TRUSTED_PROXY_COUNT = environment.read_number(os.environ, "RELEVE_PROXIES", 1 if _HTTPS else 0, least=0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

vars().update(environment.read_mail(os.environ))
DEFAULT_FROM_EMAIL = environment.read_text(os.environ, "RELEVE_MAIL_FROM") or "releve@localhost"

_LOG_FORMAT = environment.read_choice(os.environ, "RELEVE_LOG_FORMAT", ("line", "json"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "releve.log_formats.LineFormatter",
            "format": "{asctime} {levelname} {name} {message}",
            "style": "{",
        },
        "json": {"()": "releve.log_formats.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": _LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"level": "WARNING"},  # without its own handlers, which write addresses
        "releve.requests": {"level": "INFO"},
    },
}
