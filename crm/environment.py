"""Reads the configuration from the environment and refuses what is wrong: one sentence, no traceback.

Each variable NAME may be given as NAME_FILE instead, the path of a file that holds the value (secrets of a container).
"""

import os
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import environ

DATABASES = {"sqlite", "postgres", "postgresql"}
BROKERS = {"redis", "rediss"}
MAILERS = {
    "smtp",
    "smtps",
    "smtp+tls",
    "smtp+ssl",
    "consolemail",
    "filemail",
    "memorymail",
    "dummymail",
}


def refuse(name: str, why: str) -> NoReturn:
    # Not ImproperlyConfigured: manage.py, gunicorn and celery would each wrap it in a traceback of its own.
    raise SystemExit(f"Stagecraft does not start: {name} {why}.")


def text(name: str, default: str = "") -> str:
    path = os.environ.get(f"{name}_FILE", "")
    if not path:
        return os.environ.get(name, "").strip() or default
    if os.environ.get(name):
        refuse(name, f"is set, and {name}_FILE is set too; keep one of them")
    try:
        return Path(path).read_text().strip() or default
    except OSError as error:
        refuse(f"{name}_FILE", f"names {path}, which cannot be read ({error.strerror})")


def words(name: str) -> list[str]:
    return [word.strip() for word in text(name).split(",") if word.strip()]


def flag(name: str, default: bool = False) -> bool:
    value = text(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off"}:
        return False
    refuse(name, f"is “{value}”; it must be 1 or 0")


def number(name: str, default: int) -> int:
    value = text(name, str(default))
    if not value.isascii() or not value.isdigit():
        refuse(name, f"is “{value}”; it must be a whole number, 0 or more")
    return int(value)


def scheme_of(name: str, url: str, known: set[str]) -> str:
    """The scheme of an address. The address itself is never shown: it may hold a password."""
    scheme, found, _ = url.partition("://")
    if not found or scheme not in known:
        wanted = ", ".join(f"{each}://" for each in sorted(known))
        refuse(name, f"{f'begins with “{scheme}”' if found else 'is no address'}; it must begin with one of {wanted}")
    return scheme


def secret_key(debug: bool) -> str:
    value = text("SECRET_KEY")
    if debug:
        return value or "for-development-only-" + "0123456789" * 4
    how = "make one with: python -c 'import secrets; print(secrets.token_urlsafe(50))'"
    if not value:
        refuse("SECRET_KEY", f"is missing; {how}")
    if len(value) < 50 or len(set(value)) < 5 or value.startswith("django-insecure-"):
        refuse("SECRET_KEY", f"is too easy to guess, it needs 50 random characters or more; {how}")
    return value


def allowed_hosts(debug: bool) -> list[str]:
    hosts = words("ALLOWED_HOSTS")
    if "*" in hosts:
        refuse("ALLOWED_HOSTS", "contains “*”; name the hosts that people type, for example crm.example.com")
    if not hosts and not debug:
        refuse("ALLOWED_HOSTS", "is missing; name the hosts that people type, for example crm.example.com")
    return hosts or ["localhost", "127.0.0.1", "[::1]"]


def site_url(debug: bool) -> str:
    """Scheme and host under which people reach the product; links in mails begin with it."""
    value = text("SITE_URL", f"http://127.0.0.1:{text('PORT', '8000')}" if debug else "")
    if not value:
        refuse("SITE_URL", "is missing; it is the address that people open, for example https://crm.example.com")
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        refuse("SITE_URL", f"is “{value}”, which is no address")
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
        refuse("SITE_URL", f"is “{value}”; it must be an absolute address such as https://crm.example.com")
    if parts.path.strip("/") or parts.query or parts.fragment:
        refuse("SITE_URL", f"is “{value}”; it must end after the host, without a path")
    if parts.scheme == "http" and not debug:
        refuse("SITE_URL", f"is “{value}”; it must begin with https://, because sessions travel over https only")
    return f"{parts.scheme}://{parts.netloc}"


def database(base: Path, embedded: Path) -> dict[str, Any]:
    """Relative paths of SQLite files begin at `base`, so that it does not matter where a command is called from."""
    url = text("DATABASE_URL", f"sqlite:///{embedded}")
    if scheme_of("DATABASE_URL", url, DATABASES) == "sqlite":
        return _sqlite(url, base)
    return _postgresql(url)


def _sqlite(url: str, base: Path) -> dict[str, Any]:
    name = str(environ.Env.db_url_config(url)["NAME"])
    if name != ":memory:":
        name = str(base / name)
        Path(name).parent.mkdir(parents=True, exist_ok=True)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": name,
        "OPTIONS": {
            "timeout": 20,
            # Deferred transactions that read and then write fail at once with "database is locked"; these queue up.
            "transaction_mode": "IMMEDIATE",
            "init_command": (
                "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA temp_store=MEMORY;PRAGMA mmap_size=134217728;"
                "PRAGMA journal_size_limit=67108864;PRAGMA cache_size=-20000;"
            ),
        },
    }


def _postgresql(url: str) -> dict[str, Any]:
    try:
        config = dict(environ.Env.db_url_config(url))
    except ValueError:
        refuse("DATABASE_URL", "is no address; a password with special characters must be percent-encoded")
    if not config.get("NAME"):
        refuse("DATABASE_URL", "names no database; it looks like postgres://user:password@host:5432/name")
    # A statement that waits for a lock gives up before its reader does; 0 means that long statements may finish,
    # which imports, migrations and `verify` need. The web service sets a limit.
    limits = f"-c lock_timeout=10s -c statement_timeout={number('STATEMENT_TIMEOUT', 0)}s"
    # For solid state disks: at PostgreSQL's own 4 a page of 200 deals reads every organization there is. No query here
    # runs so long that compiling it pays.
    limits += " -c random_page_cost=1.1 -c jit=off"
    options = {"connect_timeout": 5, "application_name": "stagecraft", "options": limits}
    return {
        **config,
        "ENGINE": "django.db.backends.postgresql",
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options | config.get("OPTIONS", {}),
    }


def webhooks_to_loopback(debug: bool) -> bool:
    """For receivers that a developer runs beside us. In production it would open what lies behind the firewall."""
    wanted = flag("WEBHOOKS_TO_LOOPBACK")
    if wanted and not debug:
        refuse("WEBHOOKS_TO_LOOPBACK", "is for development; webhooks never reach this machine in production")
    return wanted


def redis() -> str:
    url = text("REDIS_URL")
    if url:
        scheme_of("REDIS_URL", url, BROKERS)
    return url


def email(debug: bool, folder: Path) -> dict[str, Any]:
    """In development mails go into `folder`; an administrator reads them there."""
    url = text("EMAIL_URL", "filemail://" if debug else "")
    if not url:
        refuse(
            "EMAIL_URL",
            "is missing; password resets and reminders need a mail server, for example "
            "smtp+tls://user:password@mail.example.com:587 (consolemail:// prints mails instead)",
        )
    scheme_of("EMAIL_URL", url, MAILERS)
    try:
        config = dict(environ.Env.email_url_config(url))
    except ValueError:
        refuse("EMAIL_URL", "is no address; a password with special characters must be percent-encoded")
    if url.startswith("filemail://"):
        config |= {
            "EMAIL_BACKEND": "crm.mail_folder.Backend",
            "EMAIL_FILE_PATH": config["EMAIL_FILE_PATH"] or str(folder),
        }
    return config
