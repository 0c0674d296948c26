"""The one writer of a deal's files: what is taken, under which version, where the bytes lie, and when they go."""

from __future__ import annotations

import datetime
import hashlib
import itertools
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from crm import clock, file_kinds, records, uploads
from crm.fields import Field, FieldKind
from crm.file_kinds import Kind
from crm.models import User
from pipeline import followups
from pipeline.models import Commitment, Deal, DealFile

MOST_OF_A_DEAL = 200
FOLDER = "deals"
STRAY_AFTER = 24 * 3600
"""Seconds: an upload or a transaction that still runs is younger than that."""
_NAME = Field("name", _("Name"), FieldKind.TEXT, required=True, max_length=255)


@dataclass(frozen=True)
class NewFile:
    """A file that was looked at (`check`) and may be kept."""

    content: UploadedFile
    name: str
    kind: Kind
    type: str = DealFile.Type.OTHER
    signed: bool = False


def check(content: UploadedFile, type: str = DealFile.Type.OTHER, signed: bool = False) -> NewFile:
    """By size and content, not by what the browser says of it. ValidationError in words."""
    if (content.size or 0) > settings.LARGEST_FILE:
        raise ValidationError(
            _("The file is larger than %(size)s.") % {"size": filesizeformat(settings.LARGEST_FILE)}, code="size"
        )
    if type not in DealFile.Type.values:
        raise ValidationError(_("Choose one of the types."))
    kind = file_kinds.recognize(content.file)  # type: ignore[arg-type]
    return NewFile(content, file_kinds.fitting(_name(content), kind), kind, type, signed)


def _name(content: UploadedFile) -> str:
    """As it came, in one line; Django has taken the folders away."""
    line = "".join(char for char in " ".join((content.name or "").split()) if char.isprintable())
    name: str = _NAME.check(line)
    return name


def add(deal_id: int, new: NewFile, *, by: User, now: datetime.datetime | None = None) -> DealFile:
    with transaction.atomic():
        deal = followups.lock(deal_id)
        return add_on(deal, new, by=by, now=now or clock.now())


def add_on(deal: Deal, new: NewFile, *, by: User, now: datetime.datetime) -> DealFile:
    """The same for a caller that holds the deal's lock. The bytes of a transaction that fails go by `remove_strays`.

    The newest version once more, byte by byte and described alike, is that version: a form was sent twice.
    """
    rows = DealFile.objects.filter(deal=deal)
    digest = _digest(new.content)
    newest = rows.filter(name=new.name).order_by("-version").first()
    if newest is not None and newest.deleted_at is None and _says(newest) == (digest, new.type, new.signed):
        return newest
    if rows.existing().count() >= MOST_OF_A_DEAL:
        raise ValidationError(
            _("A deal keeps at most %(most)s files. Delete one that is no longer needed.") % {"most": MOST_OF_A_DEAL}
        )
    version = newest.version + 1 if newest is not None else 1
    return DealFile.objects.create(
        deal=deal, name=new.name, version=version, type=new.type, signed=new.signed, stored_as=_keep(new.content),
        size=new.content.size or 0, content_type=new.kind.content_type, digest=digest, added_by=by, added_at=now,
    )  # fmt: skip


def _says(file: DealFile) -> tuple[str, str, bool]:
    return file.digest, file.type, file.signed


def change(
    deal_id: int, file_id: int, *, type: str, signed: bool, by: User, via: str, now: datetime.datetime | None = None
) -> None:
    """What it is and whether it is signed; the bytes stay as they are for ever."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        file = _of(deal, file_id)
        if type not in DealFile.Type.values:
            raise ValidationError({"type": _("Choose one of the types.")})
        old = _shown(file)
        file.type, file.signed = type, signed
        if old != _shown(file):
            file.save(update_fields=["type", "signed"])
            records.save(deal, {"files": (old, _shown(file))}, by=by, via=via, now=now or clock.now())


def remove(deal_id: int, file_id: int, *, by: User, now: datetime.datetime | None = None) -> None:
    """It is no longer shown or handed out; row and bytes stay. What still proves something is kept."""
    with transaction.atomic():
        deal = followups.lock(deal_id)
        file = _of(deal, file_id)
        proves = Commitment.objects.standing().filter(evidence_file=file).select_related("condition").first()
        if proves is not None:
            told = {"name": file.name, "what": proves.condition.label}
            raise ValidationError(_("“%(name)s” proves “%(what)s”. Withdraw that first.") % told)
        file.deleted_at, file.deleted_by = now or clock.now(), by
        file.save(update_fields=["deleted_at", "deleted_by"])


def carry_over(other: Deal, deal: Deal) -> None:
    """The files of a deal that becomes part of another, deleted ones too, with their versions.

    A name that is there already is another file and no newer version of it: the one that comes is named after its deal.
    """
    there = set(DealFile.objects.filter(deal=deal).values_list("name", flat=True))
    names = list(DealFile.objects.filter(deal=other).order_by().values_list("name", flat=True).distinct())
    for name in names:
        new = name if name not in there else _free_name(name, other, there | set(names))
        DealFile.objects.filter(deal=other, name=name).update(name=new, deal=deal)
        there.add(new)


def _free_name(name: str, other: Deal, taken: set[str]) -> str:
    """“Offer.pdf” → “Offer (Meters for 14 shops).pdf”."""
    path = PurePosixPath(name)
    about = " ".join(re.sub(r'[\\/:*?"<>|]', " ", other.title).split())[:60].strip()
    tries = (f" ({about})" if number == 1 else f" ({about} {number})" for number in itertools.count(1))
    names = (f"{path.stem[: 255 - len(path.suffix) - len(more)]}{more}{path.suffix}" for more in tries)
    return next(each for each in names if each not in taken)


def _of(deal: Deal, file_id: int) -> DealFile:
    file = DealFile.objects.existing().filter(deal=deal, pk=file_id).first()
    if file is None:
        raise ValidationError(_("This file was deleted meanwhile."))
    return file


def _shown(file: DealFile) -> dict[str, object]:
    return {"name": str(file), "type": file.type, "signed": file.signed}


# --- The bytes


def _digest(content: UploadedFile) -> str:
    found = hashlib.sha256()
    for chunk in content.chunks():
        found.update(chunk)
    content.seek(0)
    return found.hexdigest()


def _keep(content: UploadedFile) -> str:
    """Under a random name, in one of 256 folders."""
    name = secrets.token_hex(16)
    return default_storage.save(f"{FOLDER}/{name[:2]}/{name}", content)


def remove_strays(now: float | None = None) -> int:
    """Bytes that no row names, of refused moves and of processes that died. Those of the last day are left alone."""
    before = (now or time.time()) - STRAY_AFTER
    removed = 0
    for folder in _folders():
        old = [path for path in folder.iterdir() if path.is_file() and path.stat().st_mtime < before]
        names = {str(path.relative_to(settings.MEDIA_ROOT)): path for path in old}
        kept = set(DealFile.objects.filter(stored_as__in=names).values_list("stored_as", flat=True))
        for name, path in names.items():
            if name not in kept:
                path.unlink(missing_ok=True)
                removed += 1
    return removed


def _folders() -> Iterator[Path]:
    kept = Path(settings.MEDIA_ROOT) / FOLDER
    found = [uploads.incoming(), *(sorted(kept.iterdir()) if kept.is_dir() else [])]
    return (folder for folder in found if folder.is_dir())
