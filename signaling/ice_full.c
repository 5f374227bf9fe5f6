#include "signaling/ice_full.h"

#include "server/core/alloc.h"

#include <errno.h>
#include <nice/agent.h>
#include <stdlib.h>

enum { COMPONENT = NICE_COMPONENT_TYPE_RTP };

struct ice_full {
	NiceAgent *agent;
	GMainContext *context;
	guint stream;
	char *ufrag;
	char *pwd;
	bool ready;
	const struct ice_full_ops *ops;
	void *arg;
};

static void on_candidate(NiceAgent *agent, NiceCandidate *candidate, void *arg)
{
	struct ice_full *ice = arg;
	/* RFC 9725 §4.3.1 leaves TCP out; hosts that face servers have no use for it. */
	if (candidate->transport != NICE_CANDIDATE_TRANSPORT_UDP)
		return;
	char *text = nice_agent_generate_local_candidate_sdp(agent, candidate);
	char *line = xasprintf("%s\r\n", text);
	g_free(text);
	ice->ops->candidate(ice->arg, line);
	free(line);
}

static void on_gathered(NiceAgent *agent, guint stream, void *arg)
{
	struct ice_full *ice = arg;
	(void)agent;
	(void)stream;
	ice->ops->gathered(ice->arg);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state, void *arg)
{
	struct ice_full *ice = arg;
	(void)agent;
	(void)stream;
	(void)component;
	const bool usable =
		state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY;
	if (usable && !ice->ready) {
		ice->ready = true;
		ice->ops->ready(ice->arg);
	} else if (state == NICE_COMPONENT_STATE_FAILED) {
		ice->ready = false;
		ice->ops->failed(ice->arg);
	}
}

static void on_packet(NiceAgent *agent, guint stream, guint component, guint len, char *data,
		      void *arg)
{
	struct ice_full *ice = arg;
	(void)agent;
	(void)stream;
	(void)component;
	ice->ops->packet(ice->arg, (uint8_t *)data, len);
}

static void use_servers(struct ice_full *ice, const struct ice_full_options *options)
{
	bool stun = false;
	for (unsigned i = 0; i < options->server_count; i++) {
		const struct ice_server *server = &options->servers[i];
		char ip[ADDR_TEXT];
		addr_format_ip(&server->addr, ip);
		if (server->relay) {
			nice_agent_set_relay_info(
				ice->agent, ice->stream, COMPONENT, ip, addr_port(&server->addr),
				server->username, server->credential,
				server->tcp ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
		} else if (!stun) {
			g_object_set(ice->agent, "stun-server", ip, "stun-server-port",
				     (guint)addr_port(&server->addr), NULL);
			stun = true;
		}
	}
}

static int use_address(struct ice_full *ice, const struct addr *bind)
{
	char ip[ADDR_TEXT];
	NiceAddress address;
	addr_format_ip(bind, ip);
	nice_address_init(&address);
	if (!nice_address_set_from_string(&address, ip) ||
	    !nice_agent_add_local_address(ice->agent, &address))
		return -EADDRNOTAVAIL;
	return 0;
}

int ice_full_create(struct ice_full **out, const struct ice_full_options *options)
{
	struct ice_full *ice = xcalloc(1, sizeof(*ice));
	int err = -ENOMEM;
	ice->ops = options->ops;
	ice->arg = options->arg;
	ice->context = g_main_context_ref_thread_default();
	ice->agent = nice_agent_new_full(ice->context, NICE_COMPATIBILITY_RFC5245,
					 NICE_AGENT_OPTION_ICE_TRICKLE |
						 NICE_AGENT_OPTION_REGULAR_NOMINATION |
						 NICE_AGENT_OPTION_CONSENT_FRESHNESS);
	g_object_set(ice->agent, "controlling-mode", TRUE, "upnp", FALSE, "ice-tcp", FALSE, NULL);
	g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_candidate), ice);
	g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
	g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
	if (options->bind) {
		err = use_address(ice, options->bind);
		if (err)
			goto fail;
	}
	err = -ENOMEM;
	ice->stream = nice_agent_add_stream(ice->agent, 1);
	if (!ice->stream ||
	    !nice_agent_get_local_credentials(ice->agent, ice->stream, &ice->ufrag, &ice->pwd))
		goto fail;
	use_servers(ice, options);
	nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, on_packet, ice);
	*out = ice;
	return 0;
fail:
	ice_full_destroy(ice);
	return err;
}

const char *ice_full_ufrag(const struct ice_full *ice)
{
	return ice->ufrag;
}

const char *ice_full_pwd(const struct ice_full *ice)
{
	return ice->pwd;
}

int ice_full_gather(struct ice_full *ice)
{
	return nice_agent_gather_candidates(ice->agent, ice->stream) ? 0 : -EADDRNOTAVAIL;
}

static NiceCandidate *remote_candidate(const struct ice_full *ice, const struct sdp_candidate *from,
				       unsigned number)
{
	NiceCandidate *candidate = nice_candidate_new(NICE_CANDIDATE_TYPE_HOST);
	candidate->transport = NICE_CANDIDATE_TRANSPORT_UDP;
	candidate->stream_id = ice->stream;
	candidate->component_id = COMPONENT;
	candidate->priority = from->priority;
	g_snprintf(candidate->foundation, sizeof(candidate->foundation), "%u", number);
	nice_address_set_from_sockaddr(&candidate->addr, (const struct sockaddr *)&from->addr.ss);
	return candidate;
}

int ice_full_remote(struct ice_full *ice, const struct sdp_ice *credentials,
		    const struct sdp_candidate *candidates, unsigned count)
{
	if (!nice_agent_set_remote_credentials(ice->agent, ice->stream, credentials->ufrag,
					       credentials->pwd))
		return -EINVAL;
	GSList *list = NULL;
	for (unsigned i = 0; i < count; i++)
		list = g_slist_append(list, remote_candidate(ice, &candidates[i], i + 1));
	const int taken =
		list ? nice_agent_set_remote_candidates(ice->agent, ice->stream, COMPONENT, list)
		     : 0;
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
	nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream);
	return taken > 0 ? 0 : -EINVAL;
}

int ice_full_send(struct ice_full *ice, const uint8_t *data, size_t len)
{
	if (!ice->ready)
		return -ENOTCONN;
	const gint sent = nice_agent_send(ice->agent, ice->stream, COMPONENT, (guint)len,
					  (const gchar *)data);
	return sent == (gint)len ? 0 : -EAGAIN;
}

static void format_pair_end(const NiceCandidate *candidate, char out[ADDR_TEXT])
{
	char ip[NICE_ADDRESS_STRING_LEN];
	nice_address_to_string(&candidate->addr, ip);
	g_snprintf(out, ADDR_TEXT, "%s:%u", ip, nice_address_get_port(&candidate->addr));
}

bool ice_full_pair(const struct ice_full *ice, char local[ADDR_TEXT], char remote[ADDR_TEXT])
{
	NiceCandidate *ours = NULL;
	NiceCandidate *theirs = NULL;
	if (!nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &ours, &theirs))
		return false;
	format_pair_end(ours, local);
	format_pair_end(theirs, remote);
	return true;
}

/* The agent may be further up in the stack: its end waits for the next turn of the context. */
static gboolean unref_agent(gpointer agent)
{
	g_object_unref(agent);
	return G_SOURCE_REMOVE;
}

void ice_full_destroy(struct ice_full *ice)
{
	if (!ice)
		return;
	g_signal_handlers_disconnect_by_data(ice->agent, ice);
	if (ice->stream) {
		nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, NULL,
				       NULL);
		nice_agent_remove_stream(ice->agent, ice->stream);
	}
	GSource *source = g_idle_source_new();
	g_source_set_callback(source, unref_agent, ice->agent, NULL);
	g_source_attach(source, ice->context);
	g_source_unref(source);
	g_main_context_unref(ice->context);
	g_free(ice->ufrag);
	g_free(ice->pwd);
	free(ice);
}
