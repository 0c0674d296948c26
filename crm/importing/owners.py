"""Whose records the rows are: people by email or name, made on request, and who stands in where the file names nobody."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm import access, users
from crm.importing.columns import Entry, nearest
from crm.importing.run import Job, Stop, user_by_email
from crm.models import Company, User
from crm.models.audit import Via
from crm.tables import Row
from crm.text import same_name_key

DOMAIN = "import.invalid"
MOST = 1_000


class Owners:
    """`look` at every row, then `ready`; `of` gives the owner of an entry or adds a fault to it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.named: dict[str, str] = {}
        self.default = user_by_email(job.options.owner, "--owner") if job.options.owner else job.by
        self._load()

    def _load(self) -> None:
        """Those whom the importing person may make an owner; a name that two of them have names nobody."""
        self.assignable = list(access.assignable_users(self.job.by))
        names: dict[str, set[User]] = defaultdict(set)
        for user in self.assignable:
            names[same_name_key(user.name)].add(user)
            names[user.email].add(user)
        self.by_name = {key: found.pop() for key, found in names.items() if len(found) == 1}

    def look(self, row: Row) -> None:
        text = self.job.sheet.text(row, "owner")
        if text:
            self.named.setdefault(same_name_key(text), text)
        if len(self.named) > MOST:
            column = self.job.sheet.column("owner")
            raise Stop(
                _("“%(column)s” names more than %(limit)d owners; is it the right column?")
                % {"column": column, "limit": MOST}
            )

    def ready(self) -> None:
        self._say_default()
        if self.job.options.create_owners:
            self._create()

    def of(self, entry: Entry) -> User | None:
        """None where the file names nobody; the default is then for the caller to take, for new records only."""
        text = entry.values.get("owner", "")
        if not text:
            return None
        owner = self.by_name.get(same_name_key(text))
        if owner is None:
            # The same words for somebody who left, who is in another team, and who never was here.
            hint = nearest(text, [user.name for user in self.assignable]) or _(
                "Or make the owners with --create-owners."
            )
            entry.faults.append(self.job.sheet.fault(entry, "owner", _("No such owner."), hint))
        return owner

    def _say_default(self) -> None:
        if "owner" in self.job.sheet.places:
            return
        options = self.job.options
        why = "--owner" if options.owner else "--by" if options.by else _("the first administrator")
        self.job.say(
            _("The file names no owners: new records go to %(name)s (%(why)s).")
            % {"name": self.default.name, "why": why}
        )

    def _create(self) -> None:
        """Never a second person of a name or email that somebody has, also somebody who left."""
        taken = {same_name_key(name) for pair in User.objects.values_list("name", "email") for name in pair}
        new = [text for key, text in self.named.items() if key not in taken]
        for text in new:
            self._create_one(text)
        if new:
            self._load()
            count = len(new)
            words = ngettext("%(count)d owner made: %(names)s.", "%(count)d owners made: %(names)s.", count)
            self.job.report.notes.append(words % {"count": count, "names": ", ".join(sorted(new))})

    def _create_one(self, text: str) -> None:
        email = text.lower() if re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", text) else _free_email(text)
        name = text.split("@")[0] if email == text.lower() else text
        zone = Company.current().time_zone
        users.create(
            email, name[:100], role=User.Role.REP, by=self.job.by, via=Via.IMPORT, time_zone=zone, now=self.job.now
        )


def _free_email(name: str) -> str:
    """milo.frost@import.invalid: no mail ever goes there, and nobody signs in without a password."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    local = re.sub(r"[^a-z0-9]+", ".", plain).strip(".")[:50] or "owner"
    email, number = f"{local}@{DOMAIN}", 1
    while User.objects.filter(email=email).exists():
        number += 1
        email = f"{local}.{number}@{DOMAIN}"
    return email
