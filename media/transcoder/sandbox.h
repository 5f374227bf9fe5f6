/*
 * The room without a door that the transcoder works in: from here on no file, no network, no new
 * process or thread, no new executable memory, no privilege and little memory. What the process
 * needs has to be open and loaded before. Everything that is not on the list fails with EPERM.
 */
#ifndef SOUK_MEDIA_TRANSCODER_SANDBOX_H
#define SOUK_MEDIA_TRANSCODER_SANDBOX_H

/* For good, for the calling process (which has one thread). `fd` stays readable and writable,
 * stderr writable. 0 or -errno; after an error the process must not go on. */
int sandbox_enter(int fd) __attribute__((warn_unused_result));

#endif
