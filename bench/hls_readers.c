/* HLS listeners, many in one process: they ask over kept connections, throw away what comes, count.
 *
 *   hls_readers poll PORT LISTENERS INTERVAL_MS SECONDS PATH PATH
 *       each asks for one path and then the other every INTERVAL_MS, spread over the interval;
 *       prints {"ready"} when all are connected, {"answers", "failed", "late"} at the end.
 *   hls_readers follow PORT DIRECT_PORT LISTENERS SECONDS ROOM_PATH QUERY FIRST
 *       low-latency players: each asks for the playlist that has part FIRST, then for that part, and
 *       so on; one more does the same at DIRECT_PORT. Prints {"parts", "answers", "failed",
 *       "latency_ms": [p50, p95, p99, max]}: whole part here, after the other had its playlist.
 *
 * Answers must carry Content-Length. Each 2,000 come from an address of their own.
 * cc -O2 -o hls_readers bench/hls_readers.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEAD = 2048, SEGMENT_PARTS = 12, PARTS = 4096, MOST = 1 << 20 };

struct reader {
    int fd, held, step; /* held: bytes of a head that is not whole yet; step: 0 idle, 1 and 2 asked */
    long left, part;    /* of the body; the part that is asked for */
    char head[HEAD];
};

static struct reader *readers;
static int epoll, count, port, direct_port;
static long answers, failed, late, parts;
static const char *first_path, *second_path, *query;
static long first_part;
static double made[PARTS]; /* when the direct reader had the playlist with this part */
static double *latencies, ends;

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void connect_reader(int i) {
    struct reader *r = &readers[i];
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + i / 2000)};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event add = {.events = EPOLLIN, .data.u32 = i};
    struct linger reset = {.l_onoff = 1};
    int one = 1;
    to.sin_port = htons(i == count ? direct_port : port);
    memset(r, 0, sizeof *r);
    r->part = first_part;
    if ((r->fd = socket(AF_INET, SOCK_STREAM, 0)) < 0) die("socket");
    setsockopt(r->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(r->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    setsockopt(r->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(r->fd, (void *)&from, sizeof from)) die("bind");
    if (connect(r->fd, (void *)&to, sizeof to)) die("connect");
    epoll_ctl(epoll, EPOLL_CTL_ADD, r->fd, &add);
}

static void ask(struct reader *r, const char *path) {
    char request[1024];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);
    if (send(r->fd, request, length, MSG_NOSIGNAL) != length) failed++;
}

static void ask_playlist(struct reader *r) {
    char path[512];
    snprintf(path, sizeof path, "%s/index.m3u8?_HLS_msn=%ld&_HLS_part=%ld", first_path,
             r->part / SEGMENT_PARTS, r->part % SEGMENT_PARTS);
    r->step = 1;
    ask(r, path);
}

static void ask_part(struct reader *r) {
    char path[512];
    snprintf(path, sizeof path, "%s/part/%ld.m4s%s", first_path, r->part, query);
    r->step = 2;
    ask(r, path);
}

/* One whole answer came. */
static void answered(int i) {
    struct reader *r = &readers[i];
    answers++;
    if (second_path) { /* poll */
        if (r->step == 1) {
            r->step = 2;
            ask(r, second_path);
        } else
            r->step = 0;
        return;
    }
    long n = r->part - first_part;
    if (r->step == 1) {
        if (i == count && n < PARTS) made[n] = now();
        ask_part(r);
        return;
    }
    if (i < count) {
        double since = n < PARTS && made[n] ? now() - made[n] : 0;
        if (parts < MOST) latencies[parts++] = since;
    }
    r->part++;
    if (now() < ends) ask_playlist(r);
}

/* Reads what is there; a head must be whole within HEAD bytes. */
static void hear(int i) {
    static char sink[65536];
    struct reader *r = &readers[i];
    ssize_t got;
    if (r->left) {
        got = recv(r->fd, sink, r->left < (long)sizeof sink ? r->left : (long)sizeof sink, MSG_DONTWAIT);
        if (got > 0 && !(r->left -= got)) answered(i);
    } else {
        got = recv(r->fd, r->head + r->held, HEAD - 1 - r->held, MSG_DONTWAIT);
        if (got > 0) {
            char *end, *length;
            r->held += got;
            r->head[r->held] = 0;
            if ((end = strstr(r->head, "\r\n\r\n"))) {
                length = strcasestr(r->head, "content-length:");
                if (strncmp(r->head, "HTTP/1.1 200", 12) || !length || length > end) {
                    if (!failed++) fprintf(stderr, "%.200s\n", r->head);
                    got = 0;
                } else {
                    r->left = atol(length + 15) - (r->held - (end + 4 - r->head));
                    r->held = 0;
                    if (r->left < 0) die("more than one answer");
                    if (!r->left) answered(i);
                }
            } else if (r->held == HEAD - 1)
                die("a head is too long");
        }
    }
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
        failed++;
        epoll_ctl(epoll, EPOLL_CTL_DEL, r->fd, NULL);
        close(r->fd);
        r->fd = -1;
    }
}

static void turn(double until) {
    struct epoll_event events[512];
    double left = until - now();
    int ready = epoll_wait(epoll, events, 512, left > 0 ? (int)(left * 1e3) : 0);
    for (int e = 0; e < ready; e++) hear(events[e].data.u32);
}

static int poll_paths(double interval_s, double seconds) {
    for (int i = 0; i < count; i++) connect_reader(i);
    printf("{\"ready\": %d}\n", count);
    fflush(stdout);
    double began = now();
    long next = 0;
    while (now() < began + seconds) {
        double due;
        while ((due = began + next * interval_s / count) <= now()) {
            struct reader *r = &readers[next++ % count];
            if (r->fd < 0) continue;
            if (r->step) {
                late++;
                continue;
            }
            r->step = 1;
            ask(r, first_path);
        }
        turn(due);
    }
    printf("{\"answers\": %ld, \"failed\": %ld, \"late\": %ld}\n", answers, failed, late);
    return 0;
}

static int by_size(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static int follow(double seconds) {
    ends = now() + seconds;
    for (int i = count; i >= 0; i--) connect_reader(i);
    for (int i = count; i >= 0; i--) ask_playlist(&readers[i]);
    while (now() < ends) turn(ends);
    if (!parts) die("no part came");
    qsort(latencies, parts, sizeof *latencies, by_size);
    printf("{\"parts\": %ld, \"answers\": %ld, \"failed\": %ld, \"latency_ms\": [%.1f, %.1f, %.1f, %.1f]}\n", parts,
           answers, failed, latencies[parts / 2] * 1e3, latencies[(long)(parts * 0.95)] * 1e3,
           latencies[(long)(parts * 0.99)] * 1e3, latencies[parts - 1] * 1e3);
    return 0;
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    alarm(120); /* whatever happens, no process of a bench stays */
    epoll = epoll_create1(0);
    latencies = calloc(MOST, sizeof *latencies);
    if (argc == 8 && !strcmp(argv[1], "poll")) {
        port = atoi(argv[2]), count = atoi(argv[3]), first_path = argv[6], second_path = argv[7];
        readers = calloc(count + 1, sizeof *readers);
        return poll_paths(atof(argv[4]) / 1e3, atof(argv[5]));
    }
    if (argc == 9 && !strcmp(argv[1], "follow")) {
        port = atoi(argv[2]), direct_port = atoi(argv[3]), count = atoi(argv[4]);
        first_path = argv[6], query = argv[7], first_part = atol(argv[8]);
        readers = calloc(count + 1, sizeof *readers);
        return follow(atof(argv[5]));
    }
    fprintf(stderr, "see the head of bench/hls_readers.c\n");
    return 2;
}
