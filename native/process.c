/* What the daemon does to itself: its name, its program's pages, and giving up privileges. */
#include "internal.h"

#include <errno.h>
#include <grp.h>
#include <link.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Bytes for one entry of the user or group database; a larger one is answered with -ERANGE. */
#define LOOKUP_BYTES 65536
#define GROUPS_MAX 256u

int32_t mk_set_name(const char *name)
{
  return prctl(PR_SET_NAME, name, 0, 0, 0) == 0 ? 0 : -errno;
}

/* Code that was written to when it was loaded differs from the file. */
static int has_text_relocations(const struct dl_phdr_info *info, size_t dynamic)
{
  const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[dynamic].p_vaddr);
  for (; entry->d_tag != DT_NULL; entry++)
    if (entry->d_tag == DT_TEXTREL || (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) return 1;
  return 0;
}

/* The first object told of is the program. A segment that was ever writable may hold what the file does not: it is left alone. */
static int release_segments(struct dl_phdr_info *info, size_t bytes, void *error)
{
  const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  (void)bytes;
  for (size_t i = 0; i < info->dlpi_phnum; i++)
    if (info->dlpi_phdr[i].p_type == PT_DYNAMIC && has_text_relocations(info, i)) return 1;
  for (size_t i = 0; i < info->dlpi_phnum; i++) {
    const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
    if (segment->p_type != PT_LOAD || (segment->p_flags & PF_W) != 0) continue;
    const uintptr_t from = (info->dlpi_addr + segment->p_vaddr + page - 1) & ~(page - 1);
    const uintptr_t to = (info->dlpi_addr + segment->p_vaddr + segment->p_filesz) & ~(page - 1);
    if (to > from && madvise((void *)from, to - from, MADV_DONTNEED) != 0) *(int32_t *)error = -errno;
  }
  return 1;
}

int32_t mk_release_program(void)
{
  int32_t error = 0;
  dl_iterate_phdr(release_segments, &error);
  return error;
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
