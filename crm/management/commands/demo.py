"""`manage.py demo`: fills an empty database with a company to look around in."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from crm import demo
from crm.demo.company import ZONE, Account, Staff, standing_accounts
from crm.demo.world import World
from crm.models import Company, User


class Command(BaseCommand):
    help = "Fills an empty database with a company to look around in; only with DEBUG on."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="do nothing when there are users already")
        parser.add_argument("--migrate", action="store_true", help="first bring the database up to date")
        parser.add_argument("--seed", type=int, default=1, help="the same seed tells the same story on the same day")

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError(_("The demo data comes with a known password, so it is only made with DEBUG on."))
        if options["migrate"]:
            call_command("migrate", interactive=False, verbosity=0)
        if User.objects.exists():
            if options["if_empty"]:
                self._print_accounts(standing_accounts())
                return
            raise CommandError(_("This database is in use: the demo data needs an empty one."))
        with transaction.atomic():
            world = begin(options["seed"])
            demo.tell(world, self._say)
        self._print_accounts(world.of(Staff).accounts)

    def _say(self, title: str) -> None:
        self.stdout.write(_("Demo data: %(chapter)s") % {"chapter": title})
        self.stdout.flush()

    def _print_accounts(self, accounts: list[Account]) -> None:
        if accounts:
            self.stdout.write(_("Demo data is there. Sign in as:"))
        for account in accounts:
            self.stdout.write(f"  {account.user.get_role_display():8} {account.user.email:32} {account.password}")


def begin(seed: int) -> World:
    """The story of today, as the company counts its days."""
    zone = Company(time_zone=ZONE).zone
    return World(seed, timezone.now().astimezone(zone).date(), zone)
