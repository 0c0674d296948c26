import pytest
from django import forms
from django.core.exceptions import ValidationError

from crm.forms import Form
from crm.text import clean_text, mail_link, same_name_key, tel_link


class NameForm(Form):
    name = forms.CharField(max_length=10)
    note = forms.CharField(required=False, widget=forms.Textarea)
    secret = forms.CharField(required=False, widget=forms.PasswordInput, strip=False)


@pytest.mark.parametrize("text", ["nul\x00", "half \ud800", "evil\u202etxt.exe", "isolated\u2066"])
def test_text_that_cannot_be_stored_or_seen_is_refused_with_a_reason(text: str) -> None:
    form = NameForm({"name": text})
    assert not form.is_valid()
    assert len(form.errors["name"]) == 1


@pytest.mark.parametrize("text", ["", "   ", "\u200b", "\u200b\u2060 \ufeff", "\t\r\n"])
def test_a_name_that_nobody_can_see_is_no_name(text: str) -> None:
    form = NameForm({"name": text})
    assert not form.is_valid()
    assert form.errors.as_data()["name"][0].code == "required"


def test_what_is_typed_is_kept_apart_from_space_around_it() -> None:
    form = NameForm({"name": "  Zo\u0308e 👩‍👩‍👧 ", "note": "a\nb", "secret": " \u202e "})
    assert form.is_valid(), form.errors
    assert form.cleaned_data == {"name": "Zöe 👩‍👩‍👧", "note": "a\nb", "secret": " \u202e "}


def test_names_that_differ_in_case_width_or_spacing_are_the_same() -> None:
    assert same_name_key("ＡＣＭＥ  Straße") == same_name_key("acme STRASSE")
    assert same_name_key("Acme") != same_name_key("Acme 2")


def test_the_reason_is_said_in_words() -> None:
    with pytest.raises(ValidationError, match="reverses the direction"):
        clean_text("\u202e")


def test_the_error_stands_under_its_field_and_is_read_out_with_it() -> None:
    page = str(NameForm({"name": "x" * 11}))
    assert 'aria-describedby="id_name_error"' in page
    assert 'aria-invalid="true"' in page
    assert '<ul class="field-error" id="id_name_error">' in page


@pytest.mark.parametrize(
    ("phone", "address"),
    [
        ("+49 (0)30 / 12 34-56", "tel:+4930123456"), ("030 1234 ext. 12", "tel:0301234;ext=12"), ("(555) 010-9999", "tel:5550109999"),
        ("*100#", "tel:*100%23"), ("ask Anna", ""), ("12", ""), ("", ""), ("javascript:alert(1)", ""),
    ],
)  # fmt: skip
def test_a_phone_number_becomes_what_a_telephone_dials(phone: str, address: str) -> None:
    assert tel_link(phone) == address


def test_an_email_address_opens_a_mail_to_nobody_else() -> None:
    assert mail_link("anna.berg+crm@example.com") == "mailto:anna.berg%2Bcrm@example.com"
    assert mail_link("a?bcc=eve@example.com") == "mailto:a%3Fbcc%3Deve@example.com"
    assert mail_link("nobody") == ""
