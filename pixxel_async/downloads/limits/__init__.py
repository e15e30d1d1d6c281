"""What many streams share: bandwidth, connections, free space; and the detection of a stalled one."""
