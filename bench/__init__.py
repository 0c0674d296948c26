"""Figures of the product on one machine: `make bench` makes the data on a PostgreSQL of its own and prints JSON."""
