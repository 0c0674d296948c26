"""The deals in the story of the demo data: what was planned, how it went, what was said, what is left to do."""
