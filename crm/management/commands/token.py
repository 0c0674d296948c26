from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from crm import tokens
from crm.models import ApiToken, User


class Command(BaseCommand):
    help = "Makes an access token for the API and prints it, once: it is kept nowhere."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="of the person for whom it acts")
        parser.add_argument("--scope", choices=ApiToken.Scope.values, default="read", help="what it may do (read)")
        parser.add_argument("--name", default="manage.py", help="what it is for")

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.active().filter(email=options["email"].strip().lower()).first()
        if user is None:
            raise CommandError(_("Nobody who works here has the email %(email)s.") % {"email": options["email"]})
        try:
            _token, value = tokens.make(user, options["name"], options["scope"])
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(value)
