/*
 * One publish session from the first request to the last: source, WHIP, peer and sender joined,
 * ICE restarts by command and when nothing comes back any more, the encoder's bitrate, figures.
 *
 * Everything of it, libnice, libsoup and GStreamer's bus run on the default GLib main context of
 * one thread, that of publisher_run(); GStreamer's streaming threads only announce samples there.
 */
#ifndef SOUK_LOAD_TESTS_PUBLISH_PUBLISHER_H
#define SOUK_LOAD_TESTS_PUBLISH_PUBLISHER_H

struct publish_options;

/* Runs until the end; returns the exit status. */
int publisher_run(const struct publish_options *options);

#endif
