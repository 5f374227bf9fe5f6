/* Our SRTP against libsrtp in both directions, and against the vectors of RFC 3711 and RFC 7714. */
#include "signaling/srtp.h"
#include "signaling/srtp_cipher.h"
#include "signaling/srtp_libsrtp.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <srtp2/srtp.h>
#include <string.h>

enum { ROOM = 1600 };

static const struct srtp_master masters[] = {
	{ .profile = DTLS_SRTP_AEAD_AES_128_GCM,
	  .key = "0123456789abcdef",
	  .salt = "saltsaltsalt" },
	{ .profile = DTLS_SRTP_AES128_CM_SHA1_80,
	  .key = "fedcba9876543210",
	  .salt = "pepperpepperpp" },
};

static srtp_t oracle_create(const struct srtp_master *master, srtp_ssrc_type_t direction)
{
	uint8_t key[SRTP_KEY + SRTP_SALT];
	memcpy(key, master->key, SRTP_KEY);
	memcpy(key + SRTP_KEY, master->salt, SRTP_SALT);
	srtp_policy_t policy = {
		.ssrc.type = direction,
		.key = key,
		.window_size = 1024,
		.allow_repeat_tx = 1,
	};
	const srtp_profile_t profile = master->profile == DTLS_SRTP_AEAD_AES_128_GCM
					       ? srtp_profile_aead_aes_128_gcm
					       : srtp_profile_aes128_cm_sha1_80;
	srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, profile);
	srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, profile);
	srtp_t srtp;
	srtp_init();
	cr_assert(eq(int, srtp_create(&srtp, &policy), srtp_err_status_ok));
	return srtp;
}

/* With CSRC and extension: 12 + 4 + 8 bytes. */
static size_t make_header(uint8_t out[ROOM], uint32_t ssrc, uint16_t seq)
{
	static const uint8_t bytes[] = { 0x91, 96, 0, 0, 0,    0,    0, 9, 0,    0, 0, 0,
					 0,    0,  0, 5, 0xbe, 0xde, 0, 1, 0x10, 7, 0, 0 };
	memcpy(out, bytes, sizeof(bytes));
	out[2] = (uint8_t)(seq >> 8);
	out[3] = (uint8_t)seq;
	out[10] = (uint8_t)(ssrc >> 8);
	out[11] = (uint8_t)ssrc;
	return sizeof(bytes);
}

static size_t make_payload(uint8_t out[ROOM], uint16_t seq, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(i * 13 + seq);
	return len;
}

static long protect(struct srtp_tx *tx, uint8_t *out, uint32_t ssrc, uint16_t seq)
{
	uint8_t header[ROOM], payload[ROOM];
	const size_t header_len = make_header(header, ssrc, seq);
	const size_t len = make_payload(payload, seq, 100 + seq % 900);
	return srtp_tx_rtp(tx, out, header, header_len, payload, len);
}

static void assert_plain(const uint8_t *packet, size_t len, uint32_t ssrc, uint16_t seq)
{
	uint8_t plain[2 * ROOM];
	const size_t header_len = make_header(plain, ssrc, seq);
	const size_t payload_len = make_payload(plain + header_len, seq, 100 + seq % 900);
	cr_assert(eq(sz, len, header_len + payload_len));
	cr_assert(eq(int, memcmp(packet, plain, len), 0));
}

static size_t profile_count[] = { 0, 1 };

ParameterizedTestParameters(srtp, libsrtp_opens_what_we_protect)
{
	return cr_make_param_array(size_t, profile_count, 2);
}

ParameterizedTest(size_t *i, srtp, libsrtp_opens_what_we_protect)
{
	struct srtp_tx *tx;
	srtp_t oracle = oracle_create(&masters[*i], ssrc_any_inbound);
	cr_assert(eq(int, srtp_tx_create(&tx, &masters[*i]), 0));
	/* Twice around the sequence numbers, so that the rollover counter is 2 at the end. */
	for (uint32_t n = 65000; n < 65000 + 140000; n += 7) {
		uint8_t packet[ROOM];
		int len = (int)protect(tx, packet, 42, (uint16_t)n);
		cr_assert(gt(int, len, 0));
		cr_assert(eq(int, srtp_unprotect(oracle, packet, &len), srtp_err_status_ok));
		assert_plain(packet, (size_t)len, 42, (uint16_t)n);
	}
	srtp_dealloc(oracle);
	srtp_tx_destroy(tx);
}

ParameterizedTestParameters(srtp, libsrtp_opens_our_rtcp)
{
	return cr_make_param_array(size_t, profile_count, 2);
}

ParameterizedTest(size_t *i, srtp, libsrtp_opens_our_rtcp)
{
	struct srtp_tx *tx;
	srtp_t oracle = oracle_create(&masters[*i], ssrc_any_inbound);
	cr_assert(eq(int, srtp_tx_create(&tx, &masters[*i]), 0));
	for (uint8_t n = 0; n < 50; n++) {
		const uint8_t plain[] = { 0x80, 200, 0, 3, 0, 0, 0, 7, n, 1, 2, 3, 4, 5, 6, 7 };
		uint8_t packet[ROOM];
		int len = (int)srtp_tx_rtcp(tx, packet, plain, sizeof(plain));
		cr_assert(gt(int, len, 0));
		cr_assert(eq(int, srtp_unprotect_rtcp(oracle, packet, &len), srtp_err_status_ok));
		cr_assert(eq(int, len, sizeof(plain)));
		cr_assert(eq(int, memcmp(packet, plain, sizeof(plain)), 0));
	}
	srtp_dealloc(oracle);
	srtp_tx_destroy(tx);
}

/* index: profile * 2 + libsrtp */
static size_t receiver_count[] = { 0, 1, 2, 3 };

ParameterizedTestParameters(srtp, opens_what_libsrtp_protects)
{
	return cr_make_param_array(size_t, receiver_count, 4);
}

ParameterizedTest(size_t *i, srtp, opens_what_libsrtp_protects)
{
	const struct srtp_master *master = &masters[*i / 2];
	struct srtp_rx *rx;
	srtp_t oracle = oracle_create(master, ssrc_any_outbound);
	cr_assert(eq(int, srtp_rx_create(&rx, master, *i % 2), 0));
	for (uint32_t n = 65000; n < 65000 + 70000; n += 5) {
		uint8_t packet[2 * ROOM];
		const size_t header_len = make_header(packet, 42, (uint16_t)n);
		int size = (int)(header_len + make_payload(packet + header_len, (uint16_t)n,
							   100 + (uint16_t)n % 900));
		cr_assert(eq(int, srtp_protect(oracle, packet, &size), srtp_err_status_ok));
		size_t len = (size_t)size;
		cr_assert(eq(int, srtp_rx_rtp(rx, packet, &len), 0));
		assert_plain(packet, len, 42, (uint16_t)n);
	}
	srtp_dealloc(oracle);
	srtp_rx_destroy(rx);
}

ParameterizedTestParameters(srtp, opens_rtcp_of_libsrtp_once)
{
	return cr_make_param_array(size_t, profile_count, 2);
}

ParameterizedTest(size_t *i, srtp, opens_rtcp_of_libsrtp_once)
{
	struct srtp_rx *rx;
	bool fresh;
	size_t len;
	uint8_t packets[3][ROOM], out[ROOM];
	int sizes[3];
	srtp_t oracle = oracle_create(&masters[*i], ssrc_any_outbound);
	cr_assert(eq(int, srtp_rx_create(&rx, &masters[*i], false), 0));
	const uint8_t plain[] = { 0x80, 201, 0, 2, 0, 0, 0, 7, 9, 9, 9, 9 };
	for (int n = 0; n < 3; n++) {
		memcpy(packets[n], plain, sizes[n] = sizeof(plain));
		cr_assert(eq(int, srtp_protect_rtcp(oracle, packets[n], &sizes[n]),
			     srtp_err_status_ok));
	}
	cr_assert(not(srtp_rx_rtcp_expected(rx, packets[0], (size_t)sizes[0])));
	cr_assert(eq(int, srtp_rx_rtcp(rx, packets[0], (size_t)sizes[0], out, &len, &fresh), 0));
	cr_assert(fresh);
	cr_assert(eq(sz, len, sizeof(plain)));
	cr_assert(eq(int, memcmp(out, plain, len), 0));
	cr_assert(srtp_rx_rtcp_expected(rx, packets[2], (size_t)sizes[2]));
	cr_assert(eq(int, srtp_rx_rtcp(rx, packets[2], (size_t)sizes[2], out, &len, &fresh), 0));
	cr_assert(eq(int, srtp_rx_rtcp(rx, packets[1], (size_t)sizes[1], out, &len, &fresh), 0));
	cr_assert(not(fresh), "it was overtaken");
	cr_assert(not(srtp_rx_rtcp_expected(rx, packets[1], (size_t)sizes[1])));
	for (int n = 0; n < 3; n++)
		cr_assert(eq(int, srtp_rx_rtcp(rx, packets[n], (size_t)sizes[n], out, &len, &fresh),
			     -EALREADY));
	srtp_dealloc(oracle);
	srtp_rx_destroy(rx);
}

ParameterizedTestParameters(srtp, retransmission_gives_the_same_bytes)
{
	return cr_make_param_array(size_t, profile_count, 2);
}

ParameterizedTest(size_t *i, srtp, retransmission_gives_the_same_bytes)
{
	struct srtp_tx *tx;
	uint8_t first[ROOM], again[ROOM];
	cr_assert(eq(int, srtp_tx_create(&tx, &masters[*i]), 0));
	const long len = protect(tx, first, 1, 65535);
	protect(tx, again, 1, 0); /* the rollover counter is 1 now */
	protect(tx, again, 1, 300);
	cr_assert(eq(long, protect(tx, again, 1, 65535), len));
	cr_assert(eq(int, memcmp(first, again, (size_t)len), 0));
	const long new_len = protect(tx, first, 1, 301);
	cr_assert(eq(long, protect(tx, again, 1, 301), new_len));
	cr_assert(eq(int, memcmp(first, again, (size_t)new_len), 0));
	srtp_tx_destroy(tx);
}

ParameterizedTestParameters(srtp, forged_replayed_and_late_packets_are_refused)
{
	return cr_make_param_array(size_t, receiver_count, 4);
}

ParameterizedTest(size_t *i, srtp, forged_replayed_and_late_packets_are_refused)
{
	struct srtp_tx *tx;
	struct srtp_rx *rx;
	uint8_t packet[ROOM], copy[ROOM];
	cr_assert(eq(int, srtp_tx_create(&tx, &masters[*i / 2]), 0));
	cr_assert(eq(int, srtp_rx_create(&rx, &masters[*i / 2], *i % 2), 0));
	const size_t size = (size_t)protect(tx, packet, 1, 10);
	size_t len = size;
	for (size_t at = 0; at < size; at += 9) {
		memcpy(copy, packet, size);
		copy[at] ^= 4;
		len = size;
		cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), -EBADMSG), "byte %zu", at);
	}
	for (size_t cut = 0; cut < size; cut++) {
		memcpy(copy, packet, size);
		len = cut;
		cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), -EBADMSG));
	}
	len = size;
	memcpy(copy, packet, size);
	cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), 0));
	len = size;
	memcpy(copy, packet, size);
	cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), -EALREADY));
	len = (size_t)protect(tx, copy, 1, 2000);
	cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), 0));
	len = (size_t)protect(tx, copy, 1, 1500);
	cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), 0), "late, inside the window");
	len = (size_t)protect(tx, copy, 1, 900);
	cr_assert(eq(int, srtp_rx_rtp(rx, copy, &len), -EALREADY), "behind the window");
	srtp_tx_destroy(tx);
	srtp_rx_destroy(rx);
}

Test(srtp, streams_have_a_cap)
{
	struct srtp_tx *tx;
	uint8_t packet[ROOM];
	cr_assert(eq(int, srtp_tx_create(&tx, &masters[0]), 0));
	for (uint32_t ssrc = 0; ssrc < SRTP_STREAMS_MAX; ssrc++)
		cr_assert(gt(long, protect(tx, packet, ssrc, 1), 0));
	cr_assert(eq(long, protect(tx, packet, 99, 1), -ENOBUFS));
	cr_assert(gt(long, protect(tx, packet, 3, 2), 0));
	srtp_tx_destroy(tx);
}

Test(srtp, header_must_be_one)
{
	struct srtp_tx *tx;
	uint8_t header[ROOM], packet[ROOM];
	cr_assert(eq(int, srtp_tx_create(&tx, &masters[0]), 0));
	const size_t len = make_header(header, 1, 1);
	cr_assert(eq(long, srtp_tx_rtp(tx, packet, header, len - 1, packet, 0), -EINVAL));
	cr_assert(eq(long, srtp_tx_rtp(tx, packet, header, len + 1, packet, 0), -EINVAL));
	header[0] = 0x11;
	cr_assert(eq(long, srtp_tx_rtp(tx, packet, header, len, packet, 0), -EINVAL));
	cr_assert(eq(long, srtp_tx_rtcp(tx, packet, header, 7), -EINVAL));
	srtp_tx_destroy(tx);
}

Test(srtp, derives_the_keys_of_rfc_3711_appendix_b3)
{
	static const struct srtp_master master = {
		.profile = DTLS_SRTP_AES128_CM_SHA1_80,
		.key = "\xe1\xf9\x7a\x0d\x3e\x01\x8b\xe0\xd6\x4f\xa3\x2c\x06\xde\x41\x39",
		.salt = "\x0e\xc6\x75\xad\x49\x8a\xfe\xeb\xb6\x96\x0b\x3a\xab\xe6",
	};
	struct srtp_session_keys keys;
	cr_assert(eq(int, srtp_derive(&keys, &master, false), 0));
	cr_assert(eq(int,
		     memcmp(keys.key,
			    "\xc6\x1e\x7a\x93\x74\x4f\x39\xee\x10\x73\x4a\xfe\x3f\xf7\xa0\x87", 16),
		     0));
	cr_assert(eq(
		int,
		memcmp(keys.salt, "\x30\xcb\xbc\x08\x86\x3d\x8c\x85\xd4\x9d\xb3\x4a\x9a\xe1", 14),
		0));
	cr_assert(eq(int,
		     memcmp(keys.auth,
			    "\xce\xbe\x32\x1f\x6f\xf7\x71\x6b\x6f\xd4\xab\x49\xaf\x25\x6a\x15"
			    "\x6d\x38\xba\xa4",
			    20),
		     0));
}

static const struct srtp_session_keys gcm_keys = {
	.key = "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f",
	.salt = "\x51\x75\x69\x64\x20\x70\x72\x6f\x20\x71\x75\x6f",
};

/* With each backend that this machine has; and opens what it sealed, but not with a bit changed. */
static void assert_gcm_makes(const struct srtp_job *job, bool rtcp, const uint8_t *sealed,
			     size_t len)
{
	const struct srtp_cipher_ops *const backends[] = { &srtp_evp_gcm, srtp_ipsec_mb_gcm() };
	for (size_t i = 0; i < 2 && backends[i]; i++) {
		const struct srtp_cipher_ops *ops = backends[i];
		struct srtp_cipher *sealer, *opener;
		cr_assert(eq(int, ops->create(&sealer, &gcm_keys, rtcp, true), 0));
		cr_assert(eq(int, ops->create(&opener, &gcm_keys, rtcp, false), 0));
		memset(job->out, 0, len);
		cr_assert(eq(int, ops->seal(sealer, job), 0));
		cr_assert(eq(int, memcmp(job->out, sealed, len), 0));
		uint8_t plain[ROOM];
		struct srtp_job back = *job;
		back.in = job->out;
		back.out = plain;
		cr_assert(eq(int, ops->open(opener, &back), 0));
		cr_assert(eq(int, memcmp(plain, job->in, job->len), 0));
		job->tag[15] ^= 1;
		cr_assert(eq(int, ops->open(opener, &back), -EBADMSG));
		ops->destroy(sealer);
		ops->destroy(opener);
	}
}

Test(srtp, both_gcm_backends_make_the_same_of_any_length)
{
	const struct srtp_cipher_ops *fast = srtp_ipsec_mb_gcm();
	if (!fast)
		cr_skip_test("no intel-ipsec-mb for this machine");
	struct srtp_cipher *one, *other;
	uint8_t in[ROOM], header[ROOM], out[2][ROOM + SRTP_TAG_GCM];
	make_payload(in, 7, ROOM);
	make_payload(header, 9, ROOM);
	cr_assert(eq(int, srtp_evp_gcm.create(&one, &gcm_keys, false, true), 0));
	cr_assert(eq(int, fast->create(&other, &gcm_keys, false, true), 0));
	for (size_t len = 0; len <= 1300; len++) {
		struct srtp_job job = {
			.ssrc = 0x5501a0b2,
			.index = 0xffffffff0000u + len,
			.header = header,
			.header_len = 12 + len % 20,
			.in = in,
			.out = out[0],
			.len = len,
			.tag = out[0] + len,
		};
		cr_assert(eq(int, srtp_evp_gcm.seal(one, &job), 0));
		job.out = out[1];
		job.tag = out[1] + len;
		cr_assert(eq(int, fast->seal(other, &job), 0));
		cr_assert(eq(int, memcmp(out[0], out[1], len + SRTP_TAG_GCM), 0));
	}
	srtp_evp_gcm.destroy(one);
	fast->destroy(other);
}

Test(srtp, seals_the_rtp_packet_of_rfc_7714_section_16)
{
	static const char text[] = "Gallia est omnis divisa in partes tres";
	static const uint8_t header[] = { 0x80, 0x40, 0xf1, 0x7b, 0x80, 0x41,
					  0xf8, 0xd3, 0x55, 0x01, 0xa0, 0xb2 };
	static const uint8_t sealed[] =
		"\xf2\x4d\xe3\xa3\xfb\x34\xde\x6c\xac\xba\x86\x1c\x9d\x7e\x4b\xca"
		"\xbe\x63\x3b\xd5\x0d\x29\x4e\x6f\x42\xa5\xf4\x7a\x51\xc7\xd1\x9b"
		"\x36\xde\x3a\xdf\x88\x33\x89\x9d\x7f\x27\xbe\xb1\x6a\x91\x52\xcf"
		"\x76\x5e\xe4\x39\x0c\xce";
	uint8_t out[ROOM];
	const size_t len = sizeof(text) - 1;
	struct srtp_job job = {
		.ssrc = 0x5501a0b2,
		.index = 0xf17b,
		.header = header,
		.header_len = sizeof(header),
		.in = (const uint8_t *)text,
		.out = out,
		.len = len,
		.tag = out + len,
	};
	assert_gcm_makes(&job, false, sealed, sizeof(sealed) - 1);
}

Test(srtp, seals_the_rtcp_packet_of_rfc_7714_section_17)
{
	static const uint8_t plain[] =
		"\x81\xc8\x00\x0d\x4d\x61\x72\x73\x4e\x54\x50\x31\x4e\x54\x50\x32"
		"\x52\x54\x50\x20\x00\x00\x04\x2a\x00\x00\xe9\x30\x4c\x75\x6e\x61"
		"\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef\xde\xad\xbe\xef"
		"\xde\xad\xbe\xef";
	static const uint8_t sealed[] =
		"\x63\xe9\x48\x85\xdc\xda\xb6\x7c\xa7\x27\xd7\x66\x2f\x6b\x7e\x99"
		"\x7f\xf5\xc0\xf7\x6c\x06\xf3\x2d\xc6\x76\xa5\xf1\x73\x0d\x6f\xda"
		"\x4c\xe0\x9b\x46\x86\x30\x3d\xed\x0b\xb9\x27\x5b\xc8\x4a\xa4\x58"
		"\x96\xcf\x4d\x2f\xc5\xab\xf8\x72\x45\xd9\xea\xde";
	uint8_t out[ROOM];
	const size_t len = sizeof(plain) - 1 - 8;
	struct srtp_job job = {
		.ssrc = 0x4d617273,
		.index = 0x05d4,
		.header = plain,
		.header_len = 8,
		.in = plain + 8,
		.out = out,
		.len = len,
		.word = { 0x80, 0x00, 0x05, 0xd4 },
		.tag = out + len,
	};
	assert_gcm_makes(&job, true, sealed, sizeof(sealed) - 1);
}
