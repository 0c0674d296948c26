"""Files as forms take them: from a folder, dropped, or straight from the camera of a phone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crm import file_kinds
from crm.forms import Form
from pipeline import files
from pipeline.files import NewFile
from pipeline.models import Deal, DealFile

ACCEPT = ",".join(file_kinds.ENDINGS)


class FilesInput(forms.FileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """Several at once, as they came."""

    widget = FilesInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile]:
        sent = [each for each in data or [] if isinstance(each, UploadedFile)]
        if not sent:
            raise ValidationError(_("Choose a file."))
        return sent


class UploadField(forms.FileField):
    """One file, looked at already; None where none was sent."""

    widget = forms.FileInput

    def clean(self, data: Any, initial: Any = None) -> NewFile | None:
        return files.check(data) if isinstance(data, UploadedFile) else None


class AddFilesForm(Form):
    """`new` are those that may be kept; `refused` says of each other one why not."""

    # A photo comes by a second input: the browser must not insist on the first one.
    use_required_attribute = False
    file = FilesField(label=gettext_lazy("Files"), widget=FilesInput(attrs={"accept": ACCEPT, "multiple": True}))
    type = forms.ChoiceField(label=gettext_lazy("Type"), choices=DealFile.Type.choices, required=False, initial="other")
    signed = forms.BooleanField(label=gettext_lazy("Signed"), required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, auto_id="files-%s", **options)
        size = {"size": filesizeformat(settings.LARGEST_FILE)}
        self.fields["file"].help_text = _("PDF, Office, text or pictures, each of up to %(size)s.") % size
        self.new: list[NewFile] = []
        self.refused: list[str] = []

    def clean_file(self) -> list[UploadedFile]:
        sent: list[UploadedFile] = self.cleaned_data["file"]
        for each in sent:
            try:
                self.new.append(files.check(each))
            except ValidationError as refusal:
                why = " ".join(refusal.messages)
                self.refused.append(_("“%(name)s”: %(why)s") % {"name": each.name, "why": why})
        if not self.new:
            raise ValidationError([ValidationError(text) for text in self.refused])
        return sent

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        type, signed = values.get("type") or DealFile.Type.OTHER, bool(values.get("signed"))
        self.new = [replace(each, type=type, signed=signed) for each in self.new]
        return values


def proof_fields(deal: Deal | None, name: str = "") -> dict[str, forms.Field]:
    """A file of the deal or a new one, where evidence is asked for; `name` goes before their names."""
    found: dict[str, forms.Field] = {}
    there = DealFile.objects.of(deal) if deal is not None else DealFile.objects.none()
    if there.exists():
        label = gettext_lazy("Or a file of the deal")
        found[f"{name}file"] = forms.ModelChoiceField(there, label=label, required=False, empty_label="–")
    upload = forms.FileInput(attrs={"accept": ACCEPT})
    found[f"{name}upload"] = UploadField(label=gettext_lazy("Or a new file"), required=False, widget=upload)
    return found


def proof_of(values: Mapping[str, Any], name: str = "") -> DealFile | NewFile | None:
    return values.get(f"{name}upload") or values.get(f"{name}file")


def ask_again(form: Form) -> None:
    """A browser keeps no file of a form that comes back: whoever sent one must know that it is not there any more."""
    for name in [name for name, value in form.cleaned_data.items() if isinstance(value, NewFile)]:
        form.add_error(name, _("Choose the file again: nothing was saved yet."))


class FileForm(Form):
    """What a file is."""

    type = forms.ChoiceField(label=gettext_lazy("Type"), choices=DealFile.Type.choices)
    signed = forms.BooleanField(label=gettext_lazy("Signed"), required=False)

    def __init__(self, *args: Any, file: DealFile, **options: Any) -> None:
        initial = {"type": file.type, "signed": file.signed}
        super().__init__(*args, initial=initial, auto_id=f"file-{file.pk}-%s", **options)
