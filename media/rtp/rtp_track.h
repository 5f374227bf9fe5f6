/*
 * The streams of one publisher: the picture, in one layer or several, and the sound.
 */
#ifndef SOUK_MEDIA_RTP_RTP_TRACK_H
#define SOUK_MEDIA_RTP_RTP_TRACK_H

enum { RTP_LAYERS_MAX = 4 }; /* of a simulcast picture (RFC 8853) */

/* A layer is RTP_VIDEO + its index. */
enum rtp_track { RTP_VIDEO, RTP_AUDIO = RTP_VIDEO + RTP_LAYERS_MAX, RTP_TRACKS };

#endif
