/* The media of a WebRTC session: its RTP sender or receiver, between broadcast and peer. Worker's
 * thread. */
#ifndef SOUK_SERVER_RTC_MEDIA_H
#define SOUK_SERVER_RTC_MEDIA_H

#include <stdint.h>

struct broadcast;
struct rtc_session;

int rtc_media_create(struct rtc_session *session) __attribute__((warn_unused_result));
int rtc_media_publish(struct rtc_session *session, struct broadcast *broadcast, uint32_t epoch)
	__attribute__((warn_unused_result));
/* A connected viewer joins the broadcast. */
int rtc_media_watch(struct rtc_session *session) __attribute__((warn_unused_result));
void rtc_media_destroy(struct rtc_session *session);

#endif
