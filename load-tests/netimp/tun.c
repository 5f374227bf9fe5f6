#include "load-tests/netimp/tun.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A server sends the packets of many viewers in one go; the default of 500 would drop some. */
enum { TX_QUEUE_PACKETS = 4096, COUNTERS_TEXT = 16384, TX_DROPPED_COLUMN = 11 };

static int fault(char error[TUN_ERROR], const char *what, const char *name)
{
	const int err = errno;
	snprintf(error, TUN_ERROR, "%s %.100s: %s", what, name, strerror(err));
	return err == EACCES ? -EPERM : -err;
}

static int take_address(struct ifreq *request, const char *text)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&request->ifr_addr, &address, sizeof(address));
	return 0;
}

static int create_device(int fd, const char *device)
{
	struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
	return ioctl(fd, TUNSETIFF, &request);
}

/* No link-local address of its own: nothing but what is sent shall cross the link. */
static void silence_ipv6(const char *device)
{
	char path[128];
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/addr_gen_mode", device);
	const int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, "1", 1) != 1)
		fprintf(stderr, "souk-netimp: %s: IPv6 may speak by itself\n", device);
	close(fd);
}

static int configure(const struct tun_config *config)
{
	struct ifreq request = { 0 };
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", config->device);
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	int result = -1;
	request.ifr_mtu = (int)config->mtu;
	if (ioctl(fd, SIOCSIFMTU, &request))
		goto out;
	request.ifr_qlen = TX_QUEUE_PACKETS;
	if (ioctl(fd, SIOCSIFTXQLEN, &request))
		goto out;
	if (take_address(&request, config->address) || ioctl(fd, SIOCSIFADDR, &request))
		goto out;
	if (take_address(&request, config->peer) || ioctl(fd, SIOCSIFDSTADDR, &request))
		goto out;
	silence_ipv6(config->device);
	memset(&request.ifr_ifru, 0, sizeof(request.ifr_ifru));
	request.ifr_flags = IFF_UP | IFF_RUNNING | IFF_POINTOPOINT | IFF_NOARP;
	result = ioctl(fd, SIOCSIFFLAGS, &request);
out:
	close(fd);
	return result;
}

/* Inside the namespace. */
static int open_inside(struct tun *tun, const struct tun_config *config, char error[TUN_ERROR])
{
	tun->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tun->fd < 0)
		return fault(error, "opening", "/dev/net/tun");
	if (create_device(tun->fd, config->device))
		return fault(error, "creating", config->device);
	if (configure(config))
		return fault(error, "configuring", config->device);
	tun->counters_fd = open("/proc/thread-self/net/dev", O_RDONLY | O_CLOEXEC);
	return 0;
}

static int open_netns(const char *netns)
{
	char path[PATH_MAX];
	snprintf(path, sizeof(path), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	return open(path, O_RDONLY | O_CLOEXEC);
}

int tun_open(struct tun *out, const struct tun_config *config, char error[TUN_ERROR])
{
	struct tun tun = { .fd = -1, .counters_fd = -1 };
	int err = 0;
	snprintf(tun.device, sizeof(tun.device), "%s", config->device);
	const int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	const int netns = open_netns(config->netns);
	if (home < 0 || netns < 0 || setns(netns, CLONE_NEWNET)) {
		err = fault(error, "entering namespace", config->netns);
		goto out;
	}
	err = open_inside(&tun, config, error);
	if (setns(home, CLONE_NEWNET) && !err)
		err = fault(error, "leaving namespace", config->netns);
out:
	if (home >= 0)
		close(home);
	if (netns >= 0)
		close(netns);
	if (err)
		tun_close(&tun);
	else
		*out = tun;
	return err;
}

/* "  name: rx-bytes packets errs drop fifo frame compressed multicast tx-bytes packets errs drop"
 */
static int64_t column(const char *row, unsigned number)
{
	char *end;
	for (const char *at = strchr(row, ':') + 1;; at = end) {
		const int64_t value = strtoll(at, &end, 10);
		if (end == at)
			return -1;
		if (!number--)
			return value;
	}
}

int64_t tun_dropped(const struct tun *tun)
{
	char text[COUNTERS_TEXT];
	const ssize_t len = pread(tun->counters_fd, text, sizeof(text) - 1, 0);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	char *rest = NULL;
	for (char *row = strtok_r(text, "\n", &rest); row; row = strtok_r(NULL, "\n", &rest)) {
		row += strspn(row, " ");
		const size_t name = strlen(tun->device);
		if (!strncmp(row, tun->device, name) && row[name] == ':')
			return column(row, TX_DROPPED_COLUMN);
	}
	return -1;
}

void tun_close(struct tun *tun)
{
	if (tun->fd >= 0)
		close(tun->fd);
	if (tun->counters_fd >= 0)
		close(tun->counters_fd);
	tun->fd = tun->counters_fd = -1;
}
