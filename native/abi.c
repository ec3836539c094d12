/* The handshake: what this build of the shim believes about shapes and numbers. */
#include "makuo.h"

#include <stddef.h>
#include <string.h>

#define NET(field) (uint32_t)offsetof(struct mk_net, field)
#define INTERFACE(field) (uint32_t)offsetof(struct mk_interface, field)
#define STAT(field) (uint32_t)offsetof(struct mk_fs_stat, field)
#define FILE_ROW(field) (uint32_t)offsetof(struct mk_fs_file, field)
#define FILES(field) (uint32_t)offsetof(struct mk_fs_files, field)
#define ENTRIES(field) (uint32_t)offsetof(struct mk_entries, field)
#define WRITTEN(field) (uint32_t)offsetof(struct mk_fs_written, field)
#define SPACE(field) (uint32_t)offsetof(struct mk_fs_space, field)

/* One word for each row of netLayout in src/io/abi-net.ts, then of hashLayout, fsLayout and procLayout, in their order. */
static const uint32_t layout[] = {
  /* net */
  MK_HEADER_BYTES, MK_SYMBOLS_MAX,
  MK_RX_CONTEXTS, MK_RX_RING, MK_RX_HEAD_WORDS, MK_RX_ENTRY_WORDS, MK_RX_TABLE_WORDS, MK_NO_SLOT,
  MK_RX_ACTIVE, MK_RX_OWNER_HIGH, MK_RX_OWNER_LOW, MK_RX_PUSH, MK_RX_SYMBOL_SIZE, MK_RX_BLOCK_SYMBOLS, MK_RX_BASE, MK_RX_LIMIT,
  MK_RX_EDGE_BLOCK, MK_RX_EDGE_SYMBOL, MK_RX_SEQUENCE, MK_RX_RECEIVED, MK_RX_DUPLICATES, MK_RX_OUTSIDE, MK_RX_MISMATCHED,
  MK_RX_POLLED, MK_RX_TOUCHED,
  MK_RX_SLOT, MK_RX_SYMBOLS, MK_RX_FLAGS, MK_RX_HAVE, MK_RX_LAST_BYTES, MK_RX_BITMAP,
  MK_TX_ROW_WORDS, MK_TX_ROWS_MAX,
  MK_TX_SLOT, MK_TX_BLOCK, MK_TX_FIRST, MK_TX_COUNT, MK_TX_SYMBOLS, MK_TX_LAST_BYTES, MK_TX_FLAGS, MK_TX_PUSH, MK_TX_SYMBOL_SIZE,
  MK_TX_SEQUENCE, MK_TX_IP, MK_TX_PORT,
  sizeof(struct mk_record), sizeof(struct mk_interface),
  INTERFACE(index), INTERFACE(ip), INTERFACE(netmask), INTERFACE(mtu), INTERFACE(flags), INTERFACE(name),
  sizeof(struct mk_net),
  NET(node), NET(table), NET(arena), NET(arena_bytes), NET(slot_bytes), NET(group_tag), NET(group_ip), NET(group_port),
  NET(interface_ip), NET(interface_index), NET(receive_buffer), NET(send_buffer), NET(options),
  NET(group_fd), NET(unicast_fd), NET(unicast_port), NET(group_receive_buffer), NET(unicast_receive_buffer),
  NET(unicast_send_buffer), NET(offload), NET(step), NET(out_bytes), NET(more), NET(touched), NET(counters),
  MK_VERDICTS, MK_COUNTERS,
  MK_SEND_SCRATCH_BYTES, MK_RECEIVE_SCRATCH_BYTES, MK_RECORDS_BYTES_MIN,
  /* hash */
  MK_XXH3_STATE_BYTES,
  /* file system */
  MK_FS_OPEN_BASE, MK_FS_OPEN_PARENT, MK_FS_OPEN_HANDLE, MK_FS_OPEN_DIRECTORY, MK_FS_OPEN_READ, MK_FS_OPEN_READ_NOATIME,
  MK_FS_OPEN_CREATE,
  MK_FS_BLOCK, MK_FS_CHARACTER,
  sizeof(struct mk_fs_stat),
  STAT(seconds), STAT(changed_ns), STAT(size), STAT(mount), STAT(inode), STAT(nanoseconds), STAT(mode), STAT(uid), STAT(gid), STAT(error),
  STAT(links), STAT(device), STAT(locked), STAT(major), STAT(minor),
  sizeof(struct mk_fs_space),
  SPACE(available), SPACE(free), SPACE(inodes), SPACE(inodes_free), SPACE(read_only), SPACE(type),
  MK_FS_MAKE_CREATE, MK_FS_MAKE_WRITE, MK_FS_MAKE_METADATA,
  MK_FS_FILES_MAX, MK_FS_ENTRIES_BYTES, MK_FS_NAMES_BYTES,
  sizeof(struct mk_fs_file),
  FILE_ROW(entry), FILE_ROW(name), FILE_ROW(at), FILE_ROW(error), FILE_ROW(step), FILE_ROW(changed), FILE_ROW(fresh), FILE_ROW(at_rest),
  FILE_ROW(changed_ns),
  sizeof(struct mk_fs_files),
  FILES(directory), FILES(count), FILES(entries_bytes), FILES(names_bytes), FILES(rows), FILES(digests), FILES(entries), FILES(names),
  MK_FS_OTHER_TYPE, MK_FS_OTHER_MODE, MK_FS_OTHER_OWNER, MK_FS_OTHER_TIME, MK_FS_OTHER_SIZE, MK_FS_MORE, MK_FS_MISSING,
  MK_FS_UNKNOWN, MK_FS_ENTRY_BYTES,
  sizeof(struct mk_entries),
  ENTRIES(starts), ENTRIES(name_at), ENTRIES(parent_at), ENTRIES(parents_bytes), ENTRIES(parent_bytes), ENTRIES(sibling), ENTRIES(names),
  ENTRIES(parents),
  MK_ENTRIES_SHORT, MK_ENTRIES_RANGE, MK_ENTRIES_LONG,
  sizeof(struct mk_fs_written), WRITTEN(bytes), WRITTEN(stopped), WRITTEN(stat),
  /* process */
  MK_READY_FD,
};

uint32_t mk_abi_version(void)
{
  return MK_ABI_VERSION;
}

uint32_t mk_layout(uint32_t *out, uint32_t max)
{
  const uint32_t count = sizeof layout / sizeof layout[0];
  memcpy(out, layout, (max < count ? max : count) * sizeof layout[0]);
  return count;
}
