"""Pure decisions about polling: intervals, meaning of status words, estimated ends."""
