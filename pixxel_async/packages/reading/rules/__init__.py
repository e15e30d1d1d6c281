"""Pure decisions about reading: headers that are forwarded, and patterns of member names."""
