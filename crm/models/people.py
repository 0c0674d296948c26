"""Users with a role, nested teams with dated membership, and the one company they work for."""

from __future__ import annotations

import zoneinfo
from datetime import datetime
from typing import Any, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.text import initials


def validate_time_zone(name: str) -> None:
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is not a time zone; choose one such as Europe/Berlin."), params={"name": name}
        )


class UserQuerySet(models.QuerySet["User"]):
    def active(self) -> Self:
        return self.filter(is_active=True)

    def in_teams(self, team_ids: Any, at: datetime) -> Self:
        """Members of any of these teams at that instant."""
        return self.filter(pk__in=Membership.objects.current(at).filter(team_id__in=team_ids).values("user_id"))


class UserManager(BaseUserManager.from_queryset(UserQuerySet)):  # type: ignore[misc]
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.full_clean()
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, **{**fields, "role": User.Role.ADMIN})

    def get_by_natural_key(self, email: str | None) -> User:
        return self.get(email=(email or "").strip().lower())


class User(AbstractBaseUser):
    class Role(models.TextChoices):
        REP = "rep", _("Rep")
        MANAGER = "manager", _("Manager")
        ADMIN = "admin", _("Admin")

    class Theme(models.TextChoices):
        AUTO = "auto", _("As the device")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    email = models.EmailField(_("email"), unique=True)
    name = models.CharField(_("name"), max_length=100)
    role = models.CharField(
        _("role"), max_length=10, choices=Role, default=Role.REP,
        help_text=_("Reps work their own deals, managers those of their teams; admins see all and configure."),
    )  # fmt: skip
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, default=Theme.AUTO)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Without it, the person can no longer sign in. Use “Deactivate”, which asks who takes over.")
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ["name", "pk"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_once"),
            models.CheckConstraint(condition=models.Q(role__in=["rep", "manager", "admin"]), name="user_role_known"),
            models.CheckConstraint(
                condition=models.Q(quiet_from__isnull=True, quiet_until__isnull=True)
                | models.Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="user_quiet_both_or_none",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    @property
    def is_admin(self) -> bool:
        return self.is_active and self.role == self.Role.ADMIN

    @property
    def is_manager(self) -> bool:
        """A manager or an admin: may override a gate and reassign within reach."""
        return self.is_active and self.role in (self.Role.MANAGER, self.Role.ADMIN)

    # Django admin asks these; a role is all there is, no permission rows.
    @property
    def is_staff(self) -> bool:
        return self.is_admin

    def has_perm(self, perm: str, obj: object = None) -> bool:
        return self.is_admin

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_admin

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)

    @property
    def initials(self) -> str:
        return initials(self.name)


class Team(models.Model):
    name = models.CharField(_("name"), max_length=100, unique=True)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("part of"),
        help_text=_("A manager of the larger team reaches the deals of the smaller ones too."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("team")
        verbose_name_plural = _("teams")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        above: Team | None = self.parent
        while above is not None:
            if above.pk == self.pk and self.pk is not None:
                raise ValidationError({"parent": _("A team cannot be part of itself, not even by way of others.")})
            above = above.parent


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self, at: datetime) -> Self:
        return self.filter(started_at__lte=at).filter(models.Q(ended_at__isnull=True) | models.Q(ended_at__gt=at))


class Membership(models.Model):
    """Dated, so that a month's figures go to the team of that month. A manager's memberships name the teams managed."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="memberships", verbose_name=_("team"))
    user = models.ForeignKey(User, models.PROTECT, related_name="memberships", verbose_name=_("user"))
    started_at = models.DateTimeField(_("from"), default=timezone.now)
    ended_at = models.DateTimeField(_("until"), null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "user"], condition=models.Q(ended_at__isnull=True), name="membership_once"
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gte=models.F("started_at")),
                name="membership_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} – {self.team}"


class Company(models.Model):
    """One row: what holds for everybody."""

    name = models.CharField(_("name"), max_length=100, default="Our company")
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC", validators=[validate_time_zone])
    base_currency = models.CharField(_("base currency"), max_length=3, default="EUR")
    week_starts_on = models.PositiveSmallIntegerField(
        _("week starts on"), default=0, choices=[(0, _("Monday")), (5, _("Saturday")), (6, _("Sunday"))]
    )
    fiscal_year_starts_in = models.PositiveSmallIntegerField(
        _("fiscal year starts in month"), default=1, validators=[MinValueValidator(1), MaxValueValidator(12)]
    )
    working_days = models.CharField(
        _("working days"),
        max_length=7,
        default="01234",
        help_text=_("0 is Monday, 6 is Sunday: 01234 for Monday to Friday."),
    )
    reps_see_team_deals = models.BooleanField(
        _("reps see their team's deals"), default=False, help_text=_("Read only; editing stays with the owner and the deal's members.")
    )  # fmt: skip
    everyone_sees_organizations = models.BooleanField(
        _("everyone sees all organizations"), default=True, help_text=_("Off: only those one owns or has a deal with.")
    )
    reopen_days = models.PositiveSmallIntegerField(
        _("reps may reopen for (days)"), default=30, help_text=_("After that, a manager reopens a won or lost deal.")
    )
    overdue_days = models.PositiveSmallIntegerField(
        _("tell the manager after (days)"), null=True, blank=True, validators=[MinValueValidator(1)],
        help_text=_("Of a task overdue for so long the managers of its owner are told once. Empty: they are not."),
    )  # fmt: skip
    overdue_told_to = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("company")
        verbose_name_plural = _("company")
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="company_one_row")]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        if (
            not self.working_days
            or set(self.working_days) - set("0123456")
            or len(set(self.working_days)) < len(self.working_days)
        ):
            raise ValidationError({"working_days": _("Name each working day once by its number, 0 to 6.")})

    @classmethod
    def current(cls, **told: Any) -> Company:
        """The one row; its defaults hold until somebody saves it. `told`: what its query is to tell besides."""
        return cls.known(**told).first() or cls(pk=1)

    @classmethod
    def known(cls, **told: Any) -> models.QuerySet[Company]:
        """The row itself, if somebody has saved it."""
        return cls.objects.annotate(has_holidays=models.Exists(Holiday.objects.all()), **told).filter(pk=1)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.time_zone)


class Holiday(models.Model):
    day = models.DateField(_("day"), unique=True)
    name = models.CharField(_("name"), max_length=100)

    class Meta:
        verbose_name = _("holiday")
        verbose_name_plural = _("holidays")
        ordering = ["day"]

    def __str__(self) -> str:
        return f"{self.day} {self.name}"


class SignInCounter(models.Model):
    """Tries to sign in, per account and per network address, counted by one statement (crm/sign_in.py)."""

    key = models.CharField(max_length=200, primary_key=True)
    tries = models.PositiveIntegerField(default=0)
    window_started_at = models.DateTimeField()

    class Meta:
        verbose_name = _("sign-in counter")
