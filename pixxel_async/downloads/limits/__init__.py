"""Limits shared by streams: bandwidth, connections, free space; and stall detection."""
