"""How passwords are kept, and how long they may be."""

from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

LONGEST = 128


class SmallArgon2Hasher(Argon2PasswordHasher):
    """Argon2id as OWASP's password storage cheat sheet sets it: 19 MiB, two passes, one lane, 47 ms a try.

    Django's own 100 MiB and eight lanes let ten guessers take the whole machine.
    """

    time_cost = 2
    memory_cost = 19 * 1024
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        if len(password) > LONGEST:
            raise ValueError("The password was not checked for its length before hashing.")
        return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        # Nobody has such a password, so no work is spent on it.
        return len(password) <= LONGEST and super().verify(password, encoded)


class MaximumLengthValidator:
    def validate(self, password: str, user: Any = None) -> None:
        if len(password) > LONGEST:
            raise ValidationError(
                _("This password is too long. It may have at most %(longest)d characters."),
                code="password_too_long",
                params={"longest": LONGEST},
            )

    def get_help_text(self) -> str:
        return _("Your password may have at most %(longest)d characters.") % {"longest": LONGEST}
