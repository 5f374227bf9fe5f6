/* The handlers of the route table, by file. Each finishes its request, now or later. Worker's
 * thread. */
#ifndef SOUK_SERVER_API_H
#define SOUK_SERVER_API_H

struct exchange;

/* api_room.c */
void api_room_create(struct exchange *exchange);
void api_room_list(struct exchange *exchange);
void api_room_get(struct exchange *exchange);
void api_room_patch(struct exchange *exchange);
void api_room_delete(struct exchange *exchange);
void api_room_end(struct exchange *exchange);
void api_room_play(struct exchange *exchange);
void api_room_state(struct exchange *exchange);
void api_room_events(struct exchange *exchange);
void api_guest(struct exchange *exchange);

/* api_relay.c */
void api_relay_get(struct exchange *exchange);
void api_relay_put(struct exchange *exchange);

/* api_shelf.c */
void api_product_list(struct exchange *exchange);
void api_product_add(struct exchange *exchange);
void api_product_patch(struct exchange *exchange);
void api_product_remove(struct exchange *exchange);
void api_pin(struct exchange *exchange);
void api_unpin(struct exchange *exchange);

/* api_order.c */
void api_order_place(struct exchange *exchange);
void api_order_list(struct exchange *exchange);
void api_order_get(struct exchange *exchange);
void api_order_cancel(struct exchange *exchange);

/* flv.c, hls.c, poster.c, live_socket.c, files.c */
void flv_get(struct exchange *exchange);
void hls_get(struct exchange *exchange);
void hls_get_by_ticket(struct exchange *exchange);
void poster_get(struct exchange *exchange);

/* replay.c */
void api_room_recordings(struct exchange *exchange);
void api_room_clip(struct exchange *exchange);

void live_socket_get(struct exchange *exchange);
void files_get(struct exchange *exchange);

/* rtc_http.c: WHIP and WHEP */
void rtc_options(struct exchange *exchange);
void rtc_get(struct exchange *exchange);
void rtc_session_get(struct exchange *exchange);
void whip_post(struct exchange *exchange);
void whep_post(struct exchange *exchange);
void rtc_patch(struct exchange *exchange);
void rtc_delete(struct exchange *exchange);

/* whep_events.c, whep_layer.c: extensions of WHEP */
void whep_events_post(struct exchange *exchange);
void whep_stream_get(struct exchange *exchange);
void whep_stream_delete(struct exchange *exchange);
void whep_layer_post(struct exchange *exchange);

#endif
