"""What is written and drawn about the product; `make screenshots` makes the pictures."""
