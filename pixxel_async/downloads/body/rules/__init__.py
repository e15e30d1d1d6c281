"""Pure decisions about one body: where to resume, what a response means, when to use several connections."""
