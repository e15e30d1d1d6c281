"""One package from claim to record: lease, decide, fetch, prove, publish, unpack."""
