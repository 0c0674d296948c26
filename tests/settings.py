"""The product's settings, as tests see them: development without its conveniences, and quick passwords."""

import os

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("EMAIL_URL", "memorymail://")
os.environ.setdefault("LOG_LEVEL", "ERROR")

from crm.settings import *  # noqa: F403
from crm.settings import CACHES, DATABASES, PASSWORD_HASHERS, REDIS_URL, VAR

# 47 ms a password would be most of a test; tests marked `real_hashing` take the product's own (tests/conftest.py).
REAL_PASSWORD_HASHERS = PASSWORD_HASHERS
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *REAL_PASSWORD_HASHERS]

# A file and not memory: threads that share one connection would see each other's open transactions.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    (VAR / "test").mkdir(parents=True, exist_ok=True)
    DATABASES["default"]["TEST"] = {"NAME": str(VAR / "test" / f"{os.environ.get('LANE', 'one')}.sqlite3")}
    options = DATABASES["default"]["OPTIONS"]
    options["init_command"] = options["init_command"].replace("synchronous=FULL", "synchronous=OFF")

# Both halves of a lane use one Redis.
CACHES["default"]["KEY_PREFIX"] = os.environ.get("PYTEST_XDIST_WORKER", "")
# Tests of one second share a minute; the one about it sets its own.
API_REQUESTS_PER_MINUTE = 0
if not REDIS_URL:
    # No test writes messages into the broker of the developer's own copy.
    CELERY_BROKER_URL = "memory://"
    CELERY_BROKER_TRANSPORT_OPTIONS = {}
