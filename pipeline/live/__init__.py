"""What changed on boards since one looked last, and who hears of it.

`events` reads it, for streams and for whoever asks; `hub` is the one listener of a process that tells its streams.
"""
