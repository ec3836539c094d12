/* Checksums by ISA-L, digests by xxHash. */
#include "internal.h"

#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <isa-l/crc.h>
#include <limits.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Room to bring the state to the alignment that xxHash asks of it. */
_Static_assert(sizeof(XXH3_state_t) + 64 <= MK_XXH3_STATE_BYTES, "the digest state outgrew its memory");

uint32_t crc32c_continue(uint32_t crc, const uint8_t *data, uint32_t bytes)
{
  /* ISA-L counts in int; what is longer goes in pieces. It reads only, but its prototype does not say so. */
  while (bytes > INT_MAX) {
    crc = crc32_iscsi((unsigned char *)(uintptr_t)data, INT_MAX, crc);
    data += INT_MAX;
    bytes -= INT_MAX;
  }
  return crc32_iscsi((unsigned char *)(uintptr_t)data, (int)bytes, crc);
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t few_sse42(uint32_t crc, const uint8_t *data, uint32_t bytes)
{
  uint64_t long_crc = crc;
  for (; bytes >= sizeof(uint64_t); bytes -= (uint32_t)sizeof(uint64_t), data += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    long_crc = _mm_crc32_u64(long_crc, word);
  }
  crc = (uint32_t)long_crc;
  for (; bytes > 0; bytes--) crc = _mm_crc32_u8(crc, *data++);
  return crc;
}
#endif

uint32_t crc32c_few(uint32_t crc, const uint8_t *data, uint32_t bytes)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports("sse4.2")) return few_sse42(crc, data, bytes);
#endif
  return crc32c_continue(crc, data, bytes);
}

uint32_t copy_plain(uint32_t crc, uint8_t *to, const uint8_t *from, uint32_t bytes)
{
  memcpy(to, from, bytes);
  return crc32c_continue(crc, from, bytes);
}

uint32_t crc32c_copy(uint32_t crc, uint8_t *to, const uint8_t *from, uint32_t bytes)
{
#ifdef __x86_64__
  if (copy_avx512_fits()) return copy_avx512(crc, to, from, bytes);
#endif
  return copy_plain(crc, to, from, bytes);
}

uint32_t mk_crc32c(const uint8_t *data, uint32_t bytes)
{
  return ~crc32c_continue(CRC32C_START, data, bytes);
}

static void digest(const uint8_t *data, uint32_t bytes, uint64_t seed, uint8_t *out)
{
  XXH128_canonicalFromHash((XXH128_canonical_t *)out, XXH3_128bits_withSeed(data, bytes, seed));
}

static void update(void *state, const uint8_t *data, uint32_t bytes)
{
  (void)XXH3_128bits_update(state, data, bytes);
}

/* What every processor of its kind has; on 64-bit ARM that is already the widest. */
const struct hash_ways hash_plain = { .digest = digest, .update = update };

static const struct hash_ways *ways(void)
{
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx2")) return &hash_avx2;
#endif
  return &hash_plain;
}

void mk_xxh3_128(const uint8_t *data, uint32_t bytes, uint64_t seed, uint8_t *out)
{
  ways()->digest(data, bytes, seed, out);
}

static XXH3_state_t *aligned(const void *state)
{
  return (XXH3_state_t *)(((uintptr_t)state + 63) & ~(uintptr_t)63);
}

void mk_xxh3_128_reset(void *state)
{
  XXH3_INITSTATE(aligned(state));
  (void)XXH3_128bits_reset(aligned(state));
}

void mk_xxh3_128_update(void *state, const uint8_t *data, uint32_t bytes)
{
  ways()->update(aligned(state), data, bytes);
}

void mk_xxh3_128_digest(const void *state, uint8_t *out)
{
  XXH128_canonicalFromHash((XXH128_canonical_t *)out, XXH3_128bits_digest(aligned(state)));
}
