"""Part files: opened under lease, written by one thread, cleaned up."""
