from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from crm import starting


class Command(BaseCommand):
    help = "Prepares an empty database: company, lists, three processes, and the first administrator, whose link it prints."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("email", help="of the first administrator")
        parser.add_argument("--name", default="Administrator", help="of the first administrator")
        parser.add_argument("--company", default="", help="the name of the company")
        parser.add_argument("--time-zone", default="UTC", help="such as Europe/Berlin")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            link = starting.set_up(
                options["email"], options["name"], company=options["company"], time_zone=options["time_zone"]
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(
            _("Ready. Open this link within an hour to set the password of %(email)s:") % {"email": options["email"]}
        )
        self.stdout.write(link)
