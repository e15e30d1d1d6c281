"""Model Context Protocol server: the API's operations and the packages as tools of a language model."""
