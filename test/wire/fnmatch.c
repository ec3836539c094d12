/*
 * The real fnmatch(3), for pattern.test.ts. A line of input is a pattern and a name, each in hexadecimal with a full stop in front, so that none
 * is empty; a byte of output is '1' if the pattern matches the name, else '0'. No locale is set, so that it is "C".
 */
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define TEXT_MAX 8192

static int digit(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

static void decode(char *to, const char *from) {
    for (from++; from[0] != '\0' && from[1] != '\0'; from += 2) *to++ = (char)(digit(from[0]) * 16 + digit(from[1]));
    *to = '\0';
}

int main(void) {
    static char pattern_digits[TEXT_MAX], name_digits[TEXT_MAX], pattern[TEXT_MAX], name[TEXT_MAX];
    while (scanf("%8191s %8191s", pattern_digits, name_digits) == 2) {
        decode(pattern, pattern_digits);
        decode(name, name_digits);
        putchar(fnmatch(pattern, name, FNM_PATHNAME) == 0 ? '1' : '0');
    }
    return 0;
}
