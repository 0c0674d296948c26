"""What the product promises, tried for longer than a test may take: `./dev.py bench promises [number …]`.

One JSON line a promise; the exit code is 1 when one of them is broken.
"""
