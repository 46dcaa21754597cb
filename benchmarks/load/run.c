/* The commands, what is counted while one runs, and the line of JSON that answers it. */
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "load.h"

enum { PENDING_MAX = 1 << 16, OUTSTANDING_MAX = PENDING_MAX / 2 };

struct pending {
    uint64_t n;
    uint64_t due_ns;
    uint32_t remaining;
};

struct counters counters;
uint32_t close_codes[CLOSE_CODES_MAX];
char first_complaint[256];

static struct pending pending[PENDING_MAX];
static uint64_t next_n = 1;
static uint64_t outstanding;
static uint64_t last_delivery_ns;
/* An event without readers is over when its publish is answered, long after the last delivery of others. */
static bool has_unread;

static struct {
    bool is_publishing;
    uint64_t first_n;
    uint64_t events_max;
    uint64_t deliveries_wanted;
    uint64_t window;
    uint64_t gap_ns;
    uint64_t due_ns;
    uint64_t end_ns;
} run;

static bool is_broadcast(void)
{
    return strstr(options.body, "$channels") != NULL;
}

void run_count(struct client *client, struct slice data)
{
    (void)client;
    uint64_t now = now_ns(), due, n;
    size_t stamp_len = strlen(options.stamp);
    const char *end = data.at + data.len;
    counters.deliveries++;
    last_delivery_ns = now;
    const char *at = memmem(data.at, data.len, options.stamp, stamp_len);
    if (!at)
        return;
    at += stamp_len;
    if (!json_uint((struct slice){at, (size_t)(end - at)}, &due))
        return;
    if (now > due)
        histogram_add(&counters.latency, now - due);
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    if (end - at < 5 || memcmp(at, ",\"n\":", 5) != 0 || !json_uint((struct slice){at + 5, (size_t)(end - at - 5)}, &n))
        return;
    struct pending *event = &pending[n % PENDING_MAX];
    if (event->n != n || event->remaining == 0)
        return;
    if (--event->remaining == 0) {
        histogram_add(&counters.complete, now - event->due_ns);
        outstanding--;
    }
}

static void clear_counters(void)
{
    /* These are of the whole time: one that happens between two commands must not be forgotten. */
    uint64_t gaps = counters.gaps, duplicates = counters.duplicates;
    memset(&counters, 0, sizeof counters);
    counters.gaps = gaps;
    counters.duplicates = duplicates;
    memset(close_codes, 0, sizeof close_codes);
    publish_errors = 0;
    first_complaint[0] = '\0';
}

static void publish_event(uint64_t due_ns)
{
    uint64_t n = next_n++;
    int channel = (int)(n % (uint64_t)options.channels);
    uint32_t expected = (uint32_t)(is_broadcast() ? live : live_in_channel[channel]);
    pending[n % PENDING_MAX] = (struct pending){.n = n, .due_ns = due_ns, .remaining = expected};
    outstanding += expected > 0;
    has_unread |= expected == 0;
    publish(n, due_ns);
}

static void publish_due(void)
{
    while (run.is_publishing && publisher_is_free() && outstanding < OUTSTANDING_MAX) {
        uint64_t now = now_ns();
        uint64_t due = run.gap_ns ? run.due_ns : now;
        if (next_n - run.first_n >= run.events_max || due >= run.end_ns || now >= run.end_ns) {
            run.is_publishing = false;
            return;
        }
        if (run.gap_ns ? now < due : outstanding >= run.window)
            return;
        publish_event(due);
        run.due_ns += run.gap_ns;
    }
}

static bool run_is_done(void)
{
    publish_due();
    if (run.deliveries_wanted)
        return counters.deliveries >= run.deliveries_wanted;
    return !run.is_publishing && run.window + run.gap_ns > 0 && outstanding == 0 && publishers_idle();
}

static uint64_t run_wake(void)
{
    return run.is_publishing && run.gap_ns && publisher_is_free() ? run.due_ns : UINT64_MAX;
}

static void print_close_codes(void)
{
    const char *comma = "";
    printf(",\"close_codes\":{");
    for (int code = 0; code < CLOSE_CODES_MAX; code++)
        if (close_codes[code]) {
            printf("%s\"%d\":%u", comma, code, close_codes[code]);
            comma = ",";
        }
    printf("}");
}

static void print_positions(void)
{
    uint64_t least = UINT64_MAX, most = 0, sum = 0;
    for (int i = 0; i < options.connections; i++) {
        if (!clients[i].has_position || clients[i].is_stalled)
            continue;
        least = clients[i].offset < least ? clients[i].offset : least;
        most = clients[i].offset > most ? clients[i].offset : most;
        sum += clients[i].offset;
    }
    printf(",\"offset_min\":%llu,\"offset_max\":%llu,\"offset_sum\":%llu",
           (unsigned long long)(least == UINT64_MAX ? 0 : least), (unsigned long long)most, (unsigned long long)sum);
}

static void print_complaint(void)
{
    printf(",\"complaint\":\"");
    for (const char *at = first_complaint; *at; at++) {
        if (*at == '"' || *at == '\\')
            putchar('\\');
        putchar((unsigned char)*at < 32 ? ' ' : *at);
    }
    printf("\"");
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_count(const char *name, uint64_t count)
{
    printf(",\"%s\":%llu", name, (unsigned long long)count);
}

static void report(const char *command, uint64_t began_ns, uint64_t events, double cpu_before)
{
    uint64_t ended_ns = last_delivery_ns > began_ns && !has_unread ? last_delivery_ns : now_ns();
    printf("{\"command\":\"%s\",\"live\":%d,\"seconds\":%.6f,\"cpu_s\":%.4f", command, live,
           (double)(ended_ns - began_ns) / 1e9, cpu_seconds() - cpu_before);
    print_count("events", events);
    print_count("deliveries", counters.deliveries);
    print_count("messages", counters.messages);
    print_count("bytes", counters.bytes);
    print_count("reads", counters.reads);
    print_count("unfinished_events", outstanding);
    print_count("gaps", counters.gaps);
    print_count("duplicates", counters.duplicates);
    print_count("closed", counters.closed);
    print_count("refused", counters.refused);
    print_count("recovered", counters.recovered);
    print_count("unrecovered", counters.unrecovered);
    print_count("recovered_publications", counters.recovered_publications);
    print_count("snapshots", counters.snapshots);
    print_count("other_pushes", counters.foreign);
    print_count("pings", counters.pings);
    print_count("publish_errors", publish_errors);
    print_positions();
    histogram_print("latency_ms", &counters.latency);
    histogram_print("complete_ms", &counters.complete);
    histogram_print("joined_ms", &counters.joined);
    print_close_codes();
    print_complaint();
    printf("}\n");
    fflush(stdout);
}

static double argument(const char *line, const char *name, double otherwise)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, " %s=", name);
    const char *at = strstr(line, wanted);
    return at ? strtod(at + strlen(wanted), NULL) : otherwise;
}

static uint64_t seconds_argument(const char *line, const char *name, double otherwise)
{
    double seconds = argument(line, name, otherwise);
    if (seconds < 0 || seconds > SECONDS_MAX)
        seconds = otherwise;
    return (uint64_t)(seconds * 1e9);
}

static void command_run(const char *line, uint64_t began_ns)
{
    double rate = argument(line, "rate", 0);
    double events = argument(line, "events", 0);
    uint64_t window = (uint64_t)argument(line, "window", 0);
    uint64_t length = seconds_argument(line, "seconds", 2);
    int usual_bytes = options.event_bytes;
    double event_bytes = argument(line, "bytes", usual_bytes);
    if (event_bytes >= usual_bytes && event_bytes <= EVENT_BYTES_MAX)
        options.event_bytes = (int)event_bytes;
    memset(pending, 0, sizeof pending);
    outstanding = 0;
    run.first_n = next_n;
    run.is_publishing = rate > 0 || window > 0;
    run.window = window > WINDOW_MAX ? WINDOW_MAX : window;
    run.gap_ns = rate > 0 ? (uint64_t)(1e9 / rate) : 0;
    run.events_max = events > 0 ? (uint64_t)events : UINT64_MAX;
    run.due_ns = began_ns;
    run.end_ns = began_ns + length;
    run.deliveries_wanted = (uint64_t)argument(line, "deliveries", 0);
    pump_until(run_is_done, run.end_ns + seconds_argument(line, "drain", 5), run_wake);
    run.is_publishing = false;
    options.event_bytes = usual_bytes;
}

static void command_open(const char *line, uint64_t began_ns, bool recover)
{
    clients_open_all(recover);
    pump_until(clients_settled, began_ns + seconds_argument(line, "seconds", options.connect_seconds), NULL);
}

/* False: the end was asked for. */
bool run_command(char *line)
{
    uint64_t began_ns = now_ns();
    double cpu_before = cpu_seconds();
    char command[32] = "";
    sscanf(line, "%31s", command);
    clear_counters();
    last_delivery_ns = 0;
    has_unread = false;
    uint64_t first_n = next_n;
    if (strcmp(command, "quit") == 0)
        return false;
    if (strcmp(command, "run") == 0)
        command_run(line, began_ns);
    else if (strcmp(command, "connect") == 0)
        command_open(line, began_ns, false);
    else if (strcmp(command, "reconnect") == 0)
        command_open(line, began_ns, true);
    else if (strcmp(command, "drop") == 0)
        clients_drop();
    else if (strcmp(command, "stall") == 0)
        clients_stall();
    else if (strcmp(command, "status") != 0)
        complain("unknown command %s; known are connect, run, stall, drop, reconnect, status and quit", command);
    report(command, began_ns, next_n - first_n, cpu_before);
    return true;
}
