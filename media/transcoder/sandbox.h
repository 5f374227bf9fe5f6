/*
 * The room without a door that the transcoder works in: from here on no file, no network, no new
 * process or thread, no new executable memory, no privilege and little memory. What the process
 * needs has to be open and loaded before; descriptors above that of the socket are closed, and new
 * ones can only be pairs of sockets for itself. Everything that is not on the list fails with
 * EPERM.
 */
#ifndef SOUK_MEDIA_TRANSCODER_SANDBOX_H
#define SOUK_MEDIA_TRANSCODER_SANDBOX_H

enum sandbox_kind {
	SANDBOX_CLOSED,
	/* For the driver of a video device: it may also open what sandbox_files_to_devices() has
	 * left, control it and start threads. Network and other programs stay out. */
	SANDBOX_DEVICES,
};

/* For good, for all threads of the calling process. `fd` stays readable and writable,
 * stderr writable. 0 or -errno; after an error the process must not go on. */
int sandbox_enter(int fd, enum sandbox_kind kind) __attribute__((warn_unused_result));

#endif
