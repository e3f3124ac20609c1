/*
 * The mock upstream: answers with bytes that were prepared beforehand, as cheaply as one thread can.
 *
 * It knows nothing of what it serves. `replies.py` writes one file per reply into a folder; a file is a
 * sequence of groups, each a four-byte little-endian length and that many bytes of a complete HTTP/1.1 reply.
 * The first group is written at once, every further one 20 ms after the one before (50 a second).
 * Which file answers is decided by the end of the path and by marks in the request's body.
 * Sixteen zeros in a row, as they stand in ids, become the reply's own number: no two replies have the same ids.
 *
 *   mock FOLDER        listens on a free port of 127.0.0.1 and prints its number
 *   GET /counters      replies finished and groups written so far
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* A little off a whole millisecond, or the ticks by which the kernel samples `/proc/stat` would meet it in step. */
enum { SLOTS = 20, SLOT_NANOS = 997000, READ_BYTES = 64 * 1024, BODY_LIMIT = 64 * 1024 * 1024 };

typedef struct { const char *bytes; size_t size; size_t *stamps; size_t stamp_count; } Group;
typedef struct { Group *groups; size_t count; } Reply;

typedef struct Connection {
    int fd;
    int writable_wanted, close_after;
    char *input;
    size_t input_size, input_room;
    const char *output;               /* what the socket did not take yet */
    size_t output_size;
    char *stamped;                    /* a copy of the group under way, when it is stamped */
    const Reply *reply;               /* the reply under way, or NULL */
    uint64_t number;                  /* of that reply */
    size_t next_group;
    struct Connection *previous, *next; /* neighbours in the slot; self when in none */
} Connection;

static const char *const DIALECTS[] = {"chat", "responses", "messages"};
static const char *const PATHS[] = {"/chat/completions", "/responses", "/messages"};
static const char *const KINDS[] = {"json", "kilobyte", "burst", "paced", "brief"};
enum { JSON, KILOBYTE, BURST, PACED, BRIEF, KIND_COUNT };

static Reply replies[3][KIND_COUNT], models, missing;
static Connection slots[SLOTS];
static unsigned slot_now, slot_next, paced_count;
static int poll_fd, timer_fd;
static uint64_t replies_begun, replies_done, groups_done;
static const char STAMP[] = "0000000000000000";

static void die(const char *what) { perror(what); exit(1); }

static Group prepare(const char *bytes, size_t size) {
    Group group = {bytes, size, NULL, 0};
    for (const char *at = bytes; (at = memmem(at, size - (size_t)(at - bytes), STAMP, 16)); at += 16) {
        group.stamps = realloc(group.stamps, (group.stamp_count + 1) * sizeof(size_t));
        if (!group.stamps) die("realloc");
        group.stamps[group.stamp_count++] = (size_t)(at - bytes);
    }
    return group;
}

static Reply load(const char *folder, const char *name) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file) die(path);
    Reply reply = {NULL, 0};
    uint32_t size;
    while (fread(&size, 4, 1, file) == 1) {
        char *bytes = malloc(size);
        if (!bytes || fread(bytes, 1, size, file) != size) die(path);
        reply.groups = realloc(reply.groups, (reply.count + 1) * sizeof(Group));
        reply.groups[reply.count++] = prepare(bytes, size);
    }
    fclose(file);
    return reply;
}

static void leave_slot(Connection *c) {
    if (c->next == c) return;
    c->previous->next = c->next;
    c->next->previous = c->previous;
    c->next = c->previous = c;
    if (--paced_count == 0) timerfd_settime(timer_fd, 0, &(struct itimerspec){0}, NULL);
}

/* Streams are dealt to the slots in turn, so that a hundred of them do not tick in step. */
static void enter_slot(Connection *c) {
    Connection *slot = &slots[slot_next++ % SLOTS];
    c->previous = slot->previous;
    c->next = slot;
    slot->previous->next = c;
    slot->previous = c;
    if (paced_count++ == 0)
        timerfd_settime(timer_fd, 0, &(struct itimerspec){{0, SLOT_NANOS}, {0, SLOT_NANOS}}, NULL);
}

/* The struct itself stays: a later event of the same batch may still point at it. */
static void drop(Connection *c) {
    leave_slot(c);
    close(c->fd);
    free(c->input);
    free(c->stamped);
    c->input = c->stamped = NULL;
    c->fd = -1;
}

static void want(Connection *c, int writable) {
    if (c->writable_wanted == writable) return;
    c->writable_wanted = writable;
    struct epoll_event event = {EPOLLIN | (writable ? EPOLLOUT : 0), {.ptr = c}};
    epoll_ctl(poll_fd, EPOLL_CTL_MOD, c->fd, &event);
}

/* Returns 0 when the connection is gone. */
static int flush_output(Connection *c) {
    while (c->output_size) {
        ssize_t n = send(c->fd, c->output, c->output_size, MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) { want(c, 1); return 1; }
            drop(c);
            return 0;
        }
        c->output += n;
        c->output_size -= (size_t)n;
    }
    want(c, 0);
    return 1;
}

static const char *stamp(Connection *c, Group group) {
    char number[17];
    snprintf(number, sizeof number, "%016lx", (unsigned long)c->number);
    c->stamped = realloc(c->stamped, group.size);
    if (!c->stamped) die("realloc");
    memcpy(c->stamped, group.bytes, group.size);
    for (size_t i = 0; i < group.stamp_count; i++) memcpy(c->stamped + group.stamps[i], number, 16);
    return c->stamped;
}

static int send_group(Connection *c) {
    Group group = c->reply->groups[c->next_group++];
    groups_done++;
    c->output = group.stamp_count ? stamp(c, group) : group.bytes;
    c->output_size = group.size;
    return flush_output(c);
}

static int streamed(const char *body, size_t size) {
    const char *at = memmem(body, size, "\"stream\":", 9);
    if (!at) return 0;
    const char *end = body + size;
    for (at += 9; at < end && *at == ' '; at++) {}
    return at < end && *at == 't';
}

static int marked(const char *body, size_t size, const char *mark) {
    return memmem(body, size, mark, strlen(mark)) != NULL;
}

static const Reply *choose(const char *path, size_t path_size, const char *body, size_t size) {
    for (int d = 0; d < 3; d++) {
        size_t length = strlen(PATHS[d]);
        if (path_size < length || memcmp(path + path_size - length, PATHS[d], length)) continue;
        if (!streamed(body, size)) return &replies[d][marked(body, size, "-kilobyte") ? KILOBYTE : JSON];
        if (marked(body, size, "-paced")) return &replies[d][PACED];
        return &replies[d][marked(body, size, "-brief") ? BRIEF : BURST];
    }
    return path_size >= 7 && !memcmp(path + path_size - 7, "/models", 7) ? &models : &missing;
}

static int send_counters(Connection *c) {
    char text[256], body[128];
    int size = snprintf(body, sizeof body, "%lu %lu\n", (unsigned long)replies_done, (unsigned long)groups_done);
    int total = snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s", size, body);
    if (send(c->fd, text, (size_t)total, MSG_NOSIGNAL) == total) return 1;
    drop(c);
    return 0;
}

/* Only two headers matter: how long the body is, and whether the peer wants to close. */
static size_t read_head(Connection *c, const char *head, const char *end) {
    size_t length = 0;
    for (const char *line = memchr(head, '\n', (size_t)(end - head)); line && ++line < end;
         line = memchr(line, '\n', (size_t)(end - line))) {
        if ((*line | 32) != 'c') continue;
        if (!strncasecmp(line, "content-length:", 15)) length = strtoul(line + 15, NULL, 10);
        else if (!strncasecmp(line, "connection: close", 17)) c->close_after = 1;
    }
    return length;
}

/* Answers every whole request in the input, one after another. Returns 0 when the connection is gone. */
static int answer(Connection *c) {
    for (;;) {
        if (c->reply) {
            if (c->output_size || c->next_group < c->reply->count) return 1;
            c->reply = NULL;
            replies_done++;
            if (c->close_after) { drop(c); return 0; }
        }
        const char *end = c->input_size ? memmem(c->input, c->input_size, "\r\n\r\n", 4) : NULL;
        if (!end) return 1;
        const char *body = end + 4;
        size_t size = read_head(c, c->input, end + 2), whole = (size_t)(body - c->input) + size;
        if (size > BODY_LIMIT) { drop(c); return 0; }
        if (c->input_size < whole) return 1;
        const char *path = memchr(c->input, ' ', (size_t)(end - c->input));
        size_t path_size = path ? strcspn(++path, " ?\r") : 0;
        int counters = path_size == 9 && !memcmp(path, "/counters", 9);
        const Reply *reply = counters ? NULL : choose(path, path_size, body, size);
        memmove(c->input, c->input + whole, c->input_size - whole);
        c->input_size -= whole;
        if (counters) {
            if (!send_counters(c)) return 0;
            continue;
        }
        c->reply = reply;
        c->number = ++replies_begun;
        c->next_group = 0;
        if (!send_group(c)) return 0;
        if (reply->count > 1) enter_slot(c);
    }
}

static void take(Connection *c) {
    for (;;) {
        if (c->input_room - c->input_size < READ_BYTES) {
            c->input_room = c->input_room ? c->input_room * 2 : 2 * READ_BYTES;
            c->input = realloc(c->input, c->input_room + 1);
            if (!c->input) die("realloc");
            c->input[c->input_room] = 0;
        }
        size_t room = c->input_room - c->input_size;
        ssize_t n = recv(c->fd, c->input + c->input_size, room, 0);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0 && errno == EAGAIN) break;
        if (n <= 0) { drop(c); return; }
        c->input_size += (size_t)n;
        if ((size_t)n < room) break;
    }
    answer(c);
}

static void tick(void) {
    uint64_t ticks;
    if (read(timer_fd, &ticks, 8) != 8) return;
    for (; ticks; ticks--) {
        Connection *slot = &slots[slot_now++ % SLOTS];
        for (Connection *c = slot->next, *following; c != slot; c = following) {
            following = c->next;
            if (c->output_size) continue; /* the reader is slower than the stream */
            int last = c->next_group + 1 == c->reply->count;
            if (last) leave_slot(c);
            if (send_group(c) && last) answer(c);
        }
    }
}

static void welcome(int listener) {
    for (;;) {
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) return;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        Connection *c = calloc(1, sizeof *c);
        if (!c) die("calloc");
        c->fd = fd;
        c->next = c->previous = c;
        epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &(struct epoll_event){EPOLLIN, {.ptr = c}});
    }
}

static int listen_anywhere(void) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, 1024)) die("listen");
    getsockname(fd, (struct sockaddr *)&address, &size);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static void load_all(const char *folder) {
    char name[64];
    for (int d = 0; d < 3; d++)
        for (int k = 0; k < KIND_COUNT; k++) {
            snprintf(name, sizeof name, "%s.%s", DIALECTS[d], KINDS[k]);
            replies[d][k] = load(folder, name);
        }
    models = load(folder, "models.json");
    missing = load(folder, "missing.json");
}

int main(int count, char **words) {
    if (count != 2) { fprintf(stderr, "usage: mock FOLDER\n"); return 2; }
    load_all(words[1]);
    for (int i = 0; i < SLOTS; i++) slots[i].next = slots[i].previous = &slots[i];
    poll_fd = epoll_create1(EPOLL_CLOEXEC);
    timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    int listener = listen_anywhere();
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){EPOLLIN, {.ptr = &listener}});
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer_fd, &(struct epoll_event){EPOLLIN, {.ptr = &timer_fd}});
    struct epoll_event events[256];
    for (;;) {
        int ready = epoll_wait(poll_fd, events, 256, -1);
        for (int i = 0; i < ready; i++) {
            if (events[i].data.ptr == &listener) { welcome(listener); continue; }
            if (events[i].data.ptr == &timer_fd) { tick(); continue; }
            Connection *c = events[i].data.ptr;
            if (c->fd < 0) continue;
            if ((events[i].events & EPOLLOUT) && (!flush_output(c) || !answer(c))) continue;
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) take(c);
        }
    }
}
