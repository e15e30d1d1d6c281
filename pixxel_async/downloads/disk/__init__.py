"""Part files, final files, checksums and unpacking; every system call goes through `syscalls`."""
