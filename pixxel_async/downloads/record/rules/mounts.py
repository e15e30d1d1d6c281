"""Detection of network file systems, on which SQLite's locks are not reliable."""

from __future__ import annotations

import re

__all__ = ["network_kind"]

_NETWORK = re.compile(
    r"nfs4?|cifs|smb3|smbfs|afs|ceph|glusterfs|lustre|gpfs|beegfs|pvfs2|orangefs|ocfs2|gfs2|davfs|ncpfs|coda"
    r"|fuse\.(sshfs|glusterfs|s3fs|gcsfuse|goofys|rclone|davfs2?|ceph|juicefs|seaweedfs|mfs|curlftpfs)"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")


def network_kind(mountinfo: str, path: str) -> str | None:
    """Return the kind of network file system that a path lies on; None if it is local or unknown.

    Args:
        mountinfo: the text of Linux' `/proc/self/mountinfo`; empty where there is none.
        path: absolute, links resolved.
    """
    best, kind = "", ""
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        fields = before.split()
        if len(fields) < 5 or not after:
            continue
        mount = _ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4])
        if _is_below(path, mount) and len(mount) >= len(best):
            best, kind = mount, after.split()[0]
    return kind if _NETWORK.fullmatch(kind) else None


def _is_below(path: str, mount: str) -> bool:
    return path == mount or path.startswith(mount.rstrip("/") + "/")
