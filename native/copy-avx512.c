/*
 * A checksum taken while the bytes are copied, with registers of 512 bits: the bytes are loaded once, and half of the time is saved. CRC32C by folding: a
 * register that is so many bits before another one is multiplied by x to the power of that, modulo the polynomial, and added to it. See Gopal et al.,
 * "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction" (Intel, 2009), in the form for reflected bits.
 */
#include "internal.h"

#ifdef __x86_64__

#include <immintrin.h>
#include <string.h>

#define WIDE __attribute__((target("avx512f,avx512vl,vpclmulqdq,pclmul,sse4.2")))

/* Bytes of a register, and of a step of four. */
#define REGISTER 64u
#define STEP (4 * REGISTER)

/* By x^(d+32) and x^(d-32) modulo the polynomial, reflected and moved by one bit, 128 bits go d bits further. */
struct fold {
  int64_t low, high;
};
static const struct fold by128 = { 0xf20c0dfe, 0x14cd00bd6 };
static const struct fold by256 = { 0x1384aa63a, 0xba4fc28e };
static const struct fold by384 = { 0x1c291d04, 0x1d82c63da };
static const struct fold by512 = { 0x740eef02, 0x9e4addf8 };
static const struct fold by1024 = { 0x6992cea2, 0xd3b6092 };
static const struct fold by1536 = { 0xa87ab8a8, 0xab7aff2a };
static const struct fold by2048 = { 0xdcb17aa4, 0xb9e02b86 };

int copy_avx512_fits(void)
{
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("vpclmulqdq");
}

WIDE static inline __m512i everywhere(struct fold by)
{
  return _mm512_set_epi64(by.high, by.low, by.high, by.low, by.high, by.low, by.high, by.low);
}

/* Moves each 128 bits of x on, and adds what is there. */
WIDE static inline __m512i folded(__m512i x, __m512i by, __m512i onto)
{
  return _mm512_xor_si512(_mm512_xor_si512(_mm512_clmulepi64_epi128(x, by, 0x00), _mm512_clmulepi64_epi128(x, by, 0x11)), onto);
}

WIDE static inline __m512i moved(uint8_t *to, const uint8_t *from)
{
  const __m512i x = _mm512_loadu_si512(from);
  _mm512_storeu_si512(to, x);
  return x;
}

/* What a few bytes take: the processor's own instruction, eight bytes at a time. */
WIDE static inline uint32_t copy_few(uint32_t crc, uint8_t *to, const uint8_t *from, uint32_t bytes)
{
  uint64_t long_crc = crc;
  memcpy(to, from, bytes);
  for (; bytes >= sizeof(uint64_t); bytes -= (uint32_t)sizeof(uint64_t), from += sizeof(uint64_t)) {
    uint64_t word;
    memcpy(&word, from, sizeof word);
    long_crc = _mm_crc32_u64(long_crc, word);
  }
  crc = (uint32_t)long_crc;
  for (; bytes > 0; bytes--) crc = _mm_crc32_u8(crc, *from++);
  return crc;
}

/* The checksum of 64 bytes, with nothing before them. */
WIDE static inline uint32_t reduced(__m512i x)
{
  const __m512i by = _mm512_set_epi64(0, 0, by128.high, by128.low, by256.high, by256.low, by384.high, by384.low);
  const __m512i last = _mm512_maskz_mov_epi64(0xc0, x);
  const __m512i sum = folded(x, by, last);
  const __m128i low = _mm_xor_si128(_mm512_extracti32x4_epi32(sum, 0), _mm512_extracti32x4_epi32(sum, 1));
  const __m128i high = _mm_xor_si128(_mm512_extracti32x4_epi32(sum, 2), _mm512_extracti32x4_epi32(sum, 3));
  const __m128i all = _mm_xor_si128(low, high);
  const uint64_t crc = _mm_crc32_u64(0, (uint64_t)_mm_cvtsi128_si64(all));
  return (uint32_t)_mm_crc32_u64(crc, (uint64_t)_mm_extract_epi64(all, 1));
}

WIDE uint32_t copy_avx512(uint32_t crc, uint8_t *to, const uint8_t *from, uint32_t bytes)
{
  if (bytes < STEP) return copy_few(crc, to, from, bytes);
  const __m512i step = everywhere(by2048), single = everywhere(by512);
  __m512i a = moved(to, from), b = moved(to + REGISTER, from + REGISTER);
  __m512i c = moved(to + 2 * REGISTER, from + 2 * REGISTER), d = moved(to + 3 * REGISTER, from + 3 * REGISTER);
  /* What came before is added to the first 32 bits. */
  a = _mm512_xor_si512(a, _mm512_maskz_set1_epi32(1, (int)crc));
  for (to += STEP, from += STEP, bytes -= STEP; bytes >= STEP; to += STEP, from += STEP, bytes -= STEP) {
    a = folded(a, step, moved(to, from));
    b = folded(b, step, moved(to + REGISTER, from + REGISTER));
    c = folded(c, step, moved(to + 2 * REGISTER, from + 2 * REGISTER));
    d = folded(d, step, moved(to + 3 * REGISTER, from + 3 * REGISTER));
  }
  a = folded(a, everywhere(by1536), folded(b, everywhere(by1024), folded(c, single, d)));
  for (; bytes >= REGISTER; to += REGISTER, from += REGISTER, bytes -= REGISTER) a = folded(a, single, moved(to, from));
  return copy_few(reduced(a), to, from, bytes);
}

#endif
