"""The switches of a profile: how the sandbox answers where the vendor's documentation is silent."""
