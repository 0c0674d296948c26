"""The door of programs through which two deals become one."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from rest_framework.response import Response

from crm.api.description import Described
from crm.api.views import tag_of
from crm.models.audit import Via
from pipeline import merging
from pipeline.api.deals import read_body
from pipeline.api.moving import DealAction
from pipeline.api.outcomes import deal_of
from pipeline.api.shapes import MergeShape
from pipeline.merging import Merged, Newer
from pipeline.models import Deal

MERGED = {
    "type": "object",
    "properties": {"deal": {"$ref": "#/components/schemas/Deal"}, "merged": {"type": "integer"}},
    "required": ["deal", "merged"],
}


class Merge(DealAction):
    described = {
        "post": Described(
            "Merge another deal into a deal", takes=MergeShape, gives=MERGED, also=(409,),
            says=_(
                "Everything that hangs on the other goes to the deal, which keeps its stage, its stays and its outcome. "
                "It cannot be taken back. 409 “stale” holds both as they are now."
            ),
        )
    }  # fmt: skip

    def act(self, deal: Deal) -> Response:
        values = read_body(self, MergeShape)
        other: Deal = values["other"]
        outcome = merging.merge(
            deal.pk, other.pk, by=self.user, via=Via.API, take=values.get("take"),
            versions=(values["version"], values.get("other_version")),
        )  # fmt: skip
        if isinstance(outcome, Merged):
            data = {"deal": deal_of(outcome.deal), "merged": outcome.other.pk}
            return Response(data, headers={"ETag": tag_of(outcome.deal.version)})
        if isinstance(outcome, Newer):
            why = _("Somebody was quicker; these are the deals as they are now.")
            return self.tell(409, "stale", why, deal=deal_of(outcome.deal), other=deal_of(outcome.other))
        if outcome.code == "same":
            raise ValidationError({"other": ValidationError(outcome.message, code="same")})
        return self.tell(409, "gone", outcome.message)
