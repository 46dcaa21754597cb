/*
 * The per-message limit: the least that a broadcaster does is one send() of shared bytes for each socket.
 *
 * usage: broadcaster PORT. GET with an upgrade subscribes; POST sends its body to everybody.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FILES_MAX = 70000, REQUEST_BYTES_MAX = 1 << 17, EVENTS_MAX = 512 };

struct request {
    char *data;
    size_t len;
};

static int epoll_fd;
static struct request *requests[FILES_MAX];
static int subscribers[FILES_MAX];
static int place_of[FILES_MAX];
static int subscriber_count;

static uint32_t rotate(uint32_t word, int bits)
{
    return word << bits | word >> (32 - bits);
}

static void sha1_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t w[80];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[4 * i] << 24 | (uint32_t)block[4 * i + 1] << 16 | (uint32_t)block[4 * i + 2] << 8 | block[4 * i + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20 ? ((b & c) | (~b & d)) : i < 40 ? (b ^ c ^ d) : i < 60 ? ((b & c) | (b & d) | (c & d)) : (b ^ c ^ d);
        uint32_t k = i < 20 ? 0x5a827999 : i < 40 ? 0x6ed9eba1 : i < 60 ? 0x8f1bbcdc : 0xca62c1d6;
        uint32_t next = rotate(a, 5) + f + e + k + w[i];
        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* RFC 6455, section 4.2.2: the key of 24 characters and the GUID make 60 bytes, two blocks with the padding. */
static void accept_key(const char *key, char out[29])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned char blocks[128] = {0}, digest[21] = {0};
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    memcpy(blocks, key, 24);
    memcpy(blocks + 24, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11", 36);
    blocks[60] = 0x80;
    blocks[126] = (60 * 8) >> 8;
    blocks[127] = (60 * 8) & 255;
    sha1_block(state, blocks);
    sha1_block(state, blocks + 64);
    for (int i = 0; i < 20; i++)
        digest[i] = (unsigned char)(state[i / 4] >> (24 - 8 * (i % 4)));
    for (int i = 0, o = 0; i < 21; i += 3) {
        uint32_t group = (uint32_t)digest[i] << 16 | (uint32_t)digest[i + 1] << 8 | digest[i + 2];
        for (int shift = 18; shift >= 0; shift -= 6)
            out[o++] = alphabet[group >> shift & 63];
    }
    out[27] = '=';
    out[28] = '\0';
}

static void drop(int fd)
{
    if (place_of[fd] >= 0 && place_of[fd] < subscriber_count && subscribers[place_of[fd]] == fd) {
        int last = subscribers[--subscriber_count];
        subscribers[place_of[fd]] = last;
        place_of[last] = place_of[fd];
    }
    place_of[fd] = -1;
    if (requests[fd]) {
        free(requests[fd]->data);
        free(requests[fd]);
        requests[fd] = NULL;
    }
    close(fd);
}

static void broadcast(const char *body, size_t len)
{
    static char frame[REQUEST_BYTES_MAX + 10];
    size_t head = len < 126 ? 2 : len < 65536 ? 4 : 10;
    frame[0] = (char)0x81;
    frame[1] = (char)(len < 126 ? len : len < 65536 ? 126 : 127);
    for (size_t i = 2; i < head; i++)
        frame[i] = (char)(len >> (8 * (head - 1 - i)));
    memcpy(frame + head, body, len);
    for (int i = subscriber_count - 1; i >= 0; i--) {
        int fd = subscribers[i];
        /* A reader that is behind loses its place: nobody else waits for it and nothing is kept for it. */
        if (send(fd, frame, head + len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(head + len))
            drop(fd);
    }
}

static const char *header(const char *head, const char *end, const char *name)
{
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line && line < end; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0) {
            line += 2 + len;
            while (*line == ' ' || *line == ':')
                line++;
            return line;
        }
    return NULL;
}

static void subscribe(int fd, const char *key)
{
    char accepted[29], answer[256];
    accept_key(key, accepted);
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Accept: %s\r\n\r\n", accepted);
    free(requests[fd]->data);
    free(requests[fd]);
    requests[fd] = NULL;
    place_of[fd] = subscriber_count;
    subscribers[subscriber_count++] = fd;
    if (send(fd, answer, (size_t)len, MSG_NOSIGNAL) != len)
        drop(fd);
}

static void take_request(int fd, struct request *request)
{
    static const char done[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    request->data[request->len] = '\0';
    char *end = memmem(request->data, request->len, "\r\n\r\n", 4);
    if (!end)
        return;
    const char *key = header(request->data, end, "sec-websocket-key");
    if (key) {
        subscribe(fd, key);
        return;
    }
    const char *length = header(request->data, end, "content-length");
    size_t body_len = length ? strtoul(length, NULL, 10) : 0;
    size_t head_len = (size_t)(end + 4 - request->data);
    if (body_len > REQUEST_BYTES_MAX - head_len) {
        drop(fd);
        return;
    }
    if (request->len < head_len + body_len)
        return;
    broadcast(end + 4, body_len);
    request->len = 0;
    if (send(fd, done, sizeof done - 1, MSG_NOSIGNAL) < 0)
        drop(fd);
}

static void readable(int fd)
{
    static char ignored[65536];
    struct request *request = requests[fd];
    ssize_t got = request ? recv(fd, request->data + request->len, REQUEST_BYTES_MAX - request->len, 0)
                          : recv(fd, ignored, sizeof ignored, 0);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        drop(fd);
    else if (got > 0 && request) {
        request->len += (size_t)got;
        take_request(fd, request);
    }
}

static void accept_all(int listener)
{
    int fd, on = 1;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        if (fd >= FILES_MAX) {
            close(fd);
            continue;
        }
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        requests[fd] = calloc(1, sizeof **requests);
        requests[fd]->data = malloc(REQUEST_BYTES_MAX + 1);
        place_of[fd] = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
}

static int listen_on(int port)
{
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0) {
        perror("broadcaster");
        exit(1);
    }
    return listener;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: broadcaster PORT\n");
        return 2;
    }
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    int listener = listen_on(atoi(argv[1]));
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS_MAX];
    epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int ready = epoll_wait(epoll_fd, events, EVENTS_MAX, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                readable(events[i].data.fd);
        }
    }
}
