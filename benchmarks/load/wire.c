/* The client's half of RFC 6455, and what is spoken inside it: plain messages, the Centrifugo protocol, Socket.IO. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "load.h"

enum { OPCODE_TEXT = 1, OPCODE_BINARY = 2, OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

/* One nonce for all: the answer to it is known, so the handshake is verified without SHA-1. */
static const char NONCE[] = "dGhlIHNhbXBsZSBub25jZQ==";
static const char ACCEPT[] = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

static enum verdict send_bytes(struct client *client, const char *data, size_t len)
{
    ssize_t sent = send(client->fd, data, len, MSG_NOSIGNAL);
    if (sent == (ssize_t)len)
        return VERDICT_GO_ON;
    if (errno != EPIPE && errno != ECONNRESET)
        complain("connection %d took %zd of %zu bytes", client->index, sent, len);
    return VERDICT_LOST;
}

/* A mask of zeros is a mask: the payload goes out as it is, and the server does the same work as for any other. */
static enum verdict send_frame(struct client *client, int opcode, const char *payload, size_t len)
{
    char frame[2048 + 8];
    size_t head = 2;
    if (len > 2048)
        return VERDICT_LOST;
    frame[0] = (char)(0x80 | opcode);
    if (len < 126) {
        frame[1] = (char)(0x80 | len);
    } else {
        frame[1] = (char)(0x80 | 126);
        frame[2] = (char)(len >> 8);
        frame[3] = (char)(len & 255);
        head = 4;
    }
    memset(frame + head, 0, 4);
    memcpy(frame + head + 4, payload, len);
    return send_bytes(client, frame, head + 4 + len);
}

static enum verdict send_text(struct client *client, const char *text)
{
    return send_frame(client, OPCODE_TEXT, text, strlen(text));
}

enum verdict wire_open(struct client *client)
{
    char request[1024];
    int len = snprintf(request, sizeof request,
                       "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Key: %s\r\nSec-WebSocket-Version: 13\r\n\r\n",
                       options.path, options.port, NONCE);
    client->state = STATE_UPGRADING;
    return send_bytes(client, request, (size_t)len);
}

static enum verdict join_centrifugo(struct client *client)
{
    char commands[1900];
    char channel[256];
    char position[128] = "";
    channel_name(client_channel(client), channel, sizeof channel);
    if (client->recovers && client->has_position)
        snprintf(position, sizeof position, ",\"recover\":true,\"epoch\":\"%s\",\"offset\":%llu", client->epoch,
                 (unsigned long long)client->offset);
    snprintf(commands, sizeof commands,
             "{\"id\":1,\"connect\":{\"name\":\"load\"%s%.1200s%s}}\n{\"id\":2,\"subscribe\":{\"channel\":\"%s\"%s}}",
             *options.token ? ",\"token\":\"" : "", options.token, *options.token ? "\"" : "", channel, position);
    client->state = STATE_JOINING;
    return send_text(client, commands);
}

static enum verdict opened(struct client *client)
{
    if (options.dialect == DIALECT_CENTRIFUGO)
        return join_centrifugo(client);
    client->state = STATE_JOINING;
    if (options.dialect == DIALECT_PLAIN)
        client_joined(client);
    return VERDICT_GO_ON;
}

static bool accepts(const char *data, const char *end)
{
    return memmem(data, (size_t)(end - data), ACCEPT, sizeof ACCEPT - 1) != NULL;
}

size_t wire_upgrade(struct client *client, const char *data, size_t len, enum verdict *verdict)
{
    const char *end = memmem(data, len, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (len < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0 || !accepts(data, end)) {
        complain("the handshake was answered with %.*s", (int)(len < 120 ? len : 120), data);
        counters.refused++;
        /* A server that answers, and says no, will say no again. */
        client->attempts = ATTEMPTS_MAX;
        *verdict = VERDICT_LOST;
        return len;
    }
    *verdict = opened(client);
    return (size_t)(end + 4 - data);
}

/* --- the Centrifugo protocol ----------------------------------------------------------------------------------- */

static void take_publication(struct client *client, struct slice publication, bool is_checked)
{
    struct slice value;
    uint64_t offset;
    if (json_member(publication, "offset", &value) && json_uint(value, &offset)) {
        if (is_checked && client->has_position && offset <= client->offset) {
            counters.duplicates++;
            complain("connection %d got offset %llu again after %llu", client->index, (unsigned long long)offset,
                     (unsigned long long)client->offset);
        } else if (is_checked && client->has_position && offset != client->offset + 1) {
            counters.gaps++;
            complain("connection %d got offset %llu after %llu", client->index, (unsigned long long)offset,
                     (unsigned long long)client->offset);
        }
        client->offset = offset;
    }
    if (is_checked && json_member(publication, "data", &value))
        run_count(client, value);
}

static void take_position(struct client *client, struct slice result)
{
    struct slice value;
    client->has_position = json_member(result, "epoch", &value) && json_text(value, client->epoch, sizeof client->epoch);
    client->offset = 0;
    if (json_member(result, "offset", &value))
        json_uint(value, &client->offset);
}

static void subscribed(struct client *client, struct slice result)
{
    struct slice value, publication;
    bool recovered = json_member(result, "recovered", &value) && value.at[0] == 't';
    bool asked = client->recovers && client->has_position;
    uint64_t before = client->offset;
    if (asked && recovered)
        counters.recovered++;
    else if (asked)
        counters.unrecovered++;
    take_position(client, result);
    if (asked && recovered)
        client->offset = before;
    uint64_t top = client->offset;
    if (json_member(result, "publications", &value))
        while (json_element(&value, &publication)) {
            counters.recovered_publications += asked && recovered;
            counters.snapshots += !recovered;
            /* Without recovery these are a snapshot of what was before: nothing that was to be delivered. */
            take_publication(client, publication, asked && recovered);
        }
    if (client->offset < top)
        client->offset = top;
    client_joined(client);
}

static enum verdict take_reply(struct client *client, struct slice line)
{
    struct slice value;
    uint64_t id;
    if (json_member(line, "push", &value)) {
        if (json_member(value, "pub", &value)) {
            take_publication(client, value, true);
        } else {
            counters.foreign++;
            complain("connection %d got %.*s", client->index, (int)(line.len < 160 ? line.len : 160), line.at);
        }
        return VERDICT_GO_ON;
    }
    if (json_member(line, "error", &value)) {
        complain("connection %d was answered %.*s", client->index, (int)(value.len < 160 ? value.len : 160), value.at);
        counters.refused++;
        client->attempts = ATTEMPTS_MAX;
        return VERDICT_LOST;
    }
    if (json_member(line, "id", &value) && json_uint(value, &id)) {
        if (id == 2 && json_member(line, "subscribe", &value))
            subscribed(client, value);
        return VERDICT_GO_ON;
    }
    counters.pings++;
    return send_text(client, "{}");
}

static enum verdict take_replies(struct client *client, const char *data, size_t len)
{
    const char *end = data + len;
    enum verdict verdict = VERDICT_GO_ON;
    while (data < end && verdict == VERDICT_GO_ON) {
        const char *newline = memchr(data, '\n', (size_t)(end - data));
        const char *stop = newline ? newline : end;
        if (stop > data)
            verdict = take_reply(client, (struct slice){data, (size_t)(stop - data)});
        data = stop + 1;
    }
    return verdict;
}

/* --- Engine.IO 4 with Socket.IO 5 inside -------------------------------------------------------------------------- */

static enum verdict take_packet(struct client *client, const char *data, size_t len)
{
    if (len >= 2 && data[0] == '4' && data[1] == '2') {
        run_count(client, (struct slice){data, len});
    } else if (len >= 2 && data[0] == '4' && data[1] == '0') {
        client_joined(client);
    } else if (len >= 1 && data[0] == '0') {
        return send_text(client, "40");
    } else if (len >= 1 && data[0] == '2') {
        counters.pings++;
        return send_text(client, "3");
    }
    return VERDICT_GO_ON;
}

/* --- frames ---------------------------------------------------------------------------------------------------- */

static enum verdict take_message(struct client *client, const char *data, size_t len)
{
    counters.messages++;
    switch (options.dialect) {
    case DIALECT_CENTRIFUGO:
        return take_replies(client, data, len);
    case DIALECT_SOCKETIO:
        return take_packet(client, data, len);
    case DIALECT_PLAIN:
        run_count(client, (struct slice){data, len});
    }
    return VERDICT_GO_ON;
}

static enum verdict take_frame(struct client *client, unsigned char head, const char *payload, size_t len)
{
    switch (head & 15) {
    case OPCODE_TEXT:
    case OPCODE_BINARY:
        if (head & 0x80)
            return take_message(client, payload, len);
        break;
    case OPCODE_PING:
        counters.pings++;
        return send_frame(client, OPCODE_PONG, payload, len);
    case OPCODE_PONG:
        return VERDICT_GO_ON;
    case OPCODE_CLOSE:
        if (len >= 2) {
            unsigned code = (unsigned)((unsigned char)payload[0] << 8 | (unsigned char)payload[1]);
            close_codes[code < CLOSE_CODES_MAX ? code : 0]++;
        }
        return VERDICT_LOST;
    }
    complain("connection %d got a frame that starts with %02x; fragments are not expected here", client->index, head);
    return VERDICT_LOST;
}

/* Take all whole frames; the answer is how many bytes they were. */
size_t wire_receive(struct client *client, const char *data, size_t len, enum verdict *verdict)
{
    size_t used = 0;
    while (*verdict == VERDICT_GO_ON && len - used >= 2) {
        const unsigned char *at = (const unsigned char *)data + used;
        size_t size = at[1] & 127;
        size_t head = size == 126 ? 4 : size == 127 ? 10 : 2;
        if (len - used < head)
            break;
        if (head == 4) {
            size = (size_t)at[2] << 8 | at[3];
        } else if (head == 10) {
            size = 0;
            for (int i = 2; i < 10; i++)
                size = size << 8 | at[i];
        }
        if ((at[1] & 0x80) || size > MESSAGE_BYTES_MAX) {
            complain("connection %d got a masked frame or one of %zu bytes", client->index, size);
            *verdict = VERDICT_LOST;
            break;
        }
        if (len - used < head + size)
            break;
        *verdict = take_frame(client, at[0], data + used + head, size);
        used += head + size;
    }
    return used;
}
