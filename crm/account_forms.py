"""The forms of one's own account."""

from __future__ import annotations

import secrets
import zoneinfo
from functools import lru_cache
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.utils.translation import gettext_lazy as _

from crm.forms import Form, HouseForm
from crm.hashers import LONGEST
from crm.models import ApiToken, User


class SignInForm(Form):
    email = forms.EmailField(
        label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"), max_length=LONGEST, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )  # fmt: skip


@lru_cache
def time_zones() -> list[tuple[str, str]]:
    """Zones as people look for them, by continent and city, without the hundreds of older spellings."""
    continents = (
        "Africa/",
        "America/",
        "Antarctica/",
        "Asia/",
        "Atlantic/",
        "Australia/",
        "Europe/",
        "Indian/",
        "Pacific/",
    )
    cities = [name for name in zoneinfo.available_timezones() if name.startswith(continents)]
    return [(name, name.replace("_", " ").replace("/", " – ")) for name in ["UTC", *sorted(cities)]]


class ProfileForm(Form):
    name = forms.CharField(label=_("Name"), max_length=100, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    time_zone = forms.ChoiceField(
        label=_("Time zone"), choices=time_zones, help_text=_("Days and hours everywhere are those of this zone.")
    )
    theme = forms.ChoiceField(label=_("Appearance"), choices=User.Theme, widget=forms.RadioSelect)


class NewPasswordForm(HouseForm, auth_forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = _(
            "At least 10 characters; not your name, and none of the common ones."
        )
        self.fields["new_password2"].label = _("New password again")
        self.fields["new_password2"].help_text = ""


class PasswordForm(NewPasswordForm, auth_forms.PasswordChangeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["old_password"].widget.attrs.pop("autofocus")


class ResetForm(Form):
    email = forms.EmailField(
        label=_("Email"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )


class TokenForm(Form):
    once_key = forms.CharField(
        max_length=64, required=False, widget=forms.HiddenInput, initial=lambda: secrets.token_hex(16)
    )
    name = forms.CharField(label=_("Name"), max_length=60, help_text=_("What it is for, such as “Web shop”."))
    scope = forms.ChoiceField(
        label=_("What it may do"), choices=ApiToken.Scope, initial="read", widget=forms.RadioSelect,
        help_text=_("Never more than you may yourself."),
    )  # fmt: skip
