"""The sales process and what moves through it: pipelines, gates, deals, stage visits, tasks, the board.

May import `crm` and `leads`; does not know that it is measured.
"""
