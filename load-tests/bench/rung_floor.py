#!/usr/bin/python3
"""usage: rung_floor.py CLIP SECONDS PRESET

The ladder as plain GStreamer has it, in one process and without pipes: appsrc, decoder, a queue for
each rung, scaler, encoder. Fed in real time as souk-transcoder is; prints {"720": [ms, ...], ...} from
handing a picture over until its coded form is there. Needs python3-gst-1.0; without it: exit status 77.
"""
import json
import pathlib
import sys
import time

import rungs

SKIPPED = 77
ENCODERS_OFFSET = 1000 * 3600 * 10**9  # x264enc adds a thousand hours to its times


def pipeline_text(preset):
    text = "appsrc name=in format=time ! h264parse ! avdec_h264 max-threads=1 ! tee name=t "
    for width, height, kbps in rungs.LADDER:
        text += (f"t. ! queue max-size-buffers=3 ! {rungs.scaling(width, height)}"
                 f"{rungs.ENCODER.format(preset=preset, kbps=kbps)} ! {rungs.CODED} ! "
                 f"fakesink name=out{height} sync=false signal-handoffs=true ")
    return text


def run(gst, clip, seconds, preset):
    avcc, pictures = rungs.read_clip(pathlib.Path(clip))
    pipeline = gst.parse_launch(pipeline_text(preset))
    sent, delays = {}, {height: [] for _, height, _ in rungs.LADDER}

    def take(_sink, buffer, _pad, height):
        delays[height].append(1000 * (time.monotonic() - sent[buffer.pts % ENCODERS_OFFSET]))

    for height in delays:
        pipeline.get_by_name(f"out{height}").connect("handoff", take, height)
    source = pipeline.get_by_name("in")
    caps = gst.Caps.from_string("video/x-h264,stream-format=avc,alignment=au")
    caps.set_value("codec_data", gst.Buffer.new_wrapped(avcc))
    source.set_property("caps", caps)
    pipeline.set_state(gst.State.PLAYING)
    started = time.monotonic()
    for index, (media_us, _, data) in enumerate(pictures[:seconds * rungs.RATE]):
        time.sleep(max(0, started + index / rungs.RATE - time.monotonic()))
        buffer = gst.Buffer.new_wrapped(data)
        buffer.pts = media_us * 1000
        sent[buffer.pts] = time.monotonic()
        source.emit("push-buffer", buffer)
    time.sleep(0.3)
    pipeline.set_state(gst.State.NULL)
    return delays


def main():
    try:
        import gi
        gi.require_version("Gst", "1.0")
        from gi.repository import Gst
    except (ImportError, ValueError):
        return SKIPPED
    Gst.init(None)
    clip, seconds, preset = sys.argv[1:]
    print(json.dumps(run(Gst, clip, int(seconds), preset)))
    return 0


sys.exit(main())
