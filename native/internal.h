/* What the files of the shim share among themselves. */
#ifndef MAKUO_INTERNAL_H
#define MAKUO_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "makuo.h"

/* Continues a CRC32C over more bytes. The first call takes CRC32C_START, and the complement of the last result is the checksum. */
#define CRC32C_START 0xffffffffu
uint32_t crc32c_continue(uint32_t crc, const uint8_t *data, uint32_t bytes);

#endif
