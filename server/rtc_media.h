/* The media of a WebRTC session: its RTP sender or receiver, between broadcast and peer. Worker's
 * thread. */
#ifndef SOUK_SERVER_RTC_MEDIA_H
#define SOUK_SERVER_RTC_MEDIA_H

#include <stddef.h>
#include <stdint.h>

struct broadcast;
struct rtc_session;

int rtc_media_create(struct rtc_session *session) __attribute__((warn_unused_result));
int rtc_media_publish(struct rtc_session *session, struct broadcast *broadcast, uint32_t epoch)
	__attribute__((warn_unused_result));
/* A connected viewer joins the broadcast. */
int rtc_media_watch(struct rtc_session *session) __attribute__((warn_unused_result));
/* A publisher is connected: its feedback begins. */
void rtc_media_start(struct rtc_session *session);
/* One authenticated datagram of it, RTP or RTCP. */
void rtc_media_packet(struct rtc_session *session, const void *packet, size_t len,
		      int64_t arrived_us);
void rtc_media_destroy(struct rtc_session *session);

#endif
