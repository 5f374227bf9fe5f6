/*
 * The part of the sandbox that knows paths: a Landlock ruleset (Linux 5.13) for a process that
 * works with a video device.
 */
#ifndef SOUK_MEDIA_TRANSCODER_SANDBOX_FILES_H
#define SOUK_MEDIA_TRANSCODER_SANDBOX_FILES_H

int sandbox_landlock_version(void); /* of the kernel; negative: it has none */

/* From here on the calling thread, and those it starts, open only devices and what tells of them.
 * So before threads are started and before sandbox_enter(). -ENOSYS or -EOPNOTSUPP where the kernel
 * has no Landlock. */
int sandbox_files_to_devices(void) __attribute__((warn_unused_result));

#endif
