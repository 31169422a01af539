"""A network of a bench's own, in which it may change what the system allows.

Linux has network namespaces; `enter` takes this process into a new one, with nothing but loopback.
Children inherit it. Nothing of the machine's own network changes.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct
import sys
from pathlib import Path

__all__ = ["enter"]

_NEW_USER, _NEW_NET = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of linux/sched.h
_SET_FLAGS, _UP_AND_RUNNING = 0x8914, 0x41  # SIOCSIFFLAGS of linux/sockios.h, IFF_UP | IFF_RUNNING
_FAST_OPEN = Path("/proc/sys/net/ipv4/tcp_fastopen")


def enter(*, fast_open: bool) -> None:
    """Go there, before the first thread begins; with `fast_open` servers may use TCP Fast Open."""
    if sys.platform != "linux":
        sys.exit("namespaces are a thing of Linux")
    system = ctypes.CDLL(None, use_errno=True)
    if system.unshare(_NEW_NET) and system.unshare(_NEW_USER | _NEW_NET):
        sys.exit(f"no network of our own: {os.strerror(ctypes.get_errno())}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, _SET_FLAGS, struct.pack("16sH22x", b"lo", _UP_AND_RUNNING))
    if fast_open:
        _FAST_OPEN.write_text("3", "ascii")
