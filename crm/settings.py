"""Settings, from the environment. `crm.environment` reads, checks and refuses; README lists the variables."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_lazy as _

from crm import environment

BASE_DIR = Path(__file__).resolve().parent.parent
# What the product itself writes: the embedded database, the embedded queue, files.
VAR = BASE_DIR / environment.text("VAR", "var")

DEBUG = environment.flag("DEBUG")
SECRET_KEY = environment.secret_key(DEBUG)
SECRET_KEY_FALLBACKS = environment.words("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = environment.allowed_hosts(DEBUG)
SITE_URL = environment.site_url(DEBUG)
CSRF_TRUSTED_ORIGINS = [SITE_URL]

INSTALLED_APPS = [
    "crm.apps.CrmConfig",
    "leads.apps.LeadsConfig",
    "pipeline.apps.PipelineConfig",
    "metrics.apps.MetricsConfig",
    "csp",
    "django_htmx",
    "rest_framework",
    "crm.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "crm.middleware.request_line",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "crm.middleware.private_pages",
    "crm.visitors.readable_address",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "crm.middleware.session_age",
    "crm.visitors.sign_in_again",
    # Closed by default: a page that forgets to ask who is there is not public.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "crm.visitors.own_time",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crm.middleware.own_page_not_found",
    "crm.middleware.opened_last",
]

ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
    {
        # Only for what is drawn by the hundred: the cards of a board.
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "NAME": "jinja2",
        "DIRS": [BASE_DIR / "templates" / "jinja2"],
        "APP_DIRS": False,
        "OPTIONS": {"autoescape": True, "trim_blocks": True},
    },
]

# --- Data

# No ATOMIC_REQUESTS: on SQLite a transaction takes the write lock at once, so a page that only reads would hold it.
DATABASES = {"default": environment.database(BASE_DIR, VAR / "stagecraft.sqlite3")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = environment.redis()
# Longer than this, a page does not wait for Redis: it works without.
REDIS_PATIENCE = {"socket_timeout": 0.2, "socket_connect_timeout": 0.2}
CACHES: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": REDIS_PATIENCE,
    }
    if REDIS_URL
    else {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}
}

# --- People

AUTH_USER_MODEL = "crm.User"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "sign-in"
PASSWORD_RESET_TIMEOUT = int(timedelta(hours=1).total_seconds())
PASSWORD_HASHERS = ["crm.hashers.SmallArgon2Hasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
_VALIDATION = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": "crm.hashers.MaximumLengthValidator"},
    {"NAME": f"{_VALIDATION}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_VALIDATION}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_VALIDATION}.CommonPasswordValidator"},
]

# --- Sessions and cookies

SESSION_IDLE = timedelta(hours=12)
SESSION_ABSOLUTE = timedelta(days=14)
SESSION_COOKIE_AGE = int(SESSION_ABSOLUTE.total_seconds())
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
# A browser takes a cookie of this prefix only from this very host, over https, for the whole site.
SESSION_COOKIE_NAME = "stagecraft_session" if DEBUG else "__Host-session"
CSRF_FAILURE_VIEW = "crm.errors.csrf_failure"
CSRF_COOKIE_NAME = "stagecraft_csrf" if DEBUG else "__Host-csrf"

# --- What every answer carries

SECURE_SSL_REDIRECT = not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 0 if DEBUG else int(timedelta(days=365).total_seconds())
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = not DEBUG
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
PERMISSIONS_POLICY = "camera=(), microphone=(), geolocation=(), payment=(), usb=(), browsing-topics=()"

CSP_REPORT_PATH = "/csp-report"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "report-uri": CSP_REPORT_PATH,
    }
}

# The number of proxies in front of us. With 0, no X-Forwarded header is believed: anybody can send one.
TRUSTED_PROXY = environment.number("TRUSTED_PROXY", 0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY else None

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
# Files go to the disk as they come in, whatever their size; a request over its limit is not read to its end.
FILE_UPLOAD_HANDLERS = ["crm.uploads.IncomingFileHandler"]
DATA_UPLOAD_MAX_NUMBER_FILES = 10
LARGEST_FILE = 20 * 1024 * 1024
LARGEST_UPLOAD = DATA_UPLOAD_MAX_NUMBER_FILES * LARGEST_FILE + DATA_UPLOAD_MAX_MEMORY_SIZE

# --- The API

# Of one token; 0 counts nothing.
API_REQUESTS_PER_MINUTE = environment.number("API_REQUESTS_PER_MINUTE", 1200)
REST_FRAMEWORK = {"UNAUTHENTICATED_USER": None, "EXCEPTION_HANDLER": None}

# --- Files

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [path for path in (BASE_DIR / "static", BASE_DIR / "static_vendor") if path.is_dir()]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "crm.static_files.HashedFilesStorage"
    },
}
# No address leads here: a page that asks who is there hands a file out.
MEDIA_ROOT = VAR / "media"
FILE_UPLOAD_PERMISSIONS, FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o600, 0o700
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# --- Words, times

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "UTC"
USE_TZ = USE_I18N = True

# --- Mail

for _name, _value in environment.email(DEBUG, VAR / "mail").items():
    globals()[_name] = _value
EMAIL_TIMEOUT = 10
# A sender that died may have sent its mail. By default it is sent again; with this it is parked for an admin to look at.
MAIL_AT_MOST_ONCE = environment.flag("MAIL_AT_MOST_ONCE")
DEFAULT_FROM_EMAIL = SERVER_EMAIL = environment.text("DEFAULT_FROM_EMAIL", "Stagecraft <stagecraft@localhost>")

# --- Background jobs: rows with a due time are the truth, Celery only wakes.

# A page that cannot wake a worker goes on at once: the worker looks by itself.
BROKER_PATIENCE = {**REDIS_PATIENCE, "max_retries": 0}
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        **BROKER_PATIENCE,
        "visibility_timeout": 3600,
        # Without it, messages of a dead worker wait ten times ten seconds longer.
        "unacked_restore_throttle": 1,
    }
else:
    CELERY_BROKER_URL = "filesystem://localhost"  # without a host, kombu warns at each start
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(VAR / "broker" / "messages"),
        "data_folder_out": str(VAR / "broker" / "messages"),
        "control_folder": str(VAR / "broker" / "control"),
        "polling_interval": 0.1,
    }
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = CELERY_EVENT_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = 20 * 60
CELERY_TASK_TIME_LIMIT = 25 * 60  # under half of the visibility timeout, or a job would run twice at once
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20 if REDIS_URL else 2
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = environment.text("BEAT_SCHEDULE", str(VAR / "beat"))
# name: {"task": "crm.jobs.…", "schedule": seconds, "options": {"expires": seconds}}; each job's owner adds its line.
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "mail": {"task": "crm.jobs.deliver_mail", "schedule": 15, "options": {"expires": 15}},
    "reminders": {"task": "crm.jobs.deliver_reminders", "schedule": 15, "options": {"expires": 15}},
    "overdue": {"task": "pipeline.jobs.tell_of_overdue", "schedule": 15 * 60, "options": {"expires": 15 * 60}},
    # Rules write rows of change and wake nobody: so long an event waits at most before it is sent the first time.
    "webhooks": {"task": "crm.jobs.deliver_webhooks", "schedule": 5, "options": {"expires": 5}},
    "tidy up": {"task": "crm.jobs.tidy_up", "schedule": 6 * 3600, "options": {"expires": 3600}},
    "bulk changes": {"task": "pipeline.jobs.work_bulk", "schedule": 15, "options": {"expires": 15}},
    "finish retirements": {"task": "pipeline.jobs.finish_retirements", "schedule": 60, "options": {"expires": 60}},
    "idle deals": {"task": "pipeline.jobs.act_on_idle", "schedule": 300, "options": {"expires": 300}},
    "regular work": {"task": "pipeline.jobs.plan_regular_work", "schedule": 300, "options": {"expires": 300}},
    "remove stray files": {
        "task": "pipeline.jobs.remove_stray_files",
        "schedule": 6 * 3600,
        "options": {"expires": 3600},
    },
}

# --- Webhooks: only to public addresses; with this, in development, to this machine too.

WEBHOOKS_TO_LOOPBACK = environment.webhooks_to_loopback(DEBUG)

# --- Live pages: streams of one process; past them, pages ask every few seconds. One costs 0.2 MB and no thread of gunicorn.

LIVE_STREAMS = environment.number("LIVE_STREAMS", 400)

# --- Logs: one line a request, one line an event; no bodies, no personal data.

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "crm.logs.JsonFormatter"},
        "plain": {"()": "crm.logs.PlainFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain" if DEBUG else "json"}},
    "root": {"handlers": ["stderr"], "level": environment.text("LOG_LEVEL", "INFO").upper()},
    "loggers": {
        # Replaces Django's own set-up: mails to ADMINS, a console in DEBUG only, each refused page a warning.
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": False},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
