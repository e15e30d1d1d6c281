"""The package kinds: their ids, their text form, and the API calls that request them."""
