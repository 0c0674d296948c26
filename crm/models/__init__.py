from crm.models.audit import Change, ExternalId, OnceKey
from crm.models.mail import OutgoingMail
from crm.models.notices import Notice
from crm.models.opened import Opened
from crm.models.people import Company, Holiday, Membership, SignInCounter, Team, User
from crm.models.record import Record, RecordQuerySet
from crm.models.reminders import Absence, CalendarFeed, NoticeChoice, Reminder
from crm.models.tokens import Answer, ApiToken
from crm.models.webhooks import Webhook, WebhookDelivery, WebhookPosition

__all__ = [
    "Absence",
    "Answer",
    "ApiToken",
    "CalendarFeed",
    "Change",
    "Company",
    "ExternalId",
    "Holiday",
    "Membership",
    "Notice",
    "NoticeChoice",
    "OnceKey",
    "Opened",
    "OutgoingMail",
    "Record",
    "RecordQuerySet",
    "Reminder",
    "SignInCounter",
    "Team",
    "User",
    "Webhook",
    "WebhookDelivery",
    "WebhookPosition",
]
