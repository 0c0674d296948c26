"""The one writer of external ids: under which id another system knows a record of ours."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable

from crm.models import ExternalId

_SALESFORCE = re.compile(r"[A-Za-z0-9]{18}", re.ASCII)
_CHECK = string.ascii_uppercase + "012345"


def same_id(text: str) -> str:
    """Salesforce writes one id with 15 or with 18 characters; the last three only repeat which letters are capitals."""
    if _SALESFORCE.fullmatch(text) and text[15:] == _check_of(text[:15]):
        return text[:15]
    return text


def find(source: str, object_type: str, ids: Iterable[str]) -> dict[str, int]:
    """External id → our id, for those that are known."""
    rows = ExternalId.objects.filter(source=source, object_type=object_type, external_id__in=set(ids))
    return dict(rows.values_list("external_id", "object_id"))


def find_anywhere(object_type: str, ids: Iterable[str]) -> dict[str, int]:
    """The same in whatever source, for ids that mean one record of ours only."""
    found: dict[str, set[int]] = {}
    rows = ExternalId.objects.filter(object_type=object_type, external_id__in=set(ids))
    for external, pk in rows.values_list("external_id", "object_id"):
        found.setdefault(external, set()).add(pk)
    return {external: pks.pop() for external, pks in found.items() if len(pks) == 1}


def has_id(source: str, object_type: str, object_id: int) -> bool:
    return ExternalId.objects.filter(source=source, object_type=object_type, object_id=object_id).exists()


def note(source: str, object_type: str, pairs: Iterable[tuple[str, int]]) -> None:
    ExternalId.objects.bulk_create(
        ExternalId(source=source, object_type=object_type, external_id=external, object_id=pk) for external, pk in pairs
    )


def relink(object_type: str, old_id: int, new_id: int) -> None:
    """The record is part of another one now: the next import of its id means that one."""
    ExternalId.objects.filter(object_type=object_type, object_id=old_id).update(object_id=new_id)


def _check_of(fifteen: str) -> str:
    blocks = (fifteen[:5], fifteen[5:10], fifteen[10:])
    return "".join(
        _CHECK[sum(1 << i for i, char in enumerate(block) if char in string.ascii_uppercase)] for block in blocks
    )
