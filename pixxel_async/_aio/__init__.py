"""Concurrency primitives of asyncio: notification, shielding, deadlines, threads, a budget per loop iteration."""
