"""The product's settings, as tests see them: development without its conveniences, and quick passwords."""

import os

os.environ.setdefault("DEBUG", "1")
os.environ.setdefault("ALLOWED_HOSTS", "testserver,localhost,127.0.0.1")
os.environ.setdefault("EMAIL_URL", "memorymail://")
os.environ.setdefault("LOG_LEVEL", "ERROR")

from crm.settings import *  # noqa: E402, F403
from crm.settings import PASSWORD_HASHERS  # noqa: E402

# 47 ms a password would be most of a test; tests marked `real_hashing` take the product's own (tests/conftest.py).
REAL_PASSWORD_HASHERS = PASSWORD_HASHERS
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *REAL_PASSWORD_HASHERS]

# No test writes messages into the broker of the developer's own copy.
CELERY_BROKER_URL = os.environ.get("TEST_REDIS_URL") or "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, object] = {}
