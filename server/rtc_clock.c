#include "server/rtc_clock.h"

#include "media/broadcast.h"
#include "server/core/buf.h"
#include "server/live_message.h"
#include "server/notes.h"
#include "server/room_view.h"
#include "server/rtc_session.h"
#include "server/worker.h"

#include <stdlib.h>
#include <string.h>

enum { CLOCK_EVERY_US = 5000000 };

void rtc_clock_init(struct rtc_session *session)
{
	if (session->sid[0])
		live_name_set(&session->view->names, &session->name, RTC_SID, session->sid);
}

void rtc_clock_finish(struct rtc_session *session)
{
	live_name_clear(&session->view->names, &session->name, RTC_SID, session->sid);
}

void rtc_clock_send(struct rtc_session *session)
{
	struct live_clock own = { .egress_delay_us = -1 };
	struct broadcast_clock line;
	if (!session->name.all || !session->connected ||
	    !broadcast_clock(session->view->broadcast, &line) ||
	    !rtc_session_clock(session, &line, &own))
		return;
	session->clock_due_us = loop_now_us(session->worker->loop) + CLOCK_EVERY_US;
	char *text = live_message_text("clock", live_clock_data(&line, &own, session->sid));
	struct buf *message = buf_copy(text, strlen(text));
	if (message)
		notes_private(session->worker->app, session->view->snapshot->id, LIVE_SID,
			      session->sid, message);
	buf_unref(message);
	free(text);
}

void rtc_clock_send_of(struct room_view *view, const char *sid)
{
	const struct list *all = live_names_find(&view->names, RTC_SID, sid);
	if (!all)
		return;
	list_for_each (link, all)
		rtc_clock_send(list_entry(link, struct live_name, link)->owner);
}

void rtc_clock_changed(struct room_view *view)
{
	list_for_each (link, &view->worker->rtc) {
		struct rtc_session *session = list_entry(link, struct rtc_session, link);
		if (session->view == view)
			rtc_clock_send(session);
	}
}

void rtc_clock_second(struct worker *worker)
{
	const int64_t now_us = loop_now_us(worker->loop);
	list_for_each (link, &worker->rtc) {
		struct rtc_session *session = list_entry(link, struct rtc_session, link);
		if (now_us >= session->clock_due_us)
			rtc_clock_send(session);
	}
}
