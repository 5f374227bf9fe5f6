#include "media/transcoder/sandbox_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
	USE = READ | LANDLOCK_ACCESS_FS_WRITE_FILE,
};

/* What the first version of Landlock can forbid: all of it, but for the paths below. */
static const uint64_t handled = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

static const struct {
	const char *path;
	uint64_t access;
} paths[] = {
	{ "/dev/dri", USE },       { "/dev/nvidia0", USE },    { "/dev/nvidia1", USE },
	{ "/dev/nvidiactl", USE }, { "/dev/nvidia-uvm", USE }, { "/dev/nvidia-uvm-tools", USE },
	{ "/sys/dev/char", READ }, { "/sys/devices", READ },   { "/sys/class/drm", READ },
	{ "/sys/bus/pci", READ },  { "/proc/driver", READ },
};

static int allow(int rules, const char *path, uint64_t access)
{
	const int fd = open(path, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno; /* another maker's device */
	struct landlock_path_beneath_attr beneath = { .allowed_access = access, .parent_fd = fd };
	struct stat status;
	int err = fstat(fd, &status) ? -errno : 0;
	/* A device node is no folder. */
	if (!err && !S_ISDIR(status.st_mode))
		beneath.allowed_access &= ~(uint64_t)LANDLOCK_ACCESS_FS_READ_DIR;
	if (!err && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0))
		err = -errno;
	close(fd);
	return err;
}

int sandbox_landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

int sandbox_files_to_devices(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	const struct landlock_ruleset_attr attributes = { .handled_access_fs = handled };
	const int rules = (int)syscall(SYS_landlock_create_ruleset, &attributes,
				       offsetof(struct landlock_ruleset_attr, handled_access_fs) +
					       sizeof(attributes.handled_access_fs),
				       0);
	if (rules < 0)
		return -errno;
	int err = 0;
	for (size_t i = 0; !err && i < sizeof(paths) / sizeof(paths[0]); i++)
		err = allow(rules, paths[i].path, paths[i].access);
	if (!err && syscall(SYS_landlock_restrict_self, rules, 0))
		err = -errno;
	close(rules);
	return err;
}
