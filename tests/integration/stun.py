"""STUN checks as an ICE client sends them (RFC 8489, RFC 8445), by hand."""
import hashlib
import hmac
import os
import struct
import zlib

COOKIE = 0x2112A442
REQUEST, SUCCESS = 0x0001, 0x0101
USERNAME, INTEGRITY, PRIORITY, USE_CANDIDATE, CONTROLLING, FINGERPRINT = 0x0006, 0x0008, 0x0024, 0x0025, 0x802A, 0x8028


def attribute(kind, value):
    return struct.pack("!HH", kind, len(value)) + value + b"\0" * (-len(value) % 4)


def header(kind, length, transaction):
    return struct.pack("!HHI", kind, length, COOKIE) + transaction


def check(ufrag, pwd, *, nominate=True, transaction=None, extra=b""):
    """A whole check; `extra`: more attributes."""
    transaction = transaction or os.urandom(12)
    body = attribute(USERNAME, f"{ufrag}:stranger".encode()) + attribute(PRIORITY, b"\x6e\0\x01\xff")
    body += attribute(CONTROLLING, os.urandom(8)) + extra
    if nominate:
        body += attribute(USE_CANDIDATE, b"")
    covered = header(REQUEST, len(body) + 24, transaction) + body
    body += attribute(INTEGRITY, hmac.new(pwd.encode(), covered, hashlib.sha1).digest())
    covered = header(REQUEST, len(body) + 8, transaction) + body
    return covered + attribute(FINGERPRINT, struct.pack("!I", zlib.crc32(covered) ^ 0x5354554E))


def is_check(packet):
    return len(packet) >= 20 and packet[:2] == b"\0\1" and packet[4:8] == struct.pack("!I", COOKIE)
