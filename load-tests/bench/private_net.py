"""A network of this process and its children alone, gone with them. Janus skips the loopback device, so
there is another one with an address; what is sent to it stays in the machine all the same."""
import ctypes
import os
import subprocess
import sys

ADDRESS = "10.77.0.1"
CLONE_NEWNET = 0x40000000
SKIPPED = 77


def enter():
    """Ends the program with status 77 where it is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNET):
        skip(os.strerror(ctypes.get_errno()))
    for command in ("link set lo up", "link add souk0 type veth peer name souk1",
                    f"address add {ADDRESS}/24 dev souk0", "link set souk0 up", "link set souk1 up"):
        done = subprocess.run(["ip", *command.split()], capture_output=True, text=True, check=False)
        if done.returncode:
            skip(done.stderr.strip())


def skip(why):
    print(f"skipped: needs CAP_NET_ADMIN ({why})", flush=True)
    sys.exit(SKIPPED)
