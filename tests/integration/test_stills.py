"""Posters of live rooms and thumbnails of recordings: JPEGs made by the transcoder, while somebody asks."""
import re
import subprocess
import tempfile
import threading
import time
import unittest

from recording import RecordTest
from souk import Publisher, until
from test_whep_aiortc import children_of


def size_of(jpeg):
    """(codec, width, height) by ffprobe, which must not complain."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(jpeg)
        file.flush()
        out = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0",
                              file.name], capture_output=True, text=True, timeout=30)
    assert out.stderr == "", out.stderr
    name, width, height = out.stdout.strip().split(",")
    return name, int(width), int(height)


class Stills(RecordTest):
    def poster(self, room="demo", **options):
        return self.server.request("GET", f"/live/{room}/poster.jpg", **options)

    def test_a_poster_is_the_newest_keyframe_and_made_once_for_all(self):
        self.assert_problem(self.poster(), 404, "not_live")
        self.assert_problem(self.poster("none"), 404, "not_found")
        self.publish(seconds=60, extra=("-bf", "2", "-profile:v", "high", "-tune", "animation"))
        until(lambda: self.poster()[0] != 503, "the first picture")
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.poster())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([answer[0] for answer in answers], [200] * 8)
        self.assertEqual(answers[0][1]["Content-Type"], "image/jpeg")
        self.assertEqual(answers[0][1]["Cache-Control"], "public, max-age=10")
        self.assertEqual(answers[0][1]["Access-Control-Allow-Origin"], "*")
        self.assertEqual(size_of(answers[0][2]), ("mjpeg", 320, 180))
        self.assertLessEqual(len({answer[2] for answer in answers}), 2, "one for each worker at most")
        time.sleep(1)
        self.assertIn(self.poster()[2], {answer[2] for answer in answers}, "the same for a while")
        self.assertEqual(self.poster()[0], 200)
        self.assertEqual(self.server.request("HEAD", "/live/demo/poster.jpg")[0], 200)
        # The child that made it ends when nobody asks.
        busy = len(children_of(self.server.process.pid, "souk-transcoder"))
        until(lambda: len(children_of(self.server.process.pid, "souk-transcoder")) < busy, "it ends", 20)

    def test_rooms_without_a_picture_and_closed_rooms(self):
        self.make_room("sound")
        self.make_room("closed", access="token")
        for room, options in (("sound", ("-vn",)), ("closed", ())):
            host = self.server.token(room, "host", "anna")
            publisher = Publisher(self.server, room, host, seconds=40, extra=options)
            self.addCleanup(publisher.stop)
            until(lambda: self.server.request("GET", f"/api/rooms/{room}", token=host)[2]["state"] == "live", "live")
        until(lambda: self.poster("sound")[0] == 404, "known to be sound alone")
        self.assert_problem(self.poster("sound"), 404, "not_found")
        self.assertEqual(self.poster("closed")[0], 401)
        viewer = self.server.token("closed", "viewer", "bob")
        status, fields, _ = until(lambda: (lambda answer: answer if answer[0] == 200 else None)(
            self.poster("closed", token=viewer)), "a poster")
        self.assertEqual(fields["Cache-Control"], "private, max-age=10")
        self.assertEqual(self.server.request("GET", f"/live/closed/poster.jpg?token={viewer}")[0], 200)

    def test_a_recording_has_a_track_of_thumbnails(self):
        self.publish(seconds=60)
        path = until(self.files, "a file")[0]
        until(lambda: len(self.parts(path)) > 20, "six seconds")
        [show] = self.recordings()
        status, fields, body = self.server.request("GET", show["thumbnails"])
        self.assertEqual((status, fields["Content-Type"]), (200, "text/vtt"))
        text = body.decode()
        self.assertTrue(text.startswith("WEBVTT\n\n"))
        cues = re.findall(r"(\d+):(\d+):([\d.]+) --> (\d+):(\d+):([\d.]+)\n(\S+\.jpg)\n\n", text)
        self.assertGreaterEqual(len(cues), 2, text)
        self.assertEqual([float(part) for part in cues[0][:3]], [0, 0, 0])
        for before, after in zip(cues, cues[1:]):
            self.assertEqual(before[3:6], after[0:3], "one behind the other")
        for cue in cues:
            status, fields, body = self.server.request("GET", f"/hls/demo/{cue[6]}")
            self.assertEqual((status, fields["Content-Type"]), (200, "image/jpeg"))
            self.assertEqual(fields["Cache-Control"], "public, max-age=3600, immutable")
            self.assertEqual(size_of(body), ("mjpeg", 240, 134))
        name = cues[0][6]
        self.assertEqual(self.server.request("GET", "/hls/demo/" + re.sub(r"-\d+\.jpg", "-9.jpg", name))[0], 404)
        self.assertEqual(self.server.request("GET", "/hls/demo/" + re.sub(r"-\d+-\d+\.jpg", "-7-900.jpg", name))[0], 404)
        self.assertEqual(self.server.request("GET", "/hls/demo/replay-1.thumbs.vtt")[0], 404)


if __name__ == "__main__":
    unittest.main()
