from crm.models.audit import Change, ExternalId, OnceKey
from crm.models.mail import OutgoingMail
from crm.models.people import Company, Holiday, Membership, SignInCounter, Team, User
from crm.models.record import Record, RecordQuerySet

__all__ = [
    "Change",
    "Company",
    "ExternalId",
    "Holiday",
    "Membership",
    "OnceKey",
    "OutgoingMail",
    "Record",
    "RecordQuerySet",
    "SignInCounter",
    "Team",
    "User",
]
