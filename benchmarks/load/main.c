/* Arguments, and the one loop over sockets and standard input. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "load.h"

enum { EVENTS_MAX = 512, LINE_MAX_BYTES = 4096, COMPLAINTS_MAX = 8 };

struct options options = {
    .path = "/connection/websocket",
    .publish_path = "/publish",
    .publish_header = "",
    .body = "$event",
    .channel = "bench",
    .channel_list = "",
    .token = "",
    .stamp = "\"t\":",
    .dialect = DIALECT_PLAIN,
    .connections = 100,
    .channels = 1,
    .publishers = 1,
    .handshakes_max = 256,
    .event_bytes = 200,
    .connect_seconds = 60,
};

int epoll_fd;

static char line[LINE_MAX_BYTES];
static size_t line_len;
static bool input_ended;

uint64_t now_ns(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

void complain(const char *format, ...)
{
    static int complaints;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (!*first_complaint)
        memcpy(first_complaint, text, sizeof text);
    if (complaints++ < COMPLAINTS_MAX)
        fprintf(stderr, "load: %s\n", text);
}

uint64_t source_of(int kind, int index)
{
    return (uint64_t)kind << 32 | (uint32_t)index;
}

static void read_input(void)
{
    ssize_t got = read(STDIN_FILENO, line + line_len, sizeof line - 1 - line_len);
    if (got <= 0) {
        input_ended = true;
        return;
    }
    line_len += (size_t)got;
    line[line_len] = '\0';
    /* Whoever drives this waits for the answer before the next line, so a full buffer without one is an error. */
    if (line_len == sizeof line - 1)
        input_ended = true;
}

static void dispatch(struct epoll_event *event)
{
    int index = (int)(uint32_t)event->data.u64;
    switch ((int)(event->data.u64 >> 32)) {
    case SOURCE_CLIENT:
        client_ready(&clients[index], event->events);
        break;
    case SOURCE_PUBLISHER:
        publisher_ready(index);
        break;
    case SOURCE_INPUT:
        read_input();
        break;
    }
}

void pump_until(bool (*done)(void), uint64_t deadline_ns, uint64_t (*wake)(void))
{
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        clients_retry_due(now_ns());
        if (done() || input_ended)
            return;
        uint64_t now = now_ns();
        if (now >= deadline_ns)
            return;
        uint64_t next = deadline_ns;
        uint64_t retry = clients_next_retry();
        uint64_t woken = wake ? wake() : UINT64_MAX;
        next = retry < next ? retry : next;
        next = woken < next ? woken : next;
        uint64_t rest = next > now ? next - now : 0;
        struct timespec limit = {(time_t)(rest / 1000000000ull), (long)(rest % 1000000000ull)};
        int ready = epoll_pwait2(epoll_fd, events, EVENTS_MAX, &limit, NULL);
        if (ready < 0 && errno != EINTR) {
            perror("load: epoll_pwait2");
            exit(2);
        }
        for (int i = 0; i < ready; i++)
            dispatch(&events[i]);
    }
}

static bool line_is_whole(void)
{
    return memchr(line, '\n', line_len) != NULL;
}

static void serve_commands(void)
{
    for (;;) {
        pump_until(line_is_whole, UINT64_MAX, NULL);
        if (!line_is_whole())
            return;
        char command[LINE_MAX_BYTES];
        char *end = memchr(line, '\n', line_len);
        size_t len = (size_t)(end - line);
        memcpy(command, line, len);
        command[len] = '\0';
        line_len -= len + 1;
        memmove(line, end + 1, line_len);
        if (!run_command(command))
            return;
    }
}

static int number_within(const char *name, const char *text, int least, int most)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (*end || number < least || number > most) {
        fprintf(stderr, "load: %s is %s; it must be from %d to %d\n", name, text, least, most);
        exit(2);
    }
    return (int)number;
}

static enum dialect dialect_of(const char *name)
{
    if (strcmp(name, "plain") == 0)
        return DIALECT_PLAIN;
    if (strcmp(name, "centrifugo") == 0)
        return DIALECT_CENTRIFUGO;
    if (strcmp(name, "socketio") == 0)
        return DIALECT_SOCKETIO;
    fprintf(stderr, "load: --dialect is %s; known are plain, centrifugo and socketio\n", name);
    exit(2);
}

static void set_option(const char *name, const char *value)
{
    const struct { const char *name; const char **text; } texts[] = {
        {"--path", &options.path}, {"--publish-path", &options.publish_path},
        {"--publish-header", &options.publish_header}, {"--body", &options.body},
        {"--channel", &options.channel}, {"--channel-list", &options.channel_list}, {"--token", &options.token}, {"--stamp", &options.stamp},
    };
    const struct { const char *name; int *number; int least, most; } numbers[] = {
        {"--port", &options.port, 1, 65535}, {"--publish-port", &options.publish_port, 1, 65535},
        {"--connections", &options.connections, 1, CONNECTIONS_MAX},
        {"--channels", &options.channels, 1, CHANNELS_MAX},
        {"--publishers", &options.publishers, 1, PUBLISHERS_MAX},
        {"--stalled", &options.stalled, 0, CONNECTIONS_MAX},
        {"--handshakes-max", &options.handshakes_max, 1, CONNECTIONS_MAX},
        {"--event-bytes", &options.event_bytes, 150, EVENT_BYTES_MAX},
        {"--connect-seconds", &options.connect_seconds, 1, SECONDS_MAX},
    };
    if (strcmp(name, "--dialect") == 0) {
        options.dialect = dialect_of(value);
        return;
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (strcmp(name, texts[i].name) == 0) {
            *texts[i].text = value;
            return;
        }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].number = number_within(name, value, numbers[i].least, numbers[i].most);
            return;
        }
    fprintf(stderr, "load: unknown option %s; README.md lists them\n", name);
    exit(2);
}

static void raise_file_limit(void)
{
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
}

int main(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc; i += 2)
        set_option(argv[i], argv[i + 1]);
    if (argc % 2 == 0 || options.port == 0 || options.stalled > options.connections) {
        fprintf(stderr, "load: give pairs of options, --port among them, and no more --stalled than --connections\n");
        return 2;
    }
    if (options.publish_port == 0)
        options.publish_port = options.port;
    if (*options.channel_list) {
        options.channels = 1;
        for (const char *at = options.channel_list; *at; at++)
            options.channels += *at == ',';
    }
    raise_file_limit();
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    clients = calloc((size_t)options.connections, sizeof *clients);
    live_in_channel = calloc((size_t)options.channels, sizeof *live_in_channel);
    for (int i = 0; i < options.connections; i++)
        clients[i] = (struct client){.fd = -1, .index = i};
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source_of(SOURCE_INPUT, 0)};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    publishers_open();
    serve_commands();
    return 0;
}
