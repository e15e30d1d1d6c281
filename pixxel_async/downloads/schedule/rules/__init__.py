"""The mathematics of the schedule: packing time, throughput, bottleneck, restart test, poll times."""
