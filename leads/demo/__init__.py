"""The customers in the story of the demo data."""
