"""Pure decisions about one body: resume, classification of responses, several connections."""
