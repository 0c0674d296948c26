"""What every resource of the API has in common: who asks, how a request is read, and how it is answered.

The resources themselves lie with their records: `leads/api.py`, `pipeline/api/`.
"""
