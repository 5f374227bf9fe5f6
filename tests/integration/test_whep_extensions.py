"""WHEP's extensions (webrtc-http-egress-events) and what a session does with them while it plays: events,
layers, counter-offers, restarts and the end, with aiortc as the player."""
import asyncio
import json
import pathlib
import signal
import unittest

import jsonschema
from aiortc import RTCSessionDescription
from raw_http import EventReader, RawHttp
from rtc import Viewer
from souk import Publisher, RoomTest, until
from test_whip_whep import FRAGMENT, SDP, VIEWER_OFFER, fragment

ROOT = pathlib.Path(__file__).resolve().parents[2]
EVENTS = ["active", "inactive", "layers", "reconnect", "viewercount"]


def vectors(kind):
    """The golden bodies of one schema: text, whether it is valid, the member at fault."""
    golden = ROOT / "tests" / "data" / "golden"
    for row in json.loads((golden / "index.json").read_text()):
        if row["schema"] == kind + ".schema.json":
            yield (golden / row["file"]).read_text(), row["valid"], row.get("member")


def check_schema(value, kind):
    schema = json.loads((ROOT / "docs" / "schema" / f"{kind}.schema.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(value)


class Playing(RoomTest):
    OPTIONS = ("--workers", "2")

    def setUp(self):
        super().setUp()
        self.http = RawHttp(self.server.host, self.server.port)

    def post_json(self, path, body, token=None):
        text = body if isinstance(body, str) else json.dumps(body)
        return self.http.request("POST", path, text, [("Content-Type", "application/json")], token)

    def play(self, scenario, room="demo", token=None):
        """`scenario(viewer)` runs in a thread while the viewer plays."""
        async def run():
            viewer = await Viewer(self.server, room, token).start()
            try:
                await viewer.frames(3)
                await asyncio.to_thread(scenario, viewer)
            finally:
                await viewer.close()

        asyncio.run(run())

    def open_stream(self, location, events=None, token=None):
        reply = self.http.request("POST", location + "/events", "") if events is None else \
            self.post_json(location + "/events", events, token)
        self.assertEqual((reply.status, reply.body), (201, b""), reply.text)
        self.assertTrue(reply.get("Location").startswith(location + "/events/"))
        return reply.get("Location")

    def problem(self, reply, status, code, member=None):
        self.assertEqual((reply.status, reply.json()["code"]), (status, code), reply.text)
        self.assertEqual(reply.get("Content-Type"), "application/problem+json")
        self.assertEqual(reply.json().get("member"), member)


class Events(Playing):
    def test_events_tell_of_the_host_the_layers_and_the_viewers(self):
        first = self.publish(seconds=60)

        def scenario(viewer):
            reader = EventReader(self.http, self.open_stream(viewer.location))
            self.assertEqual((reader.status, reader.fields["content-type"]), (200, "text/event-stream"))
            self.assertEqual(reader.fields["cache-control"], "no-store")
            self.assertEqual(reader.next(), ("active", {}))
            self.assertEqual(reader.until("viewercount", lambda data: data["viewercount"] == 1), {"viewercount": 1})
            layers = reader.until("layers")
            check_schema(layers, "whep-layers")
            (line, (layer,)), = layers.items()
            self.assertEqual((line, layer["rid"], layer["width"], layer["height"]), ("1", "source", 320, 180))
            self.assertGreater(layer["bitrate"], 10000)
            other = self.http.request("POST", "/whep/demo", VIEWER_OFFER, [("Content-Type", SDP)])
            reader.until("viewercount", lambda data: data["viewercount"] == 2)
            self.http.request("DELETE", other.get("Location"))
            reader.until("viewercount", lambda data: data["viewercount"] == 1)
            first.stop(signal.SIGKILL)
            self.assertEqual(reader.until("inactive"), {})
            self.publish(seconds=60)
            self.assertEqual(reader.until("active"), {})
            reader.close()

        self.play(scenario)

    def test_only_what_was_asked_for_is_told_and_waits_for_a_reader(self):
        first = self.publish(seconds=60)

        def scenario(viewer):
            stream = self.open_stream(viewer.location, ["inactive", "active"])
            first.stop(signal.SIGKILL)
            until(lambda: self.state()["state"] == "lost", "lost")
            self.publish(seconds=60)
            reader = EventReader(self.http, stream)
            self.assertEqual([reader.next()[0] for _ in range(3)], ["active", "inactive", "active"])
            again = EventReader(self.http, stream)  # takes its place
            self.assertIsNone(reader.next())
            reader.close()
            self.assertEqual(self.http.request("HEAD", stream).get("Content-Type"), "text/event-stream")
            self.assertEqual(self.http.request("DELETE", stream).status, 204)
            self.assertIsNone(again.next())
            again.close()
            for method in ("GET", "DELETE", "HEAD"):
                self.assertEqual(self.http.request(method, stream).status, 404)

        self.play(scenario)

    def test_a_reader_that_vanishes_makes_room_for_the_next(self):
        self.publish(seconds=60)

        def scenario(viewer):
            stream = self.open_stream(viewer.location, ["layers"])
            for _ in range(6):  # some on each worker
                reader = EventReader(self.http, stream)
                self.assertEqual(reader.status, 200)
                reader.close()
            reader = EventReader(self.http, stream)
            self.assertIn("1", reader.until("layers"))
            reader.close()

        self.play(scenario)

    def test_the_end_of_the_session_ends_its_streams(self):
        self.publish(seconds=60)

        def scenario(viewer):
            streams = [self.open_stream(viewer.location) for _ in range(2)]
            readers = [EventReader(self.http, stream) for stream in streams]
            self.assertEqual(self.http.request("DELETE", viewer.location).status, 200)
            for stream, reader in zip(streams, readers):
                while reader.next():
                    pass
                reader.close()
                self.assertEqual(self.http.request("GET", stream).status, 404)

        self.play(scenario)

    def test_requests_for_streams_are_judged(self):
        self.publish(seconds=60)

        def scenario(viewer):
            path = viewer.location + "/events"
            for body, valid, _ in vectors("whep-events-request"):
                reply = self.post_json(path, body)
                self.assertEqual(reply.status, 201 if valid else 400, body)
            for body in ("[", "[1]", json.dumps(["active"] * 17), '["ACTIVE"]', "null"):
                self.problem(self.post_json(path, body), 400, "bad_request")
            reply = self.http.request("POST", path, '["active"]', [("Content-Type", "text/plain")])
            self.problem(reply, 415, "unsupported_media_type")
            self.assertEqual(reply.get("Accept-Post"), "application/json")
            statuses = [self.post_json(path, EVENTS).status for _ in range(4)]
            self.assertEqual(statuses, [201, 201, 201, 429])  # one was made above
            for wrong in (path.replace("/demo/", "/none/"), path.replace("-", "-x"), "/whep/demo/0-none/events"):
                self.problem(self.post_json(wrong, EVENTS), 404, "not_found")

        self.play(scenario)

    def test_in_a_token_room_every_route_wants_a_token(self):
        self.make_room("shut", access="token")
        host, token = self.server.token("shut", "host", "anna"), self.server.token("shut", "viewer", "bob")
        self.host = host
        self.publish("shut", seconds=60, token=token)

        def scenario(viewer):
            location = viewer.location
            stream = self.open_stream(location, ["active"], token)
            rows = (("POST", location + "/events"), ("GET", stream), ("DELETE", stream),
                    ("POST", location + "/layer"), ("GET", location))
            other = self.server.token("demo", "viewer", "bob")
            for method, path in rows:
                self.problem(self.http.request(method, path, "{}"), 401, "bad_token")
                self.problem(self.http.request(method, path, "{}", token="not.a.token"), 401, "bad_token")
                self.problem(self.http.request(method, path, "{}", token=other), 403, "forbidden")
            reader = EventReader(self.http, f"{stream}?token={token}")  # an EventSource cannot set fields
            self.assertEqual(reader.next(), ("active", {}))
            reader.close()
            self.assertEqual(self.post_json(location + "/layer", {}, token).status, 200)

        self.play(scenario, "shut", token)

    def publish(self, room="demo", *, token=None, **options):
        if not token:
            return super().publish(room, **options)
        publisher = Publisher(self.server, room, self.host, **options)
        self.addCleanup(publisher.stop)
        until(lambda: self.server.request("GET", f"/api/rooms/{room}", token=token)[2]["state"] == "live", "live")
        return publisher


class Drain(Playing):
    OPTIONS = ("--workers", "2", "--overflow-url", "https://other.example")

    def test_viewers_of_an_ending_server_are_told_where_to_go(self):
        self.publish(seconds=60)

        def scenario(viewer):
            reader = EventReader(self.http, self.open_stream(viewer.location, ["reconnect"]))
            self.server.process.terminate()
            self.assertEqual(reader.next(), ("reconnect", {"url": "https://other.example/whep/demo"}))
            self.assertIsNone(reader.next())
            reader.close()

        self.play(scenario)


class Layers(Playing):
    def test_the_one_layer_may_be_chosen_and_others_are_refused(self):
        self.publish(seconds=60)

        def scenario(viewer):
            path = viewer.location + "/layer"
            for body in ({}, {"mediaId": "1"}, {"mediaId": "1", "rid": "source"}, {"maxWidth": 320, "maxHeight": 180},
                         {"spatialLayerId": 0, "temporalLayerId": 0}, {"unknown": True}):
                reply = self.post_json(path, body)
                self.assertEqual((reply.status, reply.get("Content-Type")), (200, "application/json"), body)
                check_schema(reply.json(), "whep-layer")
                self.assertEqual(reply.json(), {"mediaId": "1", "rid": "source"})
            self.assertEqual(self.post_json(path, {"rid": "audio"}).json(), {"mediaId": "1", "rid": "audio"})
            for body in ({"mediaId": "0"}, {"rid": "hd"}, {"spatialLayerId": 1}, {"temporalLayerId": 2},
                         {"maxWidth": 100}, {"maxHeight": 100}):
                self.problem(self.post_json(path, body), 404, "not_found", next(iter(body)))
            for body, valid, member in vectors("whep-layer-request"):
                reply = self.post_json(path, body)
                if valid:
                    self.assertEqual(reply.status, 200)
                else:
                    self.problem(reply, 400, "bad_request", member)
            for body in ("[]", "", "{"):
                self.problem(self.post_json(path, body), 400, "bad_request")
            reply = self.http.request("POST", path, "{}", [("Content-Type", "text/plain")])
            self.problem(reply, 415, "unsupported_media_type")

        self.play(scenario)


class Life(Playing):
    def test_delete_ends_the_media_at_once(self):
        """RFC 7675 §5.2: consent is revoked, nothing more is sent."""
        self.publish(seconds=60)

        async def run():
            viewer = await Viewer(self.server).start()
            await viewer.frames(10)
            viewer.tap_video()
            reply = await asyncio.to_thread(self.http.request, "DELETE", viewer.location)
            self.assertEqual(reply.status, 200)
            await asyncio.sleep(0.1)
            sent = len(viewer.numbers)
            await asyncio.sleep(1)
            self.assertEqual(len(viewer.numbers), sent)
            await viewer.close()

        asyncio.run(run())

    def test_pictures_go_on_through_restarts_that_fail_and_one_that_is_not_used(self):
        self.publish(seconds=60)

        async def run():
            viewer = await Viewer(self.server).start()
            await viewer.frames(10)
            offer = viewer.pc.localDescription.sdp
            half = fragment(offer, ufrag="Nufr")
            whole = fragment(offer, ufrag="Nufr", pwd="p" * 24)
            rows = ((half, "*", 422), ("nonsense", "*", 400), (whole, '"stale"', 412), (whole, "*", 200))
            for body, if_match, status in rows:
                fields = [("Content-Type", FRAGMENT), ("If-Match", if_match)]
                reply = await asyncio.to_thread(self.http.request, "PATCH", viewer.location, body, fields)
                self.assertEqual(reply.status, status)
                viewer.tap_video()
                await viewer.frames(25)
            self.assertEqual(viewer.holes(), [])
            await viewer.close()

        asyncio.run(run())

    def test_a_counter_offer_that_is_answered_plays_and_has_a_data_channel(self):
        self.publish(seconds=60)

        async def run():
            viewer = CounterViewer(self.server, self.http)
            await viewer.start()
            await viewer.frames(25)
            await viewer.until(lambda: len(viewer.sounds) > 10, "sound")
            self.assertEqual((await viewer.message("hello"))["room"], "demo")
            await viewer.close()

        asyncio.run(run())


class CounterViewer(Viewer):
    """A player that asks for the server's offer and answers it."""

    def __init__(self, server, http):
        super().__init__(server)
        self.http = http

    async def start(self):
        self.pc.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.read(track))))
        reply = await asyncio.to_thread(self.http.request, "POST", "/whep/demo?counter-offer=1", VIEWER_OFFER,
                                        [("Content-Type", SDP)])
        assert reply.status == 406, reply.text
        await self.pc.setRemoteDescription(RTCSessionDescription(reply.text, "offer"))
        self.channel = self.pc.createDataChannel("souk")
        self.channel.on("message", self.on_message)
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        accepted = await asyncio.to_thread(self.http.request, "PATCH", reply.get("Location"),
                                           self.pc.localDescription.sdp, [("Content-Type", SDP)])
        assert accepted.status == 204, accepted.text
        self.location = reply.get("Location")
        return self


if __name__ == "__main__":
    unittest.main()
