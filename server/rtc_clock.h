/*
 * The clock of WHEP viewers whose URL had a `sid`, for the live sessions that named it: what a
 * player without a data channel goes by. Worker's thread.
 */
#ifndef SOUK_SERVER_RTC_CLOCK_H
#define SOUK_SERVER_RTC_CLOCK_H

struct room_view;
struct rtc_session;
struct worker;

/* The session has its sid; until rtc_clock_finish(), harmless without. */
void rtc_clock_init(struct rtc_session *session);
void rtc_clock_finish(struct rtc_session *session);

/* To all who named the session; nothing before it is connected. */
void rtc_clock_send(struct rtc_session *session);
/* Of the room's viewers with that sid. */
void rtc_clock_send_of(struct room_view *view, const char *sid);
/* The room's clock has changed. */
void rtc_clock_changed(struct room_view *view);
/* Once a second: whose clock is due. */
void rtc_clock_second(struct worker *worker);

#endif
