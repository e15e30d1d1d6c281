"""The kinds of package: their ids, their one spelling in text, and how the API is asked for each."""
