"""A disk whose power can be cut: what was not synced is gone. Needs root and loop devices."""
import fcntl
import os
import shutil
import struct
import subprocess
import sys

SKIPPED = 77  # CTest's SKIP_RETURN_CODE
EXT4_IOC_SHUTDOWN = 0x8004587d  # _IOR('X', 125, __u32), linux/ext4.h
NO_LOG_FLUSH = 2
IMAGE_BYTES = 256 << 20
INNER = "SOUK_POWER_CUT_INNER"


def tool(*args):
    return subprocess.run(args, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True).stdout.strip()


class Disk:
    """A file system on a loop device. A cut drops what has not reached the device."""

    def __init__(self, work):
        self.image, self.at = work / "disk.img", work / "disk"
        self.at.mkdir()
        with open(self.image, "wb") as image:
            image.truncate(IMAGE_BYTES)
        self.device = None
        try:
            tool("mkfs.ext4", "-q", "-F", str(self.image))
            self.device = tool("losetup", "--find", "--show", str(self.image))
            self.mount()
        except subprocess.CalledProcessError as error:
            self.close()
            skip(f"no loop-mounted file system here: {error.stdout.strip()}")

    def mount(self):
        tool("mount", "-t", "ext4", self.device, str(self.at))

    def unmount(self):
        if self.at.is_mount():
            tool("umount", str(self.at))

    def cut(self, machine):
        """Not even the journal is written any more. For a moment ext4 then lets an fsync that is under way
        succeed although nothing of it will be there; but a machine without power answers nobody, so
        `machine` is stopped first: a thread that comes back from the kernel now says nothing."""
        top = os.open(self.at, os.O_RDONLY)
        try:
            machine.stop()
            fcntl.ioctl(top, EXT4_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        finally:
            os.close(top)

    def close(self):
        self.unmount()
        if self.device:
            tool("losetup", "--detach", self.device)
            self.device = None


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIPPED)


def need_mounts():
    """Goes on in a mount namespace of its own, or says why not: mounts end with us, whatever happens."""
    if os.geteuid() != 0:
        skip("needs root")
    for program in ("mkfs.ext4", "losetup", "unshare"):
        if not shutil.which(program):
            skip(f"needs {program}")
    if INNER not in os.environ:
        if subprocess.run(["unshare", "--mount", "true"], stderr=subprocess.DEVNULL).returncode:
            skip("needs a mount namespace (CAP_SYS_ADMIN)")
        os.environ[INNER] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable,
                              *sys.argv])
