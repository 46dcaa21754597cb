/*
 * A WebSocket load generator for loopback: it opens many connections, publishes over HTTP, counts what arrives, takes
 * latencies, stops reading on demand, and checks that no offset is missing or doubled over a reconnect.
 *
 * It is driven by lines on standard input and answers each with one line of JSON; `README.md` beside it lists them.
 */
#ifndef LOAD_H
#define LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum limit {
    CONNECTIONS_MAX = 60000,
    CHANNELS_MAX = 200000,
    PUBLISHERS_MAX = 256,
    MESSAGE_BYTES_MAX = 8 << 20,
    EVENT_BYTES_MAX = 1 << 16,
    WINDOW_MAX = 4096,
    SECONDS_MAX = 600,
    ATTEMPTS_MAX = 40,
    /* A server that is starting refuses; asking again at once would only burn the core that the answers need. */
    RETRY_DELAY_MS = 50,
    CLOSE_CODES_MAX = 5000,
};

enum dialect { DIALECT_PLAIN, DIALECT_CENTRIFUGO, DIALECT_SOCKETIO };

struct options {
    int port;
    int publish_port;
    const char *path;
    const char *publish_path;
    const char *publish_header;
    const char *body;
    const char *channel;
    const char *channel_list;
    const char *token;
    const char *stamp;
    enum dialect dialect;
    int connections;
    int channels;
    int publishers;
    int stalled;
    int handshakes_max;
    int event_bytes;
    int connect_seconds;
};

/* --- json.c ---------------------------------------------------------------------------------------------------- */

struct slice {
    const char *at;
    size_t len;
};

bool json_member(struct slice object, const char *name, struct slice *value);
bool json_element(struct slice *array, struct slice *value);
bool json_uint(struct slice value, uint64_t *number);
bool json_text(struct slice value, char *out, size_t size);

/* --- histogram.c ----------------------------------------------------------------------------------------------- */

enum { HISTOGRAM_STEPS = 64, HISTOGRAM_BUCKETS = 64 * HISTOGRAM_STEPS };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t total;
    uint64_t largest;
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t ns);
uint64_t histogram_at(const struct histogram *histogram, double fraction);
void histogram_print(const char *name, const struct histogram *histogram);

/* --- client.c: one subscriber ------------------------------------------------------------------------------------ */

enum state { STATE_CLOSED, STATE_CONNECTING, STATE_UPGRADING, STATE_JOINING, STATE_LIVE };

struct client {
    int fd;
    int index;
    enum state state;
    bool is_stalled;
    bool has_position;
    bool recovers;
    uint8_t attempts;
    uint64_t began_ns;
    uint64_t retry_ns;
    uint64_t offset;
    char epoch[40];
    char *tail;
    size_t tail_len;
};

struct counters {
    uint64_t deliveries;
    uint64_t messages;
    uint64_t bytes;
    uint64_t reads;
    uint64_t gaps;
    uint64_t duplicates;
    uint64_t pings;
    uint64_t closed;
    uint64_t refused;
    uint64_t recovered;
    uint64_t unrecovered;
    uint64_t recovered_publications;
    uint64_t snapshots;
    uint64_t foreign;
    struct histogram latency;
    struct histogram complete;
    struct histogram joined;
};

extern struct options options;
extern struct client *clients;
extern struct counters counters;
extern uint32_t close_codes[CLOSE_CODES_MAX];
extern int live;
extern int *live_in_channel;
extern int epoll_fd;
extern char first_complaint[256];

uint64_t now_ns(void);
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

void clients_open_all(bool recover);
bool clients_settled(void);
void clients_retry_due(uint64_t now);
uint64_t clients_next_retry(void);
void clients_drop(void);
void clients_stall(void);
void client_ready(struct client *client, uint32_t events);
void client_joined(struct client *client);
int client_channel(const struct client *client);
void channel_name(int channel, char *out, size_t size);

/* --- wire.c: RFC 6455 and the two dialects ------------------------------------------------------------------------- */

enum verdict { VERDICT_GO_ON, VERDICT_LOST };

enum verdict wire_open(struct client *client);
size_t wire_upgrade(struct client *client, const char *data, size_t len, enum verdict *verdict);
size_t wire_receive(struct client *client, const char *data, size_t len, enum verdict *verdict);

/* --- publisher.c ------------------------------------------------------------------------------------------------- */

extern uint64_t publish_errors;

void publishers_open(void);
bool publisher_is_free(void);
void publish(uint64_t n, uint64_t due_ns);
void publisher_ready(int index);
bool publishers_idle(void);

/* --- run.c: the commands ------------------------------------------------------------------------------------------ */

void run_count(struct client *client, struct slice data);
bool run_command(char *line);
void pump_until(bool (*done)(void), uint64_t deadline_ns, uint64_t (*wake)(void));

enum { SOURCE_CLIENT, SOURCE_PUBLISHER, SOURCE_INPUT };
uint64_t source_of(int kind, int index);

#endif
