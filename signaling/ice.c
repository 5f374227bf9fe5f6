#include "signaling/ice.h"

#include "server/core/alloc.h"
#include "server/core/crypto.h"
#include "signaling/udp_key.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <stun/stunagent.h>
#include <stun/usages/ice.h>

enum {
	/* RFC 8489 §6.2.1 starts at 500 ms for unknown paths; a viewer waits for his picture. */
	RETRANSMIT_US = 100000,
	RETRANSMIT_MAX_US = 1600000,
	/* RFC 8489 §6.2.1: Rc. Then another transaction, for a server that has seen this one at our
	 * former address takes it for a copy. */
	TRANSMISSIONS = 7,
	/* RFC 7675 §5.1: a check every 5 s, times 0.8 to 1.2; the lower half, to be on time. */
	CONSENT_MIN_US = 4000000,
	CONSENT_SPREAD_US = 1000000,
	/* RFC 8445 §5.1.2.1: host candidate, one component. */
	PRIORITY = 126 << 24 | 65535 << 8 | 255,
	TRANSACTION_AT = 4, /* libnice counts the cookie in */
};

struct ice_agent {
	StunAgent stun;
	uint64_t tie;
};

int ice_agent_create(struct ice_agent **out)
{
	/* What we understand of the attributes that must be understood (RFC 8489 §14). */
	static const uint16_t known[] = {
		STUN_ATTRIBUTE_MAPPED_ADDRESS,     STUN_ATTRIBUTE_USERNAME,
		STUN_ATTRIBUTE_MESSAGE_INTEGRITY,  STUN_ATTRIBUTE_ERROR_CODE,
		STUN_ATTRIBUTE_UNKNOWN_ATTRIBUTES, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
		STUN_ATTRIBUTE_PRIORITY,           STUN_ATTRIBUTE_USE_CANDIDATE,
		STUN_ATTRIBUTE_ICE_CONTROLLED,     STUN_ATTRIBUTE_ICE_CONTROLLING,
		STUN_ATTRIBUTE_FINGERPRINT,        0,
	};
	struct ice_agent *agent = xcalloc(1, sizeof(*agent));
	stun_agent_init(&agent->stun, known, STUN_COMPATIBILITY_RFC5389,
			STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT);
	crypto_random(&agent->tie, sizeof(agent->tie));
	*out = agent;
	return 0;
}

void ice_agent_destroy(struct ice_agent *agent)
{
	free(agent);
}

static void credentials_finish(struct ice_credentials *credentials)
{
	free(credentials->ufrag);
	free(credentials->pwd);
	*credentials = (struct ice_credentials){ 0 };
}

static int credentials_set(struct ice_credentials *credentials, const char *ufrag, const char *pwd)
{
	if (!ufrag || !pwd || strlen(ufrag) < ICE_UFRAG_MIN || strlen(pwd) < ICE_PWD_MIN ||
	    strlen(ufrag) > ICE_CREDENTIAL_MAX || strlen(pwd) > ICE_CREDENTIAL_MAX)
		return -EINVAL;
	credentials_finish(credentials);
	credentials->ufrag = xstrdup(ufrag);
	credentials->pwd = xstrdup(pwd);
	return 0;
}

int ice_init(struct ice *ice, struct ice_agent *agent, const struct ice_options *options)
{
	*ice = (struct ice){ .agent = agent, .client = options->client };
	int err = credentials_set(&ice->local, options->local_ufrag, options->local_pwd);
	if (!err && options->client)
		err = credentials_set(&ice->remote, options->remote_ufrag, options->remote_pwd);
	if (err) {
		ice_finish(ice);
		return err;
	}
	ice->candidate.remote = options->candidate;
	return 0;
}

void ice_finish(struct ice *ice)
{
	credentials_finish(&ice->local);
	credentials_finish(&ice->next);
	credentials_finish(&ice->remote);
	ice_seen_clear(&ice->seen);
	free(ice->check);
	ice->check = NULL;
}

int ice_restart(struct ice *ice, const char *ufrag, const char *pwd)
{
	return credentials_set(&ice->next, ufrag, pwd);
}

static bool is_path(const struct ice *ice, const struct udp_path *path)
{
	return ice->path.remote.len && udp_path_equal(&ice->path, path);
}

static bool use_path(struct ice *ice, const struct udp_path *path, int64_t now_us)
{
	const bool moved = !is_path(ice, path);
	if (moved && ice->path.remote.len)
		ice->moves++;
	ice->path = *path;
	ice->path_heard_us = now_us;
	return moved;
}

static bool path_is_silent(const struct ice *ice, int64_t now_us)
{
	return now_us - ice->path_heard_us >= ICE_SILENT_US;
}

bool ice_heard(struct ice *ice, const struct udp_path *from, bool fresh, int64_t now_us)
{
	if (!is_path(ice, from) && (ice->client || !fresh))
		return false;
	return use_path(ice, from, now_us);
}

bool ice_holds(const struct ice *ice, const struct udp_path *path, int64_t now_us)
{
	return is_path(ice, path) && !path_is_silent(ice, now_us);
}

/* The signature is libnice's. NOLINTNEXTLINE(readability-function-size) */
static bool on_validate(StunAgent *agent, StunMessage *message, uint8_t *username,
			uint16_t username_len, uint8_t **password, size_t *password_len, void *arg)
{
	(void)agent;
	(void)message;
	(void)username;
	(void)username_len;
	const struct ice_credentials *credentials = arg;
	*password = (uint8_t *)credentials->pwd;
	*password_len = strlen(credentials->pwd);
	return true;
}

static bool names(const struct ice_packet *packet, const struct ice_credentials *credentials)
{
	return credentials->ufrag && strlen(credentials->ufrag) == packet->ufrag_len &&
	       !memcmp(credentials->ufrag, packet->ufrag, packet->ufrag_len);
}

static void restart(struct ice *ice, struct ice_result *result)
{
	credentials_finish(&ice->local);
	ice->local = ice->next;
	ice->next = (struct ice_credentials){ 0 };
	ice_seen_clear(&ice->seen);
	result->restarted = true;
}

static void take_check(struct ice *ice, const struct ice_packet *packet,
		       const struct udp_path *from, int64_t now_us, struct ice_result *result)
{
	ice->last_check_us = now_us;
	if (!ice->path.remote.len || packet->use_candidate || is_path(ice, from) ||
	    path_is_silent(ice, now_us))
		result->moved = use_path(ice, from, now_us);
}

static void receive_request(struct ice *ice, const struct ice_packet *packet,
			    const struct udp_path *from, int64_t now_us, struct ice_result *result)
{
	StunAgent *stun = &ice->agent->stun;
	StunMessage request, reply;
	struct ice_credentials *credentials = names(packet, &ice->next) ? &ice->next : &ice->local;
	if (!names(packet, credentials))
		return;
	const StunValidationStatus status = stun_agent_validate(
		stun, &request, packet->data, packet->len, on_validate, credentials);
	if (status == STUN_VALIDATION_UNKNOWN_REQUEST_ATTRIBUTE) {
		/* RFC 8489 §6.3.1; libnice looks at attributes after MESSAGE-INTEGRITY. */
		result->reply_len = stun_agent_build_unknown_attributes_error(
			stun, &reply, result->reply, sizeof(result->reply), &request);
		return;
	}
	if (status != STUN_VALIDATION_SUCCESS)
		return;
	bool controlling = ice->client;
	/* RFC 8445 §7.3.1.1: the controlled agent with the smaller tie-breaker keeps its role, as a
	 * lite one must; the other gets 487. */
	const uint64_t tie = ice->client ? ice->agent->tie : 0;
	size_t len = sizeof(result->reply);
	const StunUsageIceReturn answered = stun_usage_ice_conncheck_create_reply(
		stun, &request, &reply, result->reply, &len, &from->remote.ss, from->remote.len,
		&controlling, tie, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	if (answered != STUN_USAGE_ICE_RETURN_SUCCESS) {
		result->reply_len = len;
		return;
	}
	if (credentials == &ice->next)
		restart(ice, result);
	const enum ice_seen_verdict seen = ice_seen_take(&ice->seen, packet->transaction, from);
	if (seen == ICE_SEEN_ELSEWHERE)
		return;
	result->reply_len = len;
	result->valid = true;
	if (!ice->client && seen == ICE_SEEN_NEVER)
		take_check(ice, packet, from, now_us, result);
}

/* libnice remembers 200 transactions an agent and searches them one by one, while a load program
 * has thousands of checks under way: each session keeps its own and lends it for the validation. */
static bool validate_answer(struct ice *ice, const struct ice_packet *packet, StunMessage *answer)
{
	StunAgent *stun = &ice->agent->stun;
	StunAgentSavedIds *lent = &stun->sent_ids[0];
	*lent = (StunAgentSavedIds){ .method = STUN_BINDING, .valid = true };
	memcpy(lent->id, ice->check + TRANSACTION_AT, STUN_ID_LEN);
	lent->key = (uint8_t *)ice->remote.pwd;
	lent->key_len = strlen(ice->remote.pwd);
	const StunValidationStatus status =
		stun_agent_validate(stun, answer, packet->data, packet->len, NULL, NULL);
	lent->valid = false;
	return status == STUN_VALIDATION_SUCCESS;
}

static void receive_answer(struct ice *ice, const struct ice_packet *packet,
			   const struct udp_path *from, int64_t now_us, struct ice_result *result)
{
	StunMessage answer;
	if (!ice->check_len || !addr_equal(&from->remote, &ice->candidate.remote) ||
	    memcmp(packet->data + TRANSACTION_AT, ice->check + TRANSACTION_AT, STUN_ID_LEN) != 0 ||
	    !validate_answer(ice, packet, &answer))
		return;
	struct sockaddr_storage mapped;
	socklen_t mapped_len = sizeof(mapped);
	if (stun_usage_ice_conncheck_process(&answer, &mapped, &mapped_len,
					     STUN_USAGE_ICE_COMPATIBILITY_RFC5245) !=
	    STUN_USAGE_ICE_RETURN_SUCCESS)
		return;
	uint32_t spread;
	crypto_random(&spread, sizeof(spread));
	ice->check_len = 0;
	ice->tries = 0;
	ice->next_check_us = now_us + CONSENT_MIN_US + spread % CONSENT_SPREAD_US;
	ice->last_check_us = now_us;
	result->valid = true;
	result->moved = use_path(ice, from, now_us);
}

void ice_receive(struct ice *ice, const struct ice_packet *packet, const struct udp_path *from,
		 int64_t now_us, struct ice_result *result)
{
	result->valid = result->restarted = result->moved = false;
	result->reply_len = 0;
	if (packet->kind == ICE_REQUEST)
		receive_request(ice, packet, from, now_us, result);
	else if (packet->kind == ICE_SUCCESS && ice->client)
		receive_answer(ice, packet, from, now_us, result);
}

static void make_check(struct ice *ice)
{
	StunAgent *stun = &ice->agent->stun;
	StunMessage request;
	char username[2 * ICE_CREDENTIAL_MAX + 2];
	char *end = stpcpy(username, ice->remote.ufrag);
	*end++ = ':';
	end = stpcpy(end, ice->local.ufrag);
	if (!ice->check)
		ice->check = xcalloc(1, ICE_REPLY_MAX);
	ice->check_len = stun_usage_ice_conncheck_create(
		stun, &request, ice->check, ICE_REPLY_MAX, (const uint8_t *)username,
		(size_t)(end - username), (const uint8_t *)ice->remote.pwd, strlen(ice->remote.pwd),
		true, true, PRIORITY, ice->agent->tie, NULL, STUN_USAGE_ICE_COMPATIBILITY_RFC5245);
	StunTransactionId id;
	stun_message_id(&request, id);
	stun_agent_forget_transaction(stun, id);
}

size_t ice_check(struct ice *ice, int64_t now_us, uint8_t out[ICE_REPLY_MAX])
{
	if (!ice->client || now_us < ice->next_check_us)
		return 0;
	if (!ice->check_len || ice->tries % TRANSMISSIONS == 0)
		make_check(ice);
	const int64_t wait_us = (int64_t)RETRANSMIT_US << (ice->tries < 4 ? ice->tries : 4);
	ice->tries++;
	ice->next_check_us = now_us + (wait_us < RETRANSMIT_MAX_US ? wait_us : RETRANSMIT_MAX_US);
	memcpy(out, ice->check, ice->check_len);
	return ice->check_len;
}

bool ice_consent_lost(const struct ice *ice, int64_t now_us)
{
	return ice->last_check_us && now_us - ice->last_check_us >= ICE_CONSENT_US;
}
