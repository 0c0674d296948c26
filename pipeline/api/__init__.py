"""The doors of programs to deals."""
