/* One subscriber: its socket, its state, and the opening, dropping and stalling of all of them. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { INPUT_BYTES = MESSAGE_BYTES_MAX + (1 << 20), STALLED_RECEIVE_BYTES = 4096, READ_BYTES = 1 << 18 };
/* Loopback has many addresses, each with its own ephemeral ports: 20,000 connections do not exhaust one. */
enum { CLIENTS_PER_ADDRESS = 5000 };

struct client *clients;
int live;
int *live_in_channel;

static char input[INPUT_BYTES];
static int handshakes;
static int *waiting;
static int waiting_head, waiting_tail, waiting_len;

int client_channel(const struct client *client)
{
    return client->index % options.channels;
}

static void listed_channel(int channel, char *out, size_t size)
{
    const char *at = options.channel_list;
    while (channel-- > 0 && strchr(at, ','))
        at = strchr(at, ',') + 1;
    snprintf(out, size, "%.*s", (int)strcspn(at, ","), at);
}

void channel_name(int channel, char *out, size_t size)
{
    if (*options.channel_list)
        listed_channel(channel, out, size);
    else if (options.channels == 1)
        snprintf(out, size, "%s", options.channel);
    else
        snprintf(out, size, "%s%d", options.channel, channel);
}

static void enqueue(struct client *client, uint64_t not_before_ns)
{
    if (++client->attempts > ATTEMPTS_MAX)
        return;
    client->retry_ns = not_before_ns;
    waiting[waiting_tail] = client->index;
    waiting_tail = (waiting_tail + 1) % options.connections;
    waiting_len++;
}

static void forget(struct client *client)
{
    bool was_joining = client->state != STATE_CLOSED && client->state != STATE_LIVE;
    if (client->state == STATE_LIVE) {
        live -= !client->is_stalled;
        live_in_channel[client_channel(client)] -= !client->is_stalled;
    }
    if (client->fd >= 0)
        close(client->fd);
    client->fd = -1;
    client->state = STATE_CLOSED;
    free(client->tail);
    client->tail = NULL;
    client->tail_len = 0;
    handshakes -= was_joining;
}

static void lose(struct client *client)
{
    bool was_live = client->state == STATE_LIVE;
    forget(client);
    if (was_live)
        counters.closed++;
    else
        enqueue(client, now_ns() + RETRY_DELAY_MS * 1000000ull);
}

static bool connect_socket(struct client *client)
{
    int on = 1;
    struct sockaddr_in from = {.sin_family = AF_INET};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.port)};
    from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (uint32_t)(client->index / CLIENTS_PER_ADDRESS));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(client->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (client->index < options.stalled) {
        int bytes = STALLED_RECEIVE_BYTES;
        setsockopt(client->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    }
    if (bind(client->fd, (struct sockaddr *)&from, sizeof from) != 0)
        return false;
    return connect(client->fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS;
}

static void open_client(struct client *client)
{
    client->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        fprintf(stderr, "load: no socket for connection %d: %s; raise the limit of open files\n", client->index,
                strerror(errno));
        exit(2);
    }
    client->state = STATE_CONNECTING;
    client->is_stalled = false;
    handshakes++;
    struct epoll_event event = {.events = EPOLLOUT, .data.u64 = source_of(SOURCE_CLIENT, client->index)};
    if (!connect_socket(client) || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, client->fd, &event) != 0) {
        complain("connection %d: %s", client->index, strerror(errno));
        lose(client);
    }
}

void clients_retry_due(uint64_t now)
{
    while (waiting_len > 0 && handshakes < options.handshakes_max) {
        struct client *client = &clients[waiting[waiting_head]];
        if (client->retry_ns > now)
            return;
        waiting_head = (waiting_head + 1) % options.connections;
        waiting_len--;
        open_client(client);
    }
}

uint64_t clients_next_retry(void)
{
    if (waiting_len == 0 || handshakes >= options.handshakes_max)
        return UINT64_MAX;
    return clients[waiting[waiting_head]].retry_ns;
}

void clients_open_all(bool recover)
{
    uint64_t now = now_ns();
    if (!waiting)
        waiting = calloc((size_t)options.connections, sizeof *waiting);
    for (int i = 0; i < options.connections; i++) {
        struct client *client = &clients[i];
        if (client->state != STATE_CLOSED)
            continue;
        client->recovers = recover;
        client->attempts = 0;
        client->began_ns = now;
        enqueue(client, now);
    }
    clients_retry_due(now);
}

/* Live, or given up. */
bool clients_settled(void)
{
    return live >= options.connections || (waiting_len == 0 && handshakes == 0);
}

/* As a cut of the network: no close frame, no FIN. */
void clients_drop(void)
{
    struct linger abrupt = {.l_onoff = 1, .l_linger = 0};
    waiting_head = waiting_tail = waiting_len = 0;
    for (int i = 0; i < options.connections; i++) {
        if (clients[i].fd >= 0)
            setsockopt(clients[i].fd, SOL_SOCKET, SO_LINGER, &abrupt, sizeof abrupt);
        forget(&clients[i]);
    }
}

void clients_stall(void)
{
    for (int i = 0; i < options.stalled; i++) {
        struct client *client = &clients[i];
        if (client->state != STATE_LIVE || client->is_stalled)
            continue;
        client->is_stalled = true;
        live--;
        live_in_channel[client_channel(client)]--;
        struct epoll_event event = {.events = EPOLLRDHUP, .data.u64 = source_of(SOURCE_CLIENT, i)};
        epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
    }
}

static void keep_tail(struct client *client, const char *data, size_t len)
{
    if (len == 0) {
        free(client->tail);
        client->tail = NULL;
        client->tail_len = 0;
        return;
    }
    /* `data` lies in the shared input buffer, never in the old tail. */
    client->tail = realloc(client->tail, len);
    if (!client->tail)
        exit(2);
    memcpy(client->tail, data, len);
    client->tail_len = len;
}

static void consume(struct client *client, size_t len)
{
    enum verdict verdict = VERDICT_GO_ON;
    size_t used = 0;
    if (client->state == STATE_UPGRADING)
        used = wire_upgrade(client, input, len, &verdict);
    if (verdict == VERDICT_GO_ON && client->state >= STATE_JOINING)
        used += wire_receive(client, input + used, len - used, &verdict);
    if (verdict == VERDICT_LOST)
        lose(client);
    else
        keep_tail(client, input + used, len - used);
}

static void read_client(struct client *client)
{
    size_t held = client->tail_len;
    if (held)
        memcpy(input, client->tail, held);
    ssize_t got = read(client->fd, input + held, READ_BYTES);
    if (got > 0) {
        counters.bytes += (uint64_t)got;
        counters.reads++;
        consume(client, held + (size_t)got);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        lose(client);
    }
}

static void connected(struct client *client, uint32_t events)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = source_of(SOURCE_CLIENT, client->index)};
    if ((events & (EPOLLERR | EPOLLHUP)) || wire_open(client) == VERDICT_LOST) {
        lose(client);
        return;
    }
    epoll_ctl(epoll_fd, EPOLL_CTL_MOD, client->fd, &event);
}

void client_ready(struct client *client, uint32_t events)
{
    if (client->state == STATE_CLOSED)
        return;
    if (client->state == STATE_CONNECTING)
        connected(client, events);
    else if (client->is_stalled)
        lose(client);
    else
        read_client(client);
}

void client_joined(struct client *client)
{
    if (client->state == STATE_LIVE)
        return;
    handshakes--;
    client->state = STATE_LIVE;
    live++;
    live_in_channel[client_channel(client)]++;
    histogram_add(&counters.joined, now_ns() - client->began_ns);
}
