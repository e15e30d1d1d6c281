"""Pure decisions about polling: when to poll next, what a status word means, estimated ends."""
