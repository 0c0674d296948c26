from leads.models.activities import Activity, ActivityOutcome, ActivityType, Direction
from leads.models.people import Contact, Organization
from leads.models.sources import Source

__all__ = ["Activity", "ActivityOutcome", "ActivityType", "Contact", "Direction", "Organization", "Source"]
