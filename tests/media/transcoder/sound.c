#include "tests/media/transcoder/sound.h"

#include "server/core/bits.h"
#include "server/core/bytes.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILE_MAX = 4 * 1024 * 1024, LOUD = 2000 };

static void load(struct bytes *file, const char *name)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/audio/%s", getenv("SOUK_TEST_DATA"), name);
	FILE *in = fopen(path, "rb");
	cr_assert(in, "%s", path);
	uint8_t data[4096];
	for (size_t len; (len = fread(data, 1, sizeof(data), in)) > 0;)
		bytes_put(file, data, len);
	fclose(in);
}

void sound_add(struct sound *sound, struct buf *packet)
{
	cr_assert(sound->count < SOUND_PACKETS_MAX);
	sound->packets[sound->count++] = buf_ref(packet);
}

static void add_copy(struct sound *sound, const void *data, size_t len)
{
	sound->packets[sound->count] = buf_copy(data, len);
	cr_assert(sound->packets[sound->count++] && sound->count < SOUND_PACKETS_MAX);
}

/* ISO 14496-3 §1.A.2.2: seven bytes before each raw frame. */
static void read_adts(struct sound *sound, const struct bytes *file)
{
	struct bits bits;
	bits_init(&bits, file->data, file->len);
	while (bits_left(&bits) > 7) {
		cr_assert(bits_u(&bits, 12) == 0xfff);
		bits_u(&bits, 18);
		const uint32_t len = bits_u(&bits, 13);
		bits_u(&bits, 13);
		cr_assert(len > 7);
		const uint8_t *data = bits_bytes(&bits, len - 7);
		cr_assert(data);
		add_copy(sound, data, len - 7);
	}
}

/* RFC 3533 §6: pages of segments; a packet ends with a segment shorter than 255. */
static void read_ogg(struct sound *sound, const struct bytes *file)
{
	struct bits bits;
	struct bytes packet;
	unsigned headers = 2; /* RFC 7845 §3: OpusHead and OpusTags */
	bits_init(&bits, file->data, file->len);
	bytes_init(&packet, FILE_MAX);
	while (bits_left(&bits) > 27) {
		cr_assert(bits_be32(&bits) == 0x4f676753, "OggS");
		bits_skip(&bits, 22);
		const unsigned count = bits_u8(&bits);
		const uint8_t *segments = bits_bytes(&bits, count);
		for (unsigned i = 0; i < count; i++) {
			bytes_put(&packet, bits_bytes(&bits, segments[i]), segments[i]);
			if (segments[i] == 255)
				continue;
			if (headers == 0)
				add_copy(sound, packet.data, packet.len);
			else
				headers--;
			bytes_clear(&packet);
		}
	}
	bytes_finish(&packet);
}

void sound_read(struct sound *sound, const char *name)
{
	struct bytes file;
	bytes_init(&file, FILE_MAX);
	load(&file, name);
	const bool ogg = file.len > 4 && !memcmp(file.data, "OggS", 4);
	*sound = (struct sound){ .codec = ogg ? CODEC_OPUS : CODEC_AAC,
				 .rate = ogg ? 48000 : 44100 };
	if (ogg)
		read_ogg(sound, &file);
	else
		read_adts(sound, &file);
	bytes_finish(&file);
	cr_assert(sound->count > 100);
}

void sound_finish(struct sound *sound)
{
	for (size_t i = 0; i < sound->count; i++)
		buf_unref(sound->packets[i]);
	sound->count = 0;
}

static void write_adts(struct bytes *file, const struct sound *sound)
{
	const unsigned frequency = sound->rate == 44100 ? 4 : 3;
	for (size_t i = 0; i < sound->count; i++) {
		const unsigned len = (unsigned)sound->packets[i]->len + 7;
		bytes_be16(file, 0xfff1);
		bytes_u8(file, (uint8_t)(1 << 6 | frequency << 2)); /* LC */
		bytes_u8(file, (uint8_t)(2 << 6 | len >> 11)); /* stereo */
		bytes_u8(file, (uint8_t)(len >> 3));
		bytes_u8(file, (uint8_t)(len << 5 | 0x1f));
		bytes_u8(file, 0xfc);
		bytes_put(file, sound->packets[i]->data, sound->packets[i]->len);
	}
}

static uint32_t ogg_crc(const uint8_t *data, size_t len)
{
	uint32_t crc = 0;
	for (size_t i = 0; i < len; i++) {
		crc ^= (uint32_t)data[i] << 24;
		for (int bit = 0; bit < 8; bit++)
			crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
	}
	return crc;
}

static void write_page(struct bytes *file, uint32_t number, const void *packet, size_t len)
{
	const size_t start = file->len;
	const uint32_t samples = number < 2 ? 0 : (number - 1) * 960;
	bytes_text(file, "OggS");
	bytes_u8(file, 0);
	bytes_u8(file, number == 0 ? 2 : 0);
	bytes_le32(file, samples);
	bytes_le32(file, 0);
	bytes_le32(file, 1);
	bytes_le32(file, number);
	bytes_le32(file, 0);
	bytes_u8(file, (uint8_t)(len / 255 + 1));
	for (size_t i = 0; i < len / 255; i++)
		bytes_u8(file, 255);
	bytes_u8(file, (uint8_t)(len % 255));
	bytes_put(file, packet, len);
	const uint32_t crc = ogg_crc(file->data + start, file->len - start);
	for (int i = 0; i < 4; i++)
		file->data[start + 22 + (size_t)i] = (uint8_t)(crc >> (8 * i));
}

static void write_ogg(struct bytes *file, const struct sound *sound)
{
	/* RFC 7845 §5.1, pre-skip 0: every sample is to be heard. */
	static const uint8_t head[] = { 'O', 'p', 'u',  's',  'H', 'e', 'a', 'd', 1, 2,
					0,   0,   0x80, 0xbb, 0,   0,   0,   0,   0 };
	static const uint8_t tags[] = { 'O', 'p', 'u', 's', 'T', 'a', 'g', 's',
					0,   0,   0,   0,   0,   0,   0,   0 };
	write_page(file, 0, head, sizeof(head));
	write_page(file, 1, tags, sizeof(tags));
	for (size_t i = 0; i < sound->count; i++)
		write_page(file, (uint32_t)i + 2, sound->packets[i]->data, sound->packets[i]->len);
}

void sound_hear(const struct sound *sound, struct heard *heard)
{
	struct bytes file;
	bytes_init(&file, FILE_MAX);
	if (sound->codec == CODEC_AAC)
		write_adts(&file, sound);
	else
		write_ogg(&file, sound);
	const int fd = memfd_create("sound", 0);
	cr_assert(fd >= 0 && write(fd, file.data, file.len) == (ssize_t)file.len);
	bytes_finish(&file);
	char command[256];
	snprintf(command, sizeof(command),
		 "ffmpeg -nostdin -loglevel error -i /proc/%d/fd/%d -f s16le -ac 1 -ar %d -",
		 getpid(), fd, SOUND_RATE);
	FILE *pipe = popen(command, "r");
	cr_assert(pipe);
	struct bytes pcm;
	bytes_init(&pcm, FILE_MAX);
	uint8_t data[4096];
	for (size_t len; (len = fread(data, 1, sizeof(data), pipe)) > 0;)
		bytes_put(&pcm, data, len);
	cr_assert(pclose(pipe) == 0, "ffmpeg reads it");
	close(fd);
	heard->count = pcm.len / 2;
	heard->samples = malloc(pcm.len + 1);
	memcpy(heard->samples, pcm.data, pcm.len);
	bytes_finish(&pcm);
}

void heard_finish(struct heard *heard)
{
	free(heard->samples);
}

static size_t index_of(const struct heard *heard, double seconds)
{
	const double at = seconds * SOUND_RATE;
	if (at <= 0)
		return 0;
	return at < (double)heard->count ? (size_t)at : heard->count;
}

double heard_onset(const struct heard *heard)
{
	for (size_t i = 0; i < heard->count; i++) {
		if (abs(heard->samples[i]) > LOUD)
			return (double)i / SOUND_RATE;
	}
	return -1;
}

double heard_frequency(const struct heard *heard, double from, double to)
{
	size_t crossings = 0;
	const size_t end = index_of(heard, to);
	for (size_t i = index_of(heard, from) + 1; i < end; i++)
		crossings += heard->samples[i - 1] < 0 && heard->samples[i] >= 0;
	return (double)crossings / (to - from);
}

int heard_peak(const struct heard *heard, double from, double to)
{
	int peak = 0;
	const size_t end = index_of(heard, to);
	for (size_t i = index_of(heard, from); i < end; i++)
		peak = abs(heard->samples[i]) > peak ? abs(heard->samples[i]) : peak;
	return peak;
}
