"""Who we talk to: organizations, contacts, activities and the sources they come from.

May import `crm`; knows nothing of deals.
"""
