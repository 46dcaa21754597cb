/* HTTP/1.1 keep-alive connections that publish events; each carries one request at a time. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

enum { REPLY_BYTES_MAX = 4 << 20, BODY_BYTES_MAX = 8 << 20 };

struct publisher {
    int fd;
    bool is_busy;
    char *reply;
    size_t reply_len;
};

uint64_t publish_errors;

static struct publisher publishers[PUBLISHERS_MAX];
static char *body;
static char *request;
static char *all_channels;

static void list_channels(void)
{
    char name[256];
    size_t len = 0;
    all_channels = malloc((size_t)options.channels * (sizeof name + 4) + 4);
    all_channels[len++] = '[';
    for (int i = 0; i < options.channels; i++) {
        channel_name(i, name, sizeof name);
        len += (size_t)sprintf(all_channels + len, "%s\"%s\"", i ? "," : "", name);
    }
    strcpy(all_channels + len, "]");
}

void publishers_open(void)
{
    body = malloc(BODY_BYTES_MAX);
    request = malloc(BODY_BYTES_MAX + 4096);
    list_channels();
    for (int i = 0; i < options.publishers; i++)
        publishers[i] = (struct publisher){.fd = -1, .reply = malloc(REPLY_BYTES_MAX)};
}

static void hang_up(struct publisher *publisher, const char *reason)
{
    complain("publishing: %s", reason);
    publish_errors++;
    close(publisher->fd);
    publisher->fd = -1;
    publisher->is_busy = false;
    publisher->reply_len = 0;
}

static bool dial(struct publisher *publisher)
{
    int on = 1;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options.publish_port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    publisher->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(publisher->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(publisher->fd, (struct sockaddr *)&to, sizeof to) != 0) {
        hang_up(publisher, strerror(errno));
        return false;
    }
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = source_of(SOURCE_PUBLISHER, (int)(publisher - publishers))};
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, publisher->fd, &event);
    return true;
}

static struct publisher *free_publisher(void)
{
    for (int i = 0; i < options.publishers; i++)
        if (!publishers[i].is_busy)
            return &publishers[i];
    return NULL;
}

bool publisher_is_free(void)
{
    return free_publisher() != NULL;
}

bool publishers_idle(void)
{
    for (int i = 0; i < options.publishers; i++)
        if (publishers[i].is_busy)
            return false;
    return true;
}

/* An event of the asked size: what a page of a long job would show, with the moment it was due in front. */
static size_t write_event(char *out, uint64_t n, uint64_t due_ns)
{
    int len = sprintf(out, "{%s%llu,\"n\":%llu,\"type\":\"progress\",\"job_id\":\"01JD0000000000000000000000\",\"percent\":%llu,\"message\":\"",
                      options.stamp, (unsigned long long)due_ns, (unsigned long long)n, (unsigned long long)(n % 100));
    for (; len < options.event_bytes - 2; len++)
        out[len] = "page of the document "[len % 21];
    out[len++] = '"';
    out[len++] = '}';
    return (size_t)len;
}

static size_t write_body(uint64_t n, uint64_t due_ns)
{
    size_t len = 0;
    for (const char *at = options.body; *at && len < BODY_BYTES_MAX - EVENT_BYTES_MAX - 256;) {
        if (strncmp(at, "$event", 6) == 0) {
            len += write_event(body + len, n, due_ns);
            at += 6;
        } else if (strncmp(at, "$channels", 9) == 0) {
            size_t size = strlen(all_channels);
            memcpy(body + len, all_channels, size);
            len += size;
            at += 9;
        } else if (strncmp(at, "$channel", 8) == 0) {
            channel_name((int)(n % (uint64_t)options.channels), body + len, 256);
            len += strlen(body + len);
            at += 8;
        } else {
            body[len++] = *at++;
        }
    }
    return len;
}

void publish(uint64_t n, uint64_t due_ns)
{
    struct publisher *publisher = free_publisher();
    if (publisher->fd < 0 && !dial(publisher))
        return;
    size_t len = write_body(n, due_ns);
    int head = sprintf(request,
                       "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n%s%s"
                       "Content-Length: %zu\r\n\r\n",
                       options.publish_path, options.publish_port, options.publish_header,
                       *options.publish_header ? "\r\n" : "", len);
    memcpy(request + head, body, len);
    publisher->is_busy = true;
    publisher->reply_len = 0;
    size_t size = (size_t)head + len;
    for (size_t sent = 0; sent < size;) {
        ssize_t part = send(publisher->fd, request + sent, size - sent, MSG_NOSIGNAL);
        if (part <= 0) {
            hang_up(publisher, "the server hung up");
            return;
        }
        sent += (size_t)part;
    }
}

static size_t content_length(const char *head, const char *end)
{
    for (const char *line = head; line && line < end; line = memchr(line, '\n', (size_t)(end - line))) {
        line += *line == '\n';
        if (strncasecmp(line, "content-length:", 15) == 0)
            return strtoul(line + 15, NULL, 10);
        if (line == head)
            line++;
    }
    return SIZE_MAX;
}

static void take_reply(struct publisher *publisher)
{
    char *reply = publisher->reply;
    reply[publisher->reply_len] = '\0';
    char *end = memmem(reply, publisher->reply_len, "\r\n\r\n", 4);
    if (!end)
        return;
    size_t len = content_length(reply, end);
    if (len == SIZE_MAX) {
        hang_up(publisher, "the answer has no Content-Length");
        return;
    }
    if (publisher->reply_len < (size_t)(end + 4 - reply) + len)
        return;
    if ((strncmp(reply, "HTTP/1.1 20", 11) != 0) || strstr(end, "\"error\":")) {
        complain("publishing was answered %.20s … %.120s", reply, end + 4);
        publish_errors++;
    }
    publisher->is_busy = false;
    publisher->reply_len = 0;
}

void publisher_ready(int index)
{
    struct publisher *publisher = &publishers[index];
    size_t room = REPLY_BYTES_MAX - 1 - publisher->reply_len;
    ssize_t got = recv(publisher->fd, publisher->reply + publisher->reply_len, room, MSG_DONTWAIT);
    if (got > 0) {
        publisher->reply_len += (size_t)got;
        take_reply(publisher);
    } else if (got == 0 && !publisher->is_busy) {
        close(publisher->fd);
        publisher->fd = -1;
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(publisher, got == 0 ? "the server hung up" : strerror(errno));
    }
}
