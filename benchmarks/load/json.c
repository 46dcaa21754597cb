/* Just enough JSON to find a member whatever the order of the members and whatever the strings contain. */
#include <string.h>

#include "load.h"

static const char *skip_space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
        at++;
    return at;
}

static const char *skip_string(const char *at, const char *end)
{
    at++;
    while (at < end) {
        const char *quote = memchr(at, '"', (size_t)(end - at));
        if (!quote)
            return end;
        size_t backslashes = 0;
        while (quote - backslashes > at && quote[-1 - (ptrdiff_t)backslashes] == '\\')
            backslashes++;
        at = quote + 1;
        if (backslashes % 2 == 0)
            return at;
    }
    return end;
}

static const char *skip_value(const char *at, const char *end)
{
    if (at < end && *at == '"')
        return skip_string(at, end);
    int depth = 0;
    while (at < end) {
        char c = *at;
        if (c == '"') {
            at = skip_string(at, end);
            continue;
        }
        if (c == '{' || c == '[') {
            depth++;
        } else if (c == '}' || c == ']') {
            if (depth == 0)
                return at;
            if (--depth == 0)
                return at + 1;
        } else if (c == ',' && depth == 0) {
            return at;
        }
        at++;
    }
    return end;
}

bool json_member(struct slice object, const char *name, struct slice *value)
{
    const char *end = object.at + object.len;
    const char *at = skip_space(object.at, end);
    size_t name_len = strlen(name);
    if (at == end || *at != '{')
        return false;
    at++;
    while ((at = skip_space(at, end)) < end && *at == '"') {
        const char *key = at + 1;
        at = skip_string(at, end);
        size_t key_len = (size_t)(at - key - 1);
        at = skip_space(at, end);
        if (at == end || *at != ':')
            return false;
        at = skip_space(at + 1, end);
        const char *start = at;
        at = skip_value(at, end);
        if (key_len == name_len && memcmp(key, name, name_len) == 0) {
            *value = (struct slice){start, (size_t)(at - start)};
            return true;
        }
        at = skip_space(at, end);
        if (at < end && *at == ',')
            at++;
    }
    return false;
}

/* Take the next element off an array; start with the slice of the whole array, brackets included. */
bool json_element(struct slice *array, struct slice *value)
{
    const char *end = array->at + array->len;
    const char *at = skip_space(array->at, end);
    if (at < end && (*at == '[' || *at == ','))
        at = skip_space(at + 1, end);
    if (at >= end || *at == ']')
        return false;
    const char *start = at;
    at = skip_value(at, end);
    *value = (struct slice){start, (size_t)(at - start)};
    at = skip_space(at, end);
    *array = (struct slice){at, (size_t)(end - at)};
    return true;
}

bool json_uint(struct slice value, uint64_t *number)
{
    uint64_t sum = 0;
    size_t digits = 0;
    while (digits < value.len && value.at[digits] >= '0' && value.at[digits] <= '9')
        sum = sum * 10 + (uint64_t)(value.at[digits++] - '0');
    *number = sum;
    return digits > 0;
}

bool json_text(struct slice value, char *out, size_t size)
{
    if (value.len < 2 || value.at[0] != '"' || value.len - 2 >= size)
        return false;
    memcpy(out, value.at + 1, value.len - 2);
    out[value.len - 2] = '\0';
    return true;
}
