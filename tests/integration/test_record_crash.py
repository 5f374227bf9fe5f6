"""A server that is killed while it records: SOUK_KILLS times (3)."""
import os
import re
import signal
import time
import unittest

from recording import RecordTest, spans
from souk import Publisher, until


class Crash(RecordTest):
    def test_after_kill_9_all_but_the_last_two_seconds_play_and_the_show_goes_on(self):
        for turn in range(int(os.environ.get("SOUK_KILLS", "3"))):
            publisher = Publisher(self.server, "demo", self.host, seconds=60)
            self.addCleanup(publisher.stop)
            path = until(lambda: self.files()[turn:], "a file", 20)[0]
            until(lambda: len(self.parts(path)) > 5, "two seconds")
            time.sleep(0.37 * turn)
            killed_us = time.time() * 1e6
            self.server.stop(signal.SIGKILL)
            publisher.stop()
            begun_us = int(re.search(r"(\d+)\.mp4", path)[1])
            wanted = (killed_us - begun_us) / 1e6 - 2
            seen = spans(path)
            self.assertGreaterEqual(seen["v"], wanted)
            self.assertGreaterEqual(seen["a"], wanted - 0.1)
            last = self.parts(path)[-1]
            self.assertGreaterEqual((int(last[4]) + int(last[5]) - begun_us) / 1e6, wanted, "the index, too")
            self.server.start()
        shows = {os.path.dirname(path) for path in self.files()}
        self.assertEqual(len(shows), 1, "the show was not over")
        [show] = self.recordings()
        text = self.replay(show)
        # Of the last file, which might still grow, whole segments are listed.
        self.assertIn(text.count("#EXT-X-MAP"), (len(self.files()), len(self.files()) - 1))
        self.assertEqual(text.count("#EXT-X-DISCONTINUITY\n"), text.count("#EXT-X-MAP") - 1)


if __name__ == "__main__":
    unittest.main()
