"""Every MUST of WHIP (RFC 9725) and WHEP (draft-ietf-wish-whep-03, webrtc-http-egress-events) as rows of
one table: what an outside tester sees of the real server, byte by byte."""
import base64
import hashlib
import hmac
import re
import subprocess
import time
import unittest

from raw_http import RawHttp
from souk import BIN, RoomTest, until
from test_whip_whep import FRAGMENT, PUBLISHER_OFFER, SDP, SDP_DIR, VIEWER_OFFER, fragment

EXPOSED = {"Location", "ETag", "Link", "Retry-After", "Allow", "Accept-Post", "Accept-Patch"}
SSE = "urn:ietf:params:whep:ext:core:server-sent-events"
LAYER = "urn:ietf:params:whep:ext:core:layer"
NEW = {"ufrag": "Nufr", "pwd": "p" * 24}
SIMULCAST_OFFER = (SDP_DIR / "chromium156-offer-simulcast.sdp").read_text()
MUSTS = []


def must(section, text):
    """A row: `check(test)` fails unless the server does what `section` says."""
    def add(check):
        MUSTS.append((section, text, check))
        return check
    return add


class Bench(RoomTest):
    """A live room `demo`, a room `dark` without a host, a room `shut` for tokens alone."""

    def setUp(self):
        super().setUp()
        self.http = RawHttp(self.server.host, self.server.port)
        self.make_room("dark")
        self.make_room("shut", access="token")
        self.make_room("stage")
        self.stage = self.server.token("stage", "host", "anna")

    def post(self, path, body, *fields, token=None, content_type=SDP):
        return self.http.request("POST", path, body, [("Content-Type", content_type), *fields], token)

    def patch(self, location, body, if_match=None, token=None, content_type=FRAGMENT):
        fields = [("Content-Type", content_type)] + ([("If-Match", if_match)] if if_match else [])
        return self.http.request("PATCH", location, body, fields, token)

    def watch(self, query="", offer=VIEWER_OFFER):
        reply = self.post("/whep/demo" + query, offer)
        self.assertEqual(reply.status, 201, reply.text)
        return reply

    def host_stage(self):
        reply = self.post("/whip/stage", PUBLISHER_OFFER, token=self.stage)
        self.assertEqual(reply.status, 201, reply.text)
        return reply

    def sessions(self):
        """The same checks on a session of either kind: reply of the POST, offer, token."""
        yield self.host_stage(), PUBLISHER_OFFER, self.stage
        yield self.watch(), VIEWER_OFFER, None

    def problem(self, reply, status, code, exposed=EXPOSED):
        """RFC 9457, readable across origins, kept by nobody."""
        self.assertEqual(reply.status, status, reply.text)
        self.assertEqual(reply.get("Content-Type"), "application/problem+json")
        self.assertEqual((reply.json()["status"], reply.json()["code"]), (status, code))
        self.assertEqual(reply.get("Access-Control-Allow-Origin"), "*")
        self.assertEqual(reply.get("Cache-Control"), "no-store")
        self.assertLessEqual(exposed, reply.list("Access-Control-Expose-Headers"))


@must("RFC 9725 §4.2, WHEP §4.3.1", "201 with Location, application/sdp, one strong quoted ETag, not to be kept")
def created(test):
    for reply, _, _ in test.sessions():
        test.assertEqual(reply.get("Content-Type"), SDP)
        test.assertRegex(reply.get("Location"), r"^/wh[ie]p/[a-z]+/[0-9]+-[A-Za-z0-9]{24}$")
        test.assertRegex(reply.get("ETag"), r'^"[!#-~]+"$')
        test.assertEqual(reply.get("Accept-Patch"), FRAGMENT)
        test.assertEqual(reply.get("Cache-Control"), "no-store")
        test.assertLessEqual(EXPOSED, reply.list("Access-Control-Expose-Headers"))
        test.assertEqual(reply.get("Access-Control-Allow-Origin"), "*")
        test.assertEqual(len(reply.body), int(reply.get("Content-Length")))


@must("RFC 9725 §4.2, WHEP §4.3.5", "the answer is sendonly to viewers, recvonly to hosts, never anything else")
def directions(test):
    for reply, wanted in ((test.host_stage(), "recvonly"), (test.watch(), "sendonly")):
        found = re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\r$", reply.text, re.M)
        test.assertEqual(found, [wanted, wanted])
    for wrong in ("sendonly", "inactive"):
        test.problem(test.post("/whep/demo", VIEWER_OFFER.replace("a=recvonly", "a=" + wrong)), 422, "bad_sdp")
    for wrong in ("recvonly", "inactive"):
        offer = PUBLISHER_OFFER.replace("a=sendonly", "a=" + wrong).replace("a=sendrecv", "a=" + wrong)
        test.problem(test.post("/whip/stage", offer, token=test.stage), 422, "bad_sdp")


@must("RFC 9725 §4.4.1, WHEP §4.6.1", "one bundle, rtcp-mux and rtcp-mux-only in each m-line")
def bundle(test):
    for reply, offer, _ in test.sessions():
        mids = re.findall(r"^a=mid:(\S+)$", offer, re.M)
        test.assertIn("a=group:BUNDLE " + " ".join(mids) + "\r\n", reply.text)
        for section in reply.text.split("\r\nm=")[1:]:
            if not section.startswith("application"):
                test.assertIn("a=rtcp-mux\r\n", section)
                test.assertIn("a=rtcp-mux-only\r\n", section)
    bare = re.sub(r"a=group:BUNDLE[^\n]*\n", "", VIEWER_OFFER)
    test.problem(test.post("/whep/demo", bare), 422, "bad_sdp")


@must("RFC 9725 §4.4.2, WHEP §4.6.2", "one MediaStream: the same msid everywhere, no two m-lines of a kind")
def media_stream(test):
    streams = re.findall(r"^a=msid:(\S+) (\S+)\r$", test.watch().text, re.M)
    test.assertEqual((len(streams), len({stream for stream, _ in streams})), (2, 1))
    for kind in ("audio", "video"):
        head, media, rest = VIEWER_OFFER.partition(re.search(rf"(?m)^m={kind}(?:(?!^m=)[\s\S])*", VIEWER_OFFER)[0])
        head = re.sub(r"(?m)^(a=group:BUNDLE.*)$", r"\1 x", head)
        offer = head + media + re.sub(r"(?m)^a=mid:.*$", "a=mid:x", media) + rest
        test.problem(test.post("/whep/demo", offer), 422, "bad_sdp")


@must("RFC 9725 §4.4.3", "a WHIP offer is taken whole or refused whole, never in part")
def never_in_part(test):
    for wrong in (PUBLISHER_OFFER.replace("H264/90000", "H266/90000"),
                  PUBLISHER_OFFER.replace("opus/48000", "xpus/48000"),
                  PUBLISHER_OFFER + "m=text 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:t\r\n"):
        test.problem(test.post("/whip/stage", wrong, token=test.stage), 422, "bad_sdp")
    test.assertNotRegex(test.host_stage().text, r"(?m)^m=\S+ 0 ")


@must("RFC 9725 §4.4.4", "we are passive for an offer of actpass or active, and refuse to be what we are not")
def setup_role(test):
    for setup in ("actpass", "active"):
        reply = test.post("/whip/stage", PUBLISHER_OFFER.replace("a=setup:actpass", "a=setup:" + setup), token=test.stage)
        test.assertEqual(set(re.findall(r"a=setup:(\S+)", reply.text)), {"passive"})
    passive = PUBLISHER_OFFER.replace("a=setup:actpass", "a=setup:passive")
    test.problem(test.post("/whip/stage", passive, token=test.stage), 422, "bad_sdp")


@must("RFC 9725 §4.8", "simulcast is answered by RFC 8853: rids of the offer, turned to recv")
def simulcast(test):
    reply = test.post("/whip/stage", SIMULCAST_OFFER, token=test.stage)
    test.assertEqual(reply.status, 201)
    offered = set(re.findall(r"(?m)^a=rid:(\S+) send", SIMULCAST_OFFER))
    taken = re.findall(r"(?m)^a=rid:(\S+) recv", reply.text)
    (wanted,) = re.findall(r"(?m)^a=simulcast:recv (\S+)", reply.text)
    test.assertEqual(wanted.split(";"), taken)
    test.assertLessEqual(set(taken), offered)
    test.assertNotIn("send", re.search(r"(?m)^a=simulcast:.*$", reply.text)[0])


@must("RFC 9725 §4.2, WHEP §4.3.4", "another type or no SDP: 4xx; 415 says what is taken")
def what_is_no_offer(test):
    for path, token in (("/whip/stage", test.stage), ("/whep/demo", None)):
        for kind in ("application/json", "application/sdpfrag", FRAGMENT, "text/plain"):
            reply = test.post(path, VIEWER_OFFER, token=token, content_type=kind)
            test.problem(reply, 415, "unsupported_media_type")
            test.assertEqual(reply.get("Accept-Post"), SDP)
        test.problem(test.http.request("POST", path, VIEWER_OFFER, [], token), 415, "unsupported_media_type")
        for text in ("", "nonsense", "v=0\r\n"):
            test.problem(test.post(path, text, token=token), 400, "bad_request")
        test.problem(test.post(path, "v=0\r\n" + "a=x\r\n" * 8000, token=token), 413, "too_large", set())
    test.assertEqual(test.post("/whep/demo", VIEWER_OFFER, content_type="Application/SDP; charset=utf-8").status, 201)


@must("RFC 9725 §4.3.2, WHEP §4.5.2", "the answer has all candidates and says so; ICE-lite is told")
def all_candidates(test):
    port = test.server.ready["udp"][0].rsplit(":", 1)[1]
    ports = {address.rsplit(":", 1)[1] for address in test.server.ready["udp"]}
    for reply, _, _ in test.sessions():
        found = re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host\r$", reply.text, re.M)
        test.assertEqual([address for address, _ in found], ["127.0.0.1"])
        test.assertIn(found[0][1], ports | {port})
        for line in ("a=end-of-candidates", "a=ice-lite", "a=ice-options:trickle", "a=setup:passive"):
            test.assertIn(line + "\r\n", reply.text)


@must("RFC 9725 §4.3.2, WHEP §4.5.2", "trickle by PATCH: 204, no content, no ETag; foreign candidates are dropped")
def trickle(test):
    for reply, offer, token in test.sessions():
        location, tag = reply.get("Location"), reply.get("ETag")
        odd = "".join(f"a=candidate:{i} 1 {kind}\r\n" for i, kind in enumerate((
            "tcp 1518280447 192.0.2.1 9 typ host tcptype active", "udp 1 nowhere.local 5000 typ host",
            "udp 1 nosuchhost.invalid 5000 typ host", "sctp 1 192.0.2.1 5000 typ host")))
        for body in (fragment(offer), fragment(offer) + odd, "a=end-of-candidates\r\n"):
            answer = test.patch(location, body, tag, token)
            test.assertEqual((answer.status, answer.body, answer.get("ETag")), (204, b"", None))


@must("RFC 9725 §4.3.1, WHEP §4.5.1", "PATCH without If-Match 428, with another tag or a weak one 412")
def preconditions(test):
    for reply, offer, token in test.sessions():
        location, tag = reply.get("Location"), reply.get("ETag")
        test.problem(test.patch(location, fragment(offer), None, token), 428, "precondition_required")
        for wrong in ('"stale"', "W/" + tag, tag.strip('"')):
            test.problem(test.patch(location, fragment(offer), wrong, token), 412, "precondition_failed")
        test.assertEqual(test.patch(location, fragment(offer), f'"other", {tag}', token).status, 204)


@must("RFC 9725 §4.3.1, WHEP §4.5.1", "PATCH of another type or no fragment: 4xx, 415 with Accept-Patch")
def what_is_no_fragment(test):
    for reply, _, token in test.sessions():
        location, tag = reply.get("Location"), reply.get("ETag")
        for kind in (SDP, "application/json", "text/plain"):
            answer = test.patch(location, VIEWER_OFFER, tag, token, kind)
            test.problem(answer, 415, "unsupported_media_type")
            test.assertEqual(answer.get("Accept-Patch"), FRAGMENT)
        for body in ("", "nonsense", "a=ice-ufrag:only\r\n"):
            test.problem(test.patch(location, body, tag, token), 400, "bad_request")


@must("RFC 9725 §4.3.3, WHEP §4.5.3", "ICE restart: 200, a fragment with new credentials, a new tag; the old one is stale")
def restart(test):
    for reply, offer, token in test.sessions():
        location, tag = reply.get("Location"), reply.get("ETag")
        for if_match, generation in (("*", "aa"), ('"*"', "bb"), (None, "cc")):
            old, if_match = tag, if_match or tag
            new = fragment(offer, ufrag="Nuf" + generation, pwd="p" * 22 + generation)
            answer = test.patch(location, new, if_match, token)
            test.assertEqual((answer.status, answer.get("Content-Type")), (200, FRAGMENT), answer.text)
            tag = answer.get("ETag")
            test.assertRegex(tag, r'^"[!#-~]+"$')
            test.assertNotEqual(tag, old)
            for wanted in (r"a=ice-ufrag:\S{4,}", r"a=ice-pwd:\S{22,}", r"a=candidate:.* typ host", r"m=audio 9 ",
                           r"a=mid:\S+", "a=ice-lite", "a=ice-options:trickle", "a=end-of-candidates"):
                test.assertRegex(answer.text, rf"(?m)^{wanted}")
            test.assertNotIn(re.search(r"a=ice-ufrag:(\S+)", reply.text)[1], answer.text)
            test.problem(test.patch(location, new, old, token), 412, "precondition_failed")
            test.assertEqual(test.patch(location, new, tag, token).status, 204)


@must("RFC 9725 §4.3.3, WHEP §4.5.3", "a restart that fails is an error and leaves session and tag as they were")
def failed_restart(test):
    for reply, offer, token in test.sessions():
        location, tag = reply.get("Location"), reply.get("ETag")
        for half in (fragment(offer, ufrag="Nufr"), fragment(offer, pwd="p" * 24)):
            for if_match in ("*", tag):
                test.problem(test.patch(location, half, if_match, token), 422, "bad_sdp")
        test.problem(test.patch(location, fragment(offer, **NEW), None, token), 428, "precondition_required")
        test.problem(test.patch(location, "a=ice-ufrag:x\r\na=ice-pwd:y\r\n", "*", token), 400, "bad_request")
        test.assertEqual(test.patch(location, fragment(offer), tag, token).status, 204)
        test.assertEqual(test.http.request("GET", location, token=token).status, 204)


@must("RFC 9725 §4.2, WHEP §4.4", "DELETE: 200 whatever If-Match says, then the URL is gone")
def delete(test):
    for reply, offer, token in test.sessions():
        location = reply.get("Location")
        answer = test.http.request("DELETE", location, "", [("If-Match", '"other"')], token)
        test.assertEqual(answer.status, 200)
        for method in ("DELETE", "GET"):
            test.problem(test.http.request(method, location, token=token), 404, "not_found")
        test.problem(test.patch(location, fragment(offer), "*", token), 404, "not_found")


@must("RFC 9725 §4.1, WHEP §4.1", "GET on endpoint and session: 2xx without content")
def get_is_empty(test):
    session = test.host_stage().get("Location"), test.watch().get("Location")
    for path, token in (("/whip/stage", None), ("/whep/demo", None), (session[0], test.stage), (session[1], None)):
        for method in ("GET", "HEAD"):
            reply = test.http.request(method, path, token=token)
            test.assertEqual((reply.status // 100, reply.body), (2, b""), path)
            test.assertIn(reply.get("Content-Length"), (None, "0"))


@must("WHEP §4.2", "HEAD on a WHEP endpoint: 200, application/sdp, the fields of GET")
def discovery(test):
    head, get = (test.http.request(method, "/whep/demo") for method in ("HEAD", "GET"))
    test.assertEqual((head.status, head.get("Content-Type")), (200, SDP))
    names = [[field for field in reply.fields if field[0] != "Date"] for reply in (head, get)]
    test.assertEqual(*names)


@must("RFC 9725 §4.2, WHEP §4.4, Fetch", "OPTIONS: 200, Accept-Post, all that a preflight asks, no token, no Link")
def options(test):
    whip, whep = test.host_stage().get("Location"), test.watch().get("Location")
    rows = (("/whip/stage", "POST", "Accept-Post", SDP), ("/whep/demo", "POST", "Accept-Post", SDP),
            ("/whep/shut", "POST", "Accept-Post", SDP), ("/whep/none", "POST", "Accept-Post", SDP),
            (whip, "PATCH", "Accept-Patch", FRAGMENT), (whep, "DELETE", "Accept-Patch", FRAGMENT),
            (whep + "/events", "POST", "Accept-Post", "application/json"),
            (whep + "/events/x", "DELETE", "Allow", "GET"), (whep + "/layer", "POST", "Accept-Post", "application/json"))
    for path, method, name, value in rows:
        reply = test.http.request("OPTIONS", path, "", [("Origin", "https://shop.example"),
                                                        ("Access-Control-Request-Method", method)])
        test.assertEqual((reply.status, reply.all("Link")), (200, []), path)
        test.assertIn(value, reply.list(name), path)
        test.assertIn(method, reply.list("Access-Control-Allow-Methods"))
        test.assertLessEqual({"Authorization", "Content-Type", "If-Match"}, reply.list("Access-Control-Allow-Headers"))
        test.assertLessEqual(EXPOSED, reply.list("Access-Control-Expose-Headers"))
        test.assertEqual(reply.get("Access-Control-Allow-Origin"), "*")


@must("RFC 9110 §15.5.6", "another method: 405 with Allow")
def wrong_method(test):
    session = test.watch().get("Location")
    rows = (("PUT", "/whip/stage", {"POST", "GET", "HEAD", "OPTIONS"}),
            ("DELETE", "/whep/demo", {"POST", "GET", "HEAD", "OPTIONS"}),
            ("PATCH", "/whep/demo", {"POST", "GET", "HEAD", "OPTIONS"}),
            ("POST", session, {"PATCH", "DELETE", "GET", "HEAD", "OPTIONS"}),
            ("GET", session + "/events", {"POST", "OPTIONS"}), ("PUT", session + "/layer", {"POST", "OPTIONS"}),
            ("POST", session + "/events/x", {"GET", "HEAD", "DELETE", "OPTIONS"}))
    for method, path, allowed in rows:
        reply = test.http.request(method, path)
        test.problem(reply, 405, "method_not_allowed")
        test.assertEqual(reply.list("Allow"), allowed, path)


@must("WHEP §4.3.8", "a room that is not live: 409 with Retry-After")
def not_live(test):
    reply = test.post("/whep/dark", VIEWER_OFFER)
    test.problem(reply, 409, "not_live")
    test.assertGreaterEqual(int(reply.get("Retry-After")), 1)


@must("RFC 9725 §4.7, WHEP §4.9", "Bearer tokens on every request but OPTIONS; who may not is told how to ask")
def bearer(test):
    session = test.host_stage().get("Location")
    fragment_ = fragment(PUBLISHER_OFFER)
    for reply in (test.post("/whip/stage", PUBLISHER_OFFER), test.patch(session, fragment_, "*"),
                  test.http.request("DELETE", session), test.http.request("GET", session),
                  test.post("/whep/shut", VIEWER_OFFER),
                  test.post("/whep/demo", VIEWER_OFFER, token="not.a.token")):
        test.problem(reply, 401, "bad_token")
        test.assertEqual(reply.get("WWW-Authenticate"), "Bearer")
    for reply in (test.post("/whip/stage", PUBLISHER_OFFER, token=test.host),
                  test.http.request("DELETE", session, token=test.host), test.patch(session, fragment_, "*", test.host)):
        test.problem(reply, 403, "forbidden")
    test.assertEqual(test.http.request("DELETE", session, token=test.stage).status, 200)


@must("RFC 9725 §5, WHEP §5", "session URLs cannot be guessed, nor used with another room or kind")
def unguessable(test):
    locations = [test.watch().get("Location") for _ in range(8)]
    secrets = {location.rsplit("-", 1)[1] for location in locations}
    test.assertEqual(len(secrets), 8)
    for location in locations[:2]:
        for wrong in (location.replace("/demo/", "/dark/"), location[:-1] + ("b" if location[-1] == "a" else "a"),
                      "/whep/demo/" + location.rsplit("-", 1)[1], "/whep/demo/99-" + location.rsplit("-", 1)[1]):
            test.problem(test.http.request("DELETE", wrong), 404, "not_found")
        test.assertEqual(test.http.request("DELETE", location).status, 200)


@must("WHEP §5", "PATCH floods are limited, the session lives on")
def patch_flood(test):
    reply = test.watch()
    statuses = []
    for _ in range(120):
        answer = test.patch(reply.get("Location"), fragment(VIEWER_OFFER), reply.get("ETag"))
        statuses.append(answer.status)
        if answer.status == 429:
            break
    test.problem(answer, 429, "rate_limited")
    test.assertGreaterEqual(int(answer.get("Retry-After")), 1)
    test.assertEqual(set(statuses[:-1]), {204})
    test.assertGreaterEqual(len(statuses), 50)
    test.assertEqual(test.http.request("GET", reply.get("Location")).status, 204)


@must("WHEP §4.3.2", "406: our offer, Location and tag; the answer comes by PATCH application/sdp and gets 204")
def counter_offer(test):
    for query, offer in (("?counter-offer=1", VIEWER_OFFER), ("", VIEWER_OFFER.replace("H264/90000", "H266/90000"))):
        reply = test.post("/whep/demo" + query, offer)
        test.assertEqual((reply.status, reply.get("Content-Type"), reply.get("Accept-Patch")), (406, SDP, SDP))
        test.assertRegex(reply.get("ETag"), r'^"[!#-~]+"$')
        directions_ = re.findall(r"^a=(sendrecv|sendonly|recvonly|inactive)\r$", reply.text, re.M)
        test.assertEqual(directions_, ["sendonly", "sendonly"])
        for line in ("m=application 9 UDP/DTLS/SCTP webrtc-datachannel", "a=setup:actpass", "a=ice-lite",
                     "a=rtcp-mux-only"):
            test.assertIn(line + "\r\n", reply.text)
        location = reply.get("Location")
        test.problem(test.patch(location, fragment(VIEWER_OFFER), reply.get("ETag")), 415, "unsupported_media_type")
        test.problem(test.patch(location, "nonsense", content_type=SDP), 400, "bad_request")
        test.problem(test.patch(location, answer_to(reply.text, setup="passive"), content_type=SDP), 422, "bad_sdp")
        accepted = test.patch(location, answer_to(reply.text), content_type=SDP)
        test.assertEqual((accepted.status, accepted.body), (204, b""), accepted.text)
        test.problem(test.patch(location, answer_to(reply.text), content_type=SDP), 415, "unsupported_media_type")
        test.assertEqual(test.patch(location, fragment(ANSWERER), reply.get("ETag")).status, 204)
        test.assertEqual(test.http.request("DELETE", location).status, 200)


@must("WHEP §4.3.3", "a plain offer is never countered")
def no_counter_offer(test):
    for query in ("", "?counter-offer=0", "?counter-offer"):
        test.assertEqual(test.watch(query).status, 201)
    test.assertEqual(test.post("/whip/stage?counter-offer=1", PUBLISHER_OFFER, token=test.stage).status, 201)


@must("RFC 9725 §4.9, WHEP §4.10, events §4 and §5", "one Link for each extension in 201, and no answer needs them; no ICE servers unasked")
def extensions(test):
    reply = test.watch()
    location = reply.get("Location")
    (sse, parameters), = reply.links(SSE)
    test.assertEqual((sse, set(parameters["events"].split(","))),
                     (location + "/events", {"active", "inactive", "layers", "reconnect", "viewercount"}))
    test.assertEqual(reply.links(LAYER)[0][0], location + "/layer")
    test.assertEqual(reply.links("ice-server"), [])
    test.assertEqual(test.host_stage().all("Link"), [])


ANSWERER = "a=ice-ufrag:Answ\r\na=ice-pwd:" + "q" * 24 + "\r\na=mid:0\r\n"


def answer_to(offer, setup="active"):
    """What a player would say to a counter-offer that it likes as it is."""
    text = re.sub(r"a=(candidate|end-of-candidates|ice-lite|msid|group)[^\n]*\n", "", offer)
    text = text.replace("a=sendonly", "a=recvonly").replace("a=setup:actpass", "a=setup:" + setup)
    text = re.sub(r"a=ice-ufrag:\S+", "a=ice-ufrag:Answ", re.sub(r"a=ice-pwd:\S+", "a=ice-pwd:" + "q" * 24, text))
    return text.replace("\r\nm=", "\r\na=group:BUNDLE 0 1 2\r\nm=", 1)


class Musts(Bench):
    def test_every_must_of_whip_and_whep(self):
        self.publish(seconds=120)
        for section, text, check in MUSTS:
            with self.subTest(check.__name__, section=section, must=text):
                check(self)


class Links(RoomTest):
    SECRET = "north"
    OPTIONS = ("--stun", "stun:192.0.2.1:3478", "--turn", "turn:192.0.2.1:3478?transport=udp", "--turn",
               "turns:192.0.2.1:5349?transport=tcp", "--turn-secret", SECRET, "--public-url",
               "https://shop.example/live/")

    def test_ice_servers_have_time_limited_credentials_and_urls_are_absolute(self):
        http = RawHttp(self.server.host, self.server.port)
        self.publish(seconds=60)
        origin = "https://shop.example/live"
        rows = (("/whip/demo2", PUBLISHER_OFFER, self.server.token("demo2", "host", "carl"), "carl"),
                ("/whep/demo", VIEWER_OFFER, self.viewer, "bob"), ("/whep/demo", VIEWER_OFFER, None, None),
                ("/whep/demo?counter-offer=1", VIEWER_OFFER, self.viewer, "bob"))
        self.make_room("demo2")
        for path, offer, token, sub in rows:
            reply = http.request("POST", path, offer, [("Content-Type", SDP)], token)
            self.assertIn(reply.status, (201, 406))
            self.assertTrue(reply.get("Location").startswith(origin + path.split("?")[0] + "/"))
            for target, _ in reply.links(SSE) + reply.links(LAYER):
                self.assertTrue(target.startswith(reply.get("Location") + "/"))
            stun, udp, tls = reply.links("ice-server")
            self.assertEqual(stun, ("stun:192.0.2.1:3478", {"rel": "ice-server"}))
            self.assertEqual((udp[0], tls[0]), (self.OPTIONS[3], self.OPTIONS[5]))
            for _, parameters in (udp, tls):
                self.check_credentials(parameters, sub)
        for path in ("/whip/demo", "/whep/demo"):
            self.assertEqual(http.request("OPTIONS", path).all("Link"), [])

    def check_credentials(self, parameters, sub):
        """As coturn does (use-auth-secret): the time, then the MAC of the whole name."""
        expiry, name = parameters["username"].split(":", 1)
        self.assertTrue(time.time() + 3600 < int(expiry) < time.time() + 90000)
        self.assertEqual(name, sub or name)
        self.assertGreaterEqual(len(name), 3)
        mac = hmac.new(self.SECRET.encode(), parameters["username"].encode(), hashlib.sha1).digest()
        self.assertEqual(parameters["credential"], base64.b64encode(mac).decode())
        self.assertEqual(parameters["credential-type"], "password")

    def test_what_cannot_stand_in_a_link_is_refused_at_the_start(self):
        for options in (("--turn", "turn:192.0.2.1"), ("--stun", "turn:192.0.2.1"), ("--stun", "stun:"),
                        ("--stun", 'stun:a>"b'), ("--overflow-url", "ftp://x")):
            done = subprocess.run([f"{BIN}/soukd", *options], capture_output=True, text=True, timeout=15, check=False)
            self.assertEqual(done.returncode, 2)
            self.assertIn(options[0], done.stderr)


class Overload:
    """Rows that want a server without room: run as 503 and as 307."""

    OTHER = None

    def refused(self, reply, path):
        if self.OTHER:
            mark = ("&" if "?" in path else "?") + "redirected=1"
            self.assertEqual((reply.status, reply.get("Location"), reply.body), (307, self.OTHER + path + mark, b""))
        else:
            self.assertEqual((reply.status, reply.json()["code"]), (503, "overloaded"))
            self.assertGreaterEqual(int(reply.get("Retry-After")), 1)
        self.assertEqual(reply.get("Access-Control-Allow-Origin"), "*")
        self.assertEqual(reply.get("Cache-Control"), "no-store")

    def test_a_full_server_admits_nobody_and_says_when_or_where(self):
        http = RawHttp(self.server.host, self.server.port)
        self.publish(seconds=60)
        fields = [("Content-Type", SDP)]
        first = http.request("POST", "/whep/demo", VIEWER_OFFER, fields)
        self.assertEqual(first.status, 201)
        for path in ("/whep/demo", "/whep/demo?counter-offer=1&sid=abcdefgh"):
            self.refused(http.request("POST", path, VIEWER_OFFER, fields), path)
        again = http.request("POST", "/whep/demo?redirected=1", VIEWER_OFFER, fields)  # not to and fro
        self.assertEqual((again.status, again.json()["code"]), (503, "overloaded"))
        self.assertEqual(http.request("GET", first.get("Location")).status, 204)
        self.assertEqual(http.request("DELETE", first.get("Location")).status, 200)
        self.assertEqual(http.request("POST", "/whep/demo", VIEWER_OFFER, fields).status, 201)

    def test_an_ending_server_admits_nobody(self):
        http = RawHttp(self.server.host, self.server.port)
        self.publish(seconds=60)
        rows = (("/whep/demo", VIEWER_OFFER, None), ("/whip/demo", PUBLISHER_OFFER, self.host))
        begun = [http.begin("POST", path, offer, [("Content-Type", SDP)], token) for path, offer, token in rows]
        for connection, data in begun:
            connection.sendall(data[:10])
        http.request("GET", "/whep/demo")  # the heads were read by now
        self.server.process.terminate()
        until(lambda: "draining" in self.server.errors(), "draining")
        for (path, _, _), (connection, data) in zip(rows, begun):
            self.refused(http.end(connection, data[10:]), path)


class Full(Overload, RoomTest):
    OPTIONS = ("--workers", "1", "--viewers-max", "1")


class Overflow(Overload, RoomTest):
    OTHER = "https://other.example/x"
    OPTIONS = (*Full.OPTIONS, "--overflow-url", OTHER + "/")


if __name__ == "__main__":
    unittest.main()
