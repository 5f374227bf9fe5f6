#!/usr/bin/env python3
"""Who may include whom, which library has which door, what soukd is linked with.

core < { signaling, media, commerce } < server; the three in the middle never include one another.
usage: layers.py [PATH-OF-SOUKD]
"""
import fnmatch
import re
import subprocess
import sys

from source_files import ROOT, source_files

LAYERS = {  # who: whom it may include, itself apart
    "server/core": set(),
    "signaling": {"server/core"},
    "media": {"server/core"},
    "commerce": {"server/core"},
    "server": {"server/core", "signaling", "media", "commerce"},
    "load-tests": {"server/core", "signaling", "media"},
    "tests": {"server/core", "server", "signaling", "media", "commerce", "load-tests"},
}

# Header pattern, and the files that may include it. Tests may use any library as an oracle.
DOORS = [
    (r"(nice/|stun/|agent\.h)", ["signaling/ice*"]),
    (r"gst/", ["media/transcoder/*", "load-tests/publish/source*"]),
    (r"(glib|gio/|gmodule|gobject)", ["media/transcoder/*", "signaling/ice_full.*", "load-tests/publish/*"]),
    (r"libsoup/", ["load-tests/publish/whip.*"]),
    (r"(srtp2?/|intel-ipsec-mb)", ["signaling/srtp*", "load-tests/micro/crypto_*"]),
    (r"usrsctp", ["signaling/sctp*"]),
    (r"openssl/", ["server/core/tls*", "server/core/crypto*", "signaling/dtls*", "signaling/srtp*",
                  "load-tests/micro/dtls_openssl.c"]),
    (r"(sqlite3|libpq)", ["commerce/store*"]),
    (r"curl/", ["*notifier*"]),
    (r"wslay/", ["server/core/websocket*"]),
    (r"jansson", ["server/core/json*"]),
    (r"ini\.h", ["server/core/option*", "server/config*"]),
    (r"zlib", ["server/core/gzip*"]),
    (r"seccomp", ["media/transcoder/*"]),
    # Commerce knows no socket: it could not be tested without one.
    (r"(sys/socket|netinet/|arpa/|event2/)", ["server/*", "signaling/*", "media/*", "load-tests/*"]),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)


def layer_of(path):
    """The longest layer that the path stands in, or None."""
    found = [layer for layer in LAYERS if path == layer or path.startswith(layer + "/")]
    return max(found, key=len, default=None)


def own_include(name, header):
    """What is wrong with the inclusion of a header of ours, or None."""
    if not (ROOT / header).is_file():
        return "is not a path from the root of the checkout"
    here, there = layer_of(name), layer_of(header)
    if here != there and there not in LAYERS[here]:
        return f"{here} may not include {there}"
    inside = header.startswith("media/transcoder/") and header != "media/transcoder/protocol.h"
    if inside and not name.startswith(("media/transcoder/", "tests/")):
        return "the transcoder is a program of its own"
    return None


def library_include(name, header):
    if name.startswith("tests/"):
        return None
    for pattern, files in DOORS:
        if re.match(pattern, header) and not any(fnmatch.fnmatch(name, file) for file in files):
            return f"only {', '.join(files)} may include it"
    return None


def include_complaints():
    for path in source_files(".c", ".h"):
        name = str(path)
        if not layer_of(name):
            continue
        for quote, header in INCLUDE.findall((ROOT / path).read_text("utf-8")):
            wrong = (own_include if quote == '"' else library_include)(name, header)
            if wrong:
                yield f"{name}: {header}: {wrong}"


def link_complaints(binary):
    """GStreamer decodes what strangers send, in a process of its own; GLib comes by libnice alone."""
    dynamic = subprocess.run(["readelf", "-d", binary], capture_output=True, text=True, check=True)
    for library in re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic.stdout):
        if re.match(r"lib(gst|glib|gobject|gio|gmodule|av|swr)", library):
            yield f"{binary}: is linked with {library}"


def main():
    found = list(include_complaints())
    for binary in sys.argv[1:]:
        found += link_complaints(binary)
    for text in found:
        print(text)
    print(f"layers: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
