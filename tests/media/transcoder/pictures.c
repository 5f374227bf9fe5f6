#include "tests/media/transcoder/pictures.h"

#include "media/codec/h264.h"
#include "server/core/bytes.h"
#include "tests/support/flv_file.h"
#include "tests/support/flv_frames.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FILE_MAX = 64 * 1024 * 1024 };

static void run(struct bytes *out, const char *command)
{
	FILE *pipe = popen(command, "r");
	cr_assert(pipe);
	uint8_t data[16384];
	bytes_init(out, FILE_MAX);
	for (size_t len; (len = fread(data, 1, sizeof(data), pipe)) > 0;)
		bytes_put(out, data, len);
	cr_assert(pclose(pipe) == 0, "%s", command);
}

unsigned picture_brightness(unsigned index)
{
	return 30 + index * 7 % 190;
}

static void on_frame(void *arg, struct frame *frame)
{
	pictures_add(arg, frame);
	frame_unref(frame);
}

void pictures_make(struct pictures *pictures, const char *size, unsigned rate, unsigned count,
		   const char *encoder)
{
	char command[1024];
	struct flv_file file;
	struct bytes flv;
	snprintf(command, sizeof(command),
		 "ffmpeg -nostdin -loglevel error -f lavfi -i \"color=black:s=16x16:r=%u,"
		 "format=gray,geq=lum='30+mod(N*7,190)',scale=%s:flags=neighbor,format=yuv420p\" "
		 "-frames:v %u -c:v libx264 -preset superfast -threads 1 %s -f flv -",
		 rate, size, count, encoder);
	*pictures = (struct pictures){ 0 };
	run(&flv, command);
	flv_file_wrap(&file, flv.data, flv.len);
	flv_file_ingest(&file, on_frame, pictures);
	bytes_finish(&flv);
	cr_assert(pictures->count == count, "%zu pictures", pictures->count);
}

void pictures_add(struct pictures *pictures, struct frame *frame)
{
	cr_assert(pictures->count < PICTURES_MAX);
	pictures->frames[pictures->count++] = frame_ref(frame);
}

void pictures_finish(struct pictures *pictures)
{
	for (size_t i = 0; i < pictures->count; i++)
		frame_unref(pictures->frames[i]);
	pictures->count = 0;
}

static void put_unit(struct bytes *out, const uint8_t *data, size_t len)
{
	bytes_be32(out, 1);
	bytes_put(out, data, len);
}

/* Annex B, the parameter sets before each keyframe. */
static void put_frame(struct bytes *out, const struct frame *frame)
{
	struct h264_avcc avcc;
	cr_assert(h264_avcc_parse(&avcc, frame->config->header->data, frame->config->header->len) ==
		  0);
	for (size_t i = 0; frame->key && i < avcc.sps_count; i++)
		put_unit(out, avcc.sps[i].data, avcc.sps[i].len);
	for (size_t i = 0; frame->key && i < avcc.pps_count; i++)
		put_unit(out, avcc.pps[i].data, avcc.pps[i].len);
	struct h264_reader reader;
	struct h264_nal nal;
	h264_read_avcc(&reader, frame->data->data, frame->data->len, 4);
	while (h264_next(&reader, &nal))
		put_unit(out, nal.data, nal.len);
	cr_assert(!reader.bad);
}

/* One grey sample a picture. */
static void see_brightness(int fd, struct seen *seen)
{
	char command[512];
	struct bytes grey;
	snprintf(command, sizeof(command),
		 "ffmpeg -nostdin -loglevel error -xerror -threads 1 -f h264 -i /proc/%d/fd/%d "
		 "-vf scale=16:16:flags=area,format=gray -vsync drop -f rawvideo -",
		 getpid(), fd);
	run(&grey, command);
	seen->count = grey.len / 256;
	cr_assert(seen->count <= PICTURES_MAX);
	for (size_t i = 0; i < seen->count; i++)
		seen->brightness[i] = grey.data[i * 256 + 128 + 8];
	bytes_finish(&grey);
}

static void see_size(int fd, struct seen *seen)
{
	char command[512];
	struct bytes text;
	snprintf(command, sizeof(command),
		 "ffprobe -loglevel error -f h264 -i /proc/%d/fd/%d -show_entries "
		 "stream=width,height -of csv=p=0:s=x",
		 getpid(), fd);
	run(&text, command);
	char *end;
	seen->width = (unsigned)strtoul(bytes_string(&text), &end, 10);
	seen->height = *end == 'x' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
	bytes_finish(&text);
}

void pictures_see(const struct pictures *pictures, struct seen *seen)
{
	struct bytes file;
	*seen = (struct seen){ 0 };
	bytes_init(&file, FILE_MAX);
	for (size_t i = 0; i < pictures->count; i++)
		put_frame(&file, pictures->frames[i]);
	const int fd = memfd_create("pictures", 0);
	cr_assert(fd >= 0 && write(fd, file.data, file.len) == (ssize_t)file.len);
	bytes_finish(&file);
	see_brightness(fd, seen);
	see_size(fd, seen);
	close(fd);
}
