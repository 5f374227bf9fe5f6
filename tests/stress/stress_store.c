/*
 * A shop is killed with SIGKILL twenty times while it sells. Each order that it acknowledged must
 * be there afterwards, once, a repeat of its key must be answered with the same order, and the
 * store must pass its check. Also what ThreadSanitizer runs on: engine, store thread, checkpoints.
 */
#include "commerce/check.h"
#include "commerce/engine.h"
#include "commerce/store.h"
#include "commerce/store_reader.h"
#include "commerce/store_sqlite.h"
#include "server/core/json.h"
#include "server/core/loop.h"
#include "server/core/map.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	KILLS = 20,
	IN_FLIGHT = 32,
	ACKS_MAX = 400000,
	REPEATS = 64, /* acknowledged keys that the next shop is asked again */
	PRODUCTS = 2,
	SCARCE_STOCK = 2000,
	OPEN_MS_MAX = 10000,
	RUN_MS_MIN = 20,
	RUN_MS_MAX = 300,
};

/* What a buyer was told. */
struct ack {
	uint32_t number; /* of the request: its key and its items follow from it */
	char id[40];
};

struct torture {
	char dir[64];
	struct ack *acks;
	size_t count;
	uint32_t next_number; /* above all that were ever used */
};

/* The child: a shop with clients that always keep some orders under way. */
struct shop {
	struct clock clock;
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	const struct torture *torture;
	int acks_fd;
	uint32_t next;
	size_t repeated;
};

struct request {
	struct shop *shop;
	uint32_t number;
	const char *expected_id; /* of a repeat; else NULL */
};

static void send_next(struct shop *shop, struct request *request);

static void die(const char *why)
{
	fprintf(stderr, "stress_store: %s\n", why);
	_exit(3);
}

static void tell(struct shop *shop, const struct ack *ack)
{
	if (write(shop->acks_fd, ack, sizeof(*ack)) != sizeof(*ack))
		die("cannot write an acknowledgement");
}

static void on_answer(void *arg, const struct answer *answer)
{
	struct request *request = arg;
	struct shop *shop = request->shop;
	struct ack ack = { .number = request->number };
	if (answer->status == 201) {
		json_t *body = json_parse(answer->body, answer->body_len);
		snprintf(ack.id, sizeof(ack.id), "%s",
			 json_string_value(json_object_get(body, "id")));
		json_decref(body);
		if (!request->expected_id)
			tell(shop, &ack);
	} else if (answer->status != 409) {
		die("neither sold nor refused");
	}
	if (request->expected_id &&
	    (!answer->replayed || strcmp(request->expected_id, ack.id) != 0))
		die("a repeated key did not get its order");
	send_next(shop, request);
}

static void place(struct shop *shop, struct request *request)
{
	struct caller caller = { .room = "demo", .role = ROLE_VIEWER };
	struct order_request order = { .room = "demo", .shown_us = -1, .count = 1 };
	snprintf(caller.sub, sizeof(caller.sub), "buyer%u", request->number % 100);
	snprintf(order.key, sizeof(order.key), "key%u", request->number);
	snprintf(order.items[0].sku, sizeof(order.items[0].sku), "P%u",
		 request->number % 5 ? 1 : 0);
	order.items[0].qty = 1 + request->number % 3;
	engine_place_order(shop->engine, &order, &caller,
			   (struct engine_reply){ .fn = on_answer, .arg = request });
}

static void send_next(struct shop *shop, struct request *request)
{
	const struct torture *torture = shop->torture;
	const size_t repeats = torture->count < REPEATS ? torture->count : REPEATS;
	request->expected_id = NULL;
	if (shop->repeated < repeats) {
		const struct ack *ack = &torture->acks[torture->count - ++shop->repeated];
		request->number = ack->number;
		request->expected_id = ack->id;
	} else {
		request->number = shop->next++;
	}
	place(shop, request);
}

static void ignore(void *arg, const struct answer *answer)
{
	(void)arg;
	if (answer->status != 201 && answer->status != 409)
		die("the shop cannot be furnished");
}

/* Also after a crash: what is there already answers 409 `exists`. */
static void furnish(struct shop *shop)
{
	const struct engine_reply reply = { .fn = ignore };
	struct room_request room = { .id = "demo",
				     .settings = { .title = "demo", .hold_s = 3600 } };
	engine_create_room(shop->engine, &room, reply);
	for (int i = 0; i < PRODUCTS; i++) {
		struct product_request product = { .title = "x",
						   .price = { .minor = 100, .cur = "CNY" } };
		snprintf(product.sku, sizeof(product.sku), "P%d", i);
		product.stock = i ? STOCK_MAX : SCARCE_STOCK;
		engine_add_product(shop->engine, "demo", &product, reply);
	}
}

static void run_shop(const struct torture *torture, int acks_fd)
{
	static struct shop shop;
	static struct request requests[IN_FLIGHT];
	pid_t holder;
	shop = (struct shop){ .torture = torture,
			      .acks_fd = acks_fd,
			      .next = torture->next_number };
	clock_init(&shop.clock);
	if (loop_create(&shop.loop, &shop.clock))
		die("no loop");
	const struct store_sqlite_options store = { .loop = shop.loop, .dir = torture->dir };
	if (store_sqlite_open(&shop.store, &store, &holder))
		die("the store does not open");
	const struct engine_options options = { .loop = shop.loop, .store = shop.store };
	if (engine_create(&shop.engine, &options))
		die("the store does not load");
	furnish(&shop);
	for (int i = 0; i < IN_FLIGHT; i++) {
		requests[i].shop = &shop;
		send_next(&shop, &requests[i]);
	}
	loop_run(shop.loop);
}

/* Until the shop is open and has sold something; a shop that hangs is one that ended. */
static void await_first(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	poll(&wait, 1, OPEN_MS_MAX);
}

/* Reads acknowledgements until `until_ms`, or the end of the pipe with -1. */
static void read_acks(struct torture *torture, int fd, int until_ms)
{
	struct timespec start;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		struct timespec now;
		clock_gettime(CLOCK_MONOTONIC, &now);
		const long spent_ms = (now.tv_sec - start.tv_sec) * 1000 +
				      (now.tv_nsec - start.tv_nsec) / 1000000;
		struct pollfd wait = { .fd = fd, .events = POLLIN };
		if (until_ms >= 0 && spent_ms >= until_ms)
			return;
		if (poll(&wait, 1, until_ms < 0 ? -1 : until_ms - (int)spent_ms) <= 0)
			continue;
		struct ack ack; /* smaller than PIPE_BUF: whole or not at all */
		if (torture->count == ACKS_MAX || read(fd, &ack, sizeof(ack)) != sizeof(ack))
			return;
		torture->acks[torture->count++] = ack;
		if (ack.number >= torture->next_number)
			torture->next_number = ack.number + 1;
	}
}

static int add_order(void *arg, const struct stored_row *row)
{
	static char present;
	const struct order_row *order = row->row;
	return map_set_str(arg, order->id, &present) ? 1 : 0;
}

static void print_fault(void *arg, const char *fault)
{
	(void)arg;
	fprintf(stderr, "stress_store: %s\n", fault);
}

/* The number of acknowledged orders that are missing, plus faults of the store. */
static size_t count_losses(const struct torture *torture)
{
	struct store_check check = { .report = print_fault };
	struct store_reader *reader = NULL;
	struct map orders;
	size_t lost = 0;
	map_init(&orders);
	if (store_check(&check, torture->dir) || store_reader_open(&reader, torture->dir, false) ||
	    store_reader_rows(reader, ROW_ORDER, add_order, &orders))
		check.faults++;
	store_reader_close(reader);
	for (size_t i = 0; i < torture->count; i++)
		lost += !map_get_str(&orders, torture->acks[i].id);
	if (lost)
		fprintf(stderr, "stress_store: %zu acknowledged orders are lost\n", lost);
	printf("acknowledged=%zu stored=%zu commits=%llu faults=%llu\n", torture->count,
	       orders.count, (unsigned long long)check.commits, (unsigned long long)check.faults);
	map_finish(&orders);
	return lost + check.faults;
}

/* One shop from its opening to its violent end. False if it ended by itself. */
static bool run_and_kill(struct torture *torture)
{
	int fds[2];
	if (pipe(fds))
		return false;
	fflush(NULL);
	const pid_t child = fork();
	if (child == 0) {
		close(fds[0]);
		run_shop(torture, fds[1]);
		_exit(3);
	}
	close(fds[1]);
	if (rand() % 5) /* else it may be killed while it opens and recovers */
		await_first(fds[0]);
	read_acks(torture, fds[0], RUN_MS_MIN + rand() % (RUN_MS_MAX - RUN_MS_MIN));
	kill(child, SIGKILL);
	read_acks(torture, fds[0], -1);
	close(fds[0]);
	int status = 0;
	waitpid(child, &status, 0);
	/* Numbers that were under way may be bound or not; the next shop leaves them alone. */
	torture->next_number += IN_FLIGHT * 4;
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static void remove_store(const char *dir)
{
	static const char *const files[] = { "souk.db", "souk.db-wal", "souk.db-shm", "lock" };
	char path[96];
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		unlink(path);
	}
	rmdir(dir);
}

int main(void)
{
	struct torture torture = { .dir = "/tmp/souk-stress-XXXXXX", .next_number = 1 };
	const unsigned seed = (unsigned)time(NULL);
	torture.acks = calloc(ACKS_MAX, sizeof(*torture.acks));
	if (!torture.acks || !mkdtemp(torture.dir))
		return 1;
	printf("seed %u\n", seed);
	srand(seed);
	size_t losses = 0;
	bool killed = true;
	for (int i = 0; i < KILLS && killed && !losses; i++) {
		killed = run_and_kill(&torture);
		losses = count_losses(&torture);
	}
	if (!killed)
		fprintf(stderr, "stress_store: the shop ended by itself\n");
	const bool sold = torture.count > 0;
	free(torture.acks);
	if (!losses && killed)
		remove_store(torture.dir);
	else
		fprintf(stderr, "stress_store: the store is left in %s\n", torture.dir);
	return losses || !killed || !sold ? 1 : 0;
}
