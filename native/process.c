/* What the daemon does to itself: its name, and giving up privileges. */
#include "internal.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Bytes for one entry of the user or group database; a larger one is answered with -ERANGE. */
#define LOOKUP_BYTES 65536
#define GROUPS_MAX 256u

int32_t mk_set_name(const char *name)
{
  return prctl(PR_SET_NAME, name, 0, 0, 0) == 0 ? 0 : -errno;
}

static int32_t put_user(int error, const struct passwd *found, uint32_t *out)
{
  if (found == NULL) return error == 0 ? -ENOENT : -error;
  out[0] = found->pw_uid;
  out[1] = found->pw_gid;
  return 0;
}

int32_t mk_user(const char *name, uint32_t *out)
{
  struct passwd entry;
  struct passwd *found = NULL;
  char text[LOOKUP_BYTES];
  int error;
  do error = getpwnam_r(name, &entry, text, sizeof text, &found); while (error == EINTR);
  return put_user(error, found, out);
}

int32_t mk_user_by_id(uint32_t uid, uint32_t *out)
{
  struct passwd entry;
  struct passwd *found = NULL;
  char text[LOOKUP_BYTES];
  int error;
  do error = getpwuid_r(uid, &entry, text, sizeof text, &found); while (error == EINTR);
  return put_user(error, found, out);
}

int32_t mk_group(const char *name, uint32_t *out)
{
  struct group entry;
  struct group *found = NULL;
  char text[LOOKUP_BYTES];
  int error;
  do error = getgrnam_r(name, &entry, text, sizeof text, &found); while (error == EINTR);
  if (found == NULL) return error == 0 ? -ENOENT : -error;
  out[0] = found->gr_gid;
  return 0;
}

/* Whether the kernel's list of supplementary groups is this one, in any order and with repeats. */
static int groups_are(const gid_t *wanted, uint32_t count)
{
  gid_t now[GROUPS_MAX];
  const int have = getgroups((int)GROUPS_MAX, now);
  if (have < 0) return 0;
  for (int i = 0; i < have; i++) {
    uint32_t at = 0;
    while (at < count && wanted[at] != now[i]) at++;
    if (at == count) return 0;
  }
  for (uint32_t i = 0; i < count; i++) {
    int at = 0;
    while (at < have && now[at] != wanted[i]) at++;
    if (at == have) return 0;
  }
  return 1;
}

int32_t mk_drop_privileges(uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t count)
{
  gid_t list[GROUPS_MAX];
  uid_t real_uid, effective_uid, saved_uid;
  gid_t real_gid, effective_gid, saved_gid;
  if (count > GROUPS_MAX) return -EINVAL;
  for (uint32_t i = 0; i < count; i++) list[i] = groups[i];
  /* The C library carries these over to all threads; a bare system call would change only this one. */
  if (setgroups(count, list) != 0) return -errno;
  if (setresgid(gid, gid, gid) != 0) return -errno;
  if (setresuid(uid, uid, uid) != 0) return -errno;
  if (getresuid(&real_uid, &effective_uid, &saved_uid) != 0) return -errno;
  if (getresgid(&real_gid, &effective_gid, &saved_gid) != 0) return -errno;
  if (real_uid != uid || effective_uid != uid || saved_uid != uid) return -EPERM;
  if (real_gid != gid || effective_gid != gid || saved_gid != gid) return -EPERM;
  if (!groups_are(list, count)) return -EPERM;
  /* Should this succeed, CAP_SETUID was kept: better to stop than to run with it. */
  if (uid != 0 && setresuid((uid_t)-1, 0, (uid_t)-1) == 0) return -EPERM;
  return 0;
}
