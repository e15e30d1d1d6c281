"""Pure decisions of the sandbox: no sockets, no clock, no random numbers."""
