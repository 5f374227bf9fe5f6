#!/usr/bin/env python3
"""usage: load-tests/bench/knock.py HOST:PORT ROOM N

N people ask to watch by WHEP at once and do nothing else, so that their own work is not in the answer's time: status, how
many had it, ms from the connection's beginning to the answer (p50, p99, largest), how many were told when to come back. JSON.
"""
import json
import selectors
import socket
import sys
import time

PATIENCE_S = 5
OFFER = "\r\n".join([
    "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1", "a=ice-ufrag:abcd",
    "a=ice-pwd:abcdefghijklmnopqrstuvwx", "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=setup:actpass",
    "m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:0", "a=recvonly", "a=rtcp-mux", "a=rtpmap:96 H264/90000",
    "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1",
    "m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:1", "a=recvonly", "a=rtcp-mux", "a=rtpmap:111 opus/48000/2", ""])


def begin(address, selector):
    client = socket.socket()
    client.setblocking(False)
    client.connect_ex(address)
    selector.register(client, selectors.EVENT_WRITE)
    return client


def ask(address, room, count):
    """(status, ms, has Retry-After) of each who had an answer."""
    request = (f"POST /whep/{room} HTTP/1.1\r\nHost: souk\r\nContent-Type: application/sdp\r\n"
               f"Content-Length: {len(OFFER)}\r\n\r\n{OFFER}").encode()
    selector = selectors.DefaultSelector()
    began, answers = {}, []
    for _ in range(count):
        now = time.monotonic()
        began[begin(address, selector)] = now
    until = time.monotonic() + PATIENCE_S
    while began and time.monotonic() < until:
        for key, events in selector.select(0.1):
            client = key.fileobj
            if events & selectors.EVENT_WRITE:
                client.send(request)
                selector.modify(client, selectors.EVENT_READ)
                continue
            said = client.recv(4096)
            answers.append((said[9:12].decode(), 1000 * (time.monotonic() - began.pop(client)), b"\r\nRetry-After:" in said))
            selector.unregister(client)
            client.close()
    return answers


def summary(answers, status):
    times = sorted(ms for said, ms, _ in answers if said == status)
    return {"count": len(times), "p50": times[len(times) // 2], "p99": times[len(times) * 99 // 100], "max": times[-1],
            "retry_after": sum(retry for said, _, retry in answers if said == status)}


def main():
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(__doc__)
        return 0
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    host, port = sys.argv[1].rsplit(":", 1)
    answers = ask((host, int(port)), sys.argv[2], int(sys.argv[3]))
    print(json.dumps({status: summary(answers, status) for status in sorted({said for said, _, _ in answers})}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
