"""A service, a network and policies in virtual time, for `schedule.py`."""
