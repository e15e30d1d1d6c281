"""Choices where the vendor's documentation is silent, and the response shapes that follow from them."""
