"""What happened and how long it took: reads every other app and writes none of their rows.

May import all of them; nobody imports it.
"""
