#include "server/whep_quality.h"

#include "media/rtp/rtp_sender.h"
#include "server/rtc_session.h"
#include "server/worker.h"

static void add_counts(struct whep_quality *sum, const struct rtp_sender_stats *stats)
{
	sum->missed += stats->nacks;
	sum->repairs += stats->rtx_packets;
	sum->refused += stats->rtx_refused;
	sum->keys_asked += stats->plis;
	sum->probes += stats->padding_packets;
}

void whep_quality_keep(struct whep_quality *left, const struct rtp_sender *sender)
{
	struct rtp_sender_stats stats;
	rtp_sender_stats(sender, &stats);
	add_counts(left, &stats);
}

void whep_quality(const struct worker *worker, struct whep_quality *out)
{
	*out = worker->whep_left;
	list_for_each (link, &worker->rtc) {
		const struct rtc_session *session = list_entry(link, struct rtc_session, link);
		struct rtp_sender_stats stats;
		if (!session->sender)
			continue;
		rtp_sender_stats(session->sender, &stats);
		add_counts(out, &stats);
		out->lossy += stats.fraction_lost >= WHEP_LOSSY;
		out->sound_alone += stats.sound_alone;
		out->answering += stats.rtt_us >= 0;
		out->rtt_us += stats.rtt_us >= 0 ? stats.rtt_us : 0;
	}
}
