/*
 * Runs each decoder and encoder once before the sandbox: what they load or compute at first use
 * needs no door then, and a machine where they do not work is found out. One thread.
 */
#ifndef SOUK_MEDIA_TRANSCODER_WARM_UP_H
#define SOUK_MEDIA_TRANSCODER_WARM_UP_H

struct encoder_kind;

int warm_up_sound(void) __attribute__((warn_unused_result));

/* Also -ENODATA when the encoder gives nothing that can be decoded again. */
int warm_up_video(const struct encoder_kind *kind, const char *preset)
	__attribute__((warn_unused_result));

#endif
