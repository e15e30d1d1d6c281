"""Pure decisions about the record: merging two of them, and the file systems that cannot hold one."""
