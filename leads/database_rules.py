"""What PostgreSQL needs to find a part of a name among hundreds of thousands: trigrams of all columns that are looked through."""

from __future__ import annotations

from crm.database_rules import Rule, trigram_index

# UPPER, because that is what a search without regard to case asks for.
RULES: list[Rule] = [
    trigram_index("organization_search", "leads_organization", "name_key", "UPPER(city::text)", "UPPER(website::text)"),
    trigram_index("contact_search", "leads_contact", "name_key", "UPPER(email::text)", "UPPER(phone::text)"),
]
