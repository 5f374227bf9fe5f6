"""Other servers on the same bench: how each is set up, fed with the same source and watched. Every
configuration is written here, as small as it gets, into a folder that goes with the server."""
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import processes
import souk_server
from private_net import ADDRESS

SERVER_CORE, LOAD_CORE = souk_server.SERVER_CORE, souk_server.LOAD_CORE
JANUS_PORT, JANUS_AUDIO, JANUS_VIDEO = 8088, 5002, 5004
SRS_RTMP, SRS_HTTP, SRS_API, SRS_UDP = 1935, 8080, 1985, 8000
START_S = 10
GROUP_S = 2  # until the first group of pictures is whole


def opus_source():
    """The same pictures, with the sound as WebRTC wants it, for servers that do not transcode."""
    path = souk_server.OUT / "source-opus.mkv"
    if not path.exists():
        part = souk_server.OUT / "source-opus.part.mkv"
        subprocess.run(
            ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "error", "-y", "-i",
             souk_server.source(), "-c:v", "copy", "-c:a", "libopus", "-b:a", "64k",
             "-frame_duration", "20", part], check=True)
        part.rename(path)
    return path


class Peer:
    """A server process on its core, its configuration in a folder of its own, its source."""

    def __init__(self, children):
        self.children = children
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="souk-peer-"))
        self.process = self.picture = None

    def start(self, args, probe):
        """Runs it until `probe`, a URL, answers anything at all."""
        with open(self.folder / "output", "w") as out:
            self.process = self.children.start(args, SERVER_CORE, stdout=out, stderr=out,
                                               cwd=self.folder)
        end = time.monotonic() + START_S
        while time.monotonic() < end and self.process.poll() is None:
            try:
                urllib.request.urlopen(probe, timeout=1).read()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        said = (self.folder / "output").read_text()[-1000:]
        sys.exit(f"bench: {args[0]} did not start: {said}")

    def feed(self, *arguments):
        self.picture = self.children.start(souk_server.ffmpeg(*arguments), LOAD_CORE,
                                           stdout=subprocess.DEVNULL)
        time.sleep(GROUP_S)

    def family(self):
        return processes.with_children(self.process.pid)

    def end(self):
        for child in (self.picture, self.process):
            if child:
                self.children.end(child)
        shutil.rmtree(self.folder, ignore_errors=True)


class Janus(Peer):
    """Debian's Janus with its streaming plugin alone. `loops`: threads that carry all viewers; 0: its
    default, a thread for each."""

    LIBRARIES = sorted(pathlib.Path("/usr/lib").glob("*/janus"))

    @classmethod
    def missing(cls):
        there = shutil.which("janus") and cls.LIBRARIES
        return None if there else "janus is not installed (apt install janus)"

    def __init__(self, children, loops):
        super().__init__(children)
        for kind, library in (("plugins", "libjanus_streaming.so"), ("transports", "libjanus_http.so"),
                              ("events", None), ("loggers", None)):
            (self.folder / kind).mkdir()
            if library:
                found = next((self.LIBRARIES[0] / kind).glob(library + "*"))
                (self.folder / kind / library).symlink_to(found)
        folders = "".join(f'{kind}_folder = "{self.folder / kind}"\n'
                          for kind in ("plugins", "transports", "events", "loggers"))
        self.write("janus.jcfg", f"""
general: {{
configs_folder = "{self.folder}"
{folders}debug_level = 2
session_timeout = 0
{f"event_loops = {loops}" if loops else ""}
}}
nat: {{
ice_lite = true
ice_enforce_list = "{ADDRESS}"
}}
""")
        self.write("janus.transport.http.jcfg", f"""
general: {{
json = "compact"
base_path = "/janus"
http = true
port = {JANUS_PORT}
ip = "{ADDRESS}"
https = false
}}
admin: {{
admin_http = false
}}
""")
        self.write("janus.plugin.streaming.jcfg", f"""
bench: {{
type = "rtp"
id = 1
audio = true
audioport = {JANUS_AUDIO}
audiopt = 111
audiocodec = "opus"
video = true
videoport = {JANUS_VIDEO}
videopt = 96
videocodec = "h264"
videofmtp = "profile-level-id=42e01f;packetization-mode=1"
}}
""")
        self.start(["janus", "-F", self.folder, "-C", self.folder / "janus.jcfg"],
                   f"http://{ADDRESS}:{JANUS_PORT}/janus/info")
        to = f"rtp://{ADDRESS}:%d?pkt_size=1200"
        self.feed("-i", opus_source(),
                  "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-payload_type", "96",
                  "-f", "rtp", to % JANUS_VIDEO,
                  "-map", "0:a", "-c", "copy", "-payload_type", "111", "-f", "rtp", to % JANUS_AUDIO)

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def crowd(self, viewers):
        return ["--janus-url", f"http://{ADDRESS}:{JANUS_PORT}/janus", "--whep", viewers]


class Srs(Peer):
    """SRS from a binary that the caller has: RTMP in, WHEP out."""

    def __init__(self, children, binary):
        super().__init__(children)
        (self.folder / "srs.conf").write_text(f"""
listen {SRS_RTMP};
daemon off;
srs_log_tank console;
srs_log_level warn;
max_connections 5000;
pid {self.folder}/srs.pid;
http_server {{ enabled on; listen {SRS_HTTP}; dir {self.folder}; }}
http_api {{ enabled on; listen {SRS_API}; }}
rtc_server {{ enabled on; listen {SRS_UDP}; candidate {ADDRESS}; }}
vhost __defaultVhost__ {{
tcp_nodelay on;
min_latency on;
play {{ mw_latency 100; }}
rtc {{ enabled on; rtmp_to_rtc on; }}
http_remux {{ enabled on; mount [vhost]/[app]/[stream].flv; }}
}}
""")
        self.start([binary, "-c", self.folder / "srs.conf"], f"http://{ADDRESS}:{SRS_API}/api/v1/versions")
        self.feed("-i", souk_server.source(), "-c", "copy", "-f", "flv",
                  f"rtmp://{ADDRESS}:{SRS_RTMP}/live/bench")

    def crowd(self, viewers):
        return ["--whep-url", f"http://{ADDRESS}:{SRS_API}/rtc/v1/whep/?app=live&stream=bench",
                "--whep", viewers]


class Souk:
    """The same face for soukd. Its transcoder makes Opus of the source's AAC and is counted."""

    def __init__(self, children, bindir):
        self.server = souk_server.Server(children, bindir, host=ADDRESS)
        self.process = self.server.process

    def family(self):
        return processes.with_children(self.process.pid)

    def crowd(self, viewers):
        return ["--server", f"http://{self.server.at['http']}", "--room", "bench", "--whep", viewers]

    def end(self):
        self.server.end()


def swarm(children, options, name, arguments, duration):
    """Runs souk-swarm; returns the process and where its result will be."""
    result = souk_server.OUT / f"swarm-{name}.json"
    result.unlink(missing_ok=True)
    child = children.start(
        [options["bin"] / "souk-swarm", "--duration", f"{duration}s", "--json", result, "--decrypt", 0,
         *arguments], LOAD_CORE, stderr=subprocess.PIPE, text=True)
    return child, result


def finish(children, child, result):
    """The swarm's result, and the failures that it named."""
    _, said = child.communicate(timeout=120)
    children.end(child)
    with open(result) as file:
        return json.load(file), [line for line in said.splitlines() if line.startswith("souk-swarm:")]
