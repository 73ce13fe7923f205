/* The kernel's own price of fan-out: what any server on sockets must pay at least.
 *
 *   send_loop serve LISTENERS INTERVAL_MS BYTES SECONDS
 *       accepts LISTENERS connections, then sends BYTES to each every INTERVAL_MS, one send() each,
 *       nothing else; prints {"port"} first, {"cpu_s", "wall_s", "sends"} at the end.
 *   send_loop drain PORT LISTENERS JOINS_A_SECOND SECONDS PATH
 *       opens LISTENERS connections at that pace, asks for PATH on each, and throws away what comes;
 *       prints {"joined", "silent", "first_byte_ms": [p50, p99, max]} when all have got a byte, or
 *       15 s after the last has asked (silent: those who have got none), {"bytes", "lost"} at the end.
 *       Each 2,000 come from an address of their own (127.0.1.1 ...) and are closed by a reset: else
 *       TIME_WAIT makes our own connect() crawl.
 *
 * cc -O2 -o send_loop bench/send_loop.c
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static double cpu(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void die(const char *what) {
    perror(what);
    exit(1);
}

static void sleep_until(double when) {
    double left = when - now();
    if (left > 0) usleep((useconds_t)(left * 1e6));
}

static int serve(int count, double interval_s, int bytes, double seconds) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof at;
    int one = 1, listening = socket(AF_INET, SOCK_STREAM, 0), *fds = calloc(count, sizeof *fds);
    char *data = calloc(1, bytes), request[2048];
    if (bind(listening, (void *)&at, sizeof at) || listen(listening, 4096)) die("listen");
    getsockname(listening, (void *)&at, &length);
    printf("{\"port\": %d}\n", ntohs(at.sin_port));
    fflush(stdout);
    for (int i = 0; i < count; i++) {
        if ((fds[i] = accept4(listening, NULL, NULL, 0)) < 0) die("accept");
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (recv(fds[i], request, sizeof request, 0) <= 0) die("recv");
        if (send(fds[i], data, bytes, MSG_NOSIGNAL) < 0) die("send");
    }
    double began = now(), spent = cpu();
    long sends = 0;
    for (int turn = 1; turn * interval_s <= seconds; turn++) {
        sleep_until(began + turn * interval_s);
        for (int i = 0; i < count; i++)
            if (send(fds[i], data, bytes, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) sends++;
    }
    printf("{\"cpu_s\": %.4f, \"wall_s\": %.3f, \"sends\": %ld}\n", cpu() - spent, now() - began, sends);
    return 0;
}

/* A socket of listener `i`, from its address. */
static int from_own_address(int i) {
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000101 + i / 2000)};
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    if (bind(fd, (void *)&from, sizeof from)) die("bind");
    return fd;
}

static int by_size(const void *a, const void *b) {
    double d = *(const double *)a - *(const double *)b;
    return (d > 0) - (d < 0);
}

static int drain(int port, int count, double pace, double seconds, const char *path) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event events[512], add = {.events = EPOLLIN | EPOLLOUT | EPOLLET};
    double *asked = calloc(count, sizeof *asked), *waited = calloc(count, sizeof *waited);
    char *written = calloc(1, count), request[512], sink[65536];
    int *fds = calloc(count, sizeof *fds), epoll = epoll_create1(0), opened = 0, joined = 0, lost = 0, told = 0, silent = 0;
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path);
    long long bytes = 0;
    double began = now(), end = 0;
    while (!end || now() < end) {
        while (opened < count && opened < (now() - began) * pace) {
            int fd = from_own_address(opened);
            asked[opened] = now();
            if (connect(fd, (void *)&to, sizeof to) && errno != EINPROGRESS) die("connect");
            add.data.u32 = opened;
            epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &add);
            fds[opened++] = fd;
        }
        int ready = epoll_wait(epoll, events, 512, opened < count ? 1 : 50);
        for (int e = 0; e < ready; e++) {
            int i = events[e].data.u32;
            if (!written[i] && (events[e].events & EPOLLOUT)) {
                written[i] = 1;
                if (send(fds[i], request, length, MSG_NOSIGNAL) != length) lost++;
            }
            ssize_t got;
            while ((got = recv(fds[i], sink, sizeof sink, 0)) > 0) {
                bytes += got;
                if (!waited[i]) waited[i] = now() - asked[i], joined++;
            }
            if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
                if (!waited[i]) waited[i] = 1e9, joined++;
                epoll_ctl(epoll, EPOLL_CTL_DEL, fds[i], NULL);
                lost++;
            }
        }
        int late = !told && now() - began > count / pace + 15;
        if (!told && (joined == count || late)) {
            told = 1;
            for (int i = 0; i < count; i++)
                if (!waited[i]) waited[i] = 1e9, silent++;
            end = now() + seconds;
            qsort(waited, count, sizeof *waited, by_size);
            printf("{\"joined\": %d, \"silent\": %d, \"first_byte_ms\": [%.1f, %.1f, %.1f]}\n", joined, silent,
                   waited[count / 2] * 1e3, waited[(int)(count * 0.99)] * 1e3, waited[count - 1 - silent] * 1e3);
            fflush(stdout);
            memset(waited, 1, count * sizeof *waited);
        }
    }
    printf("{\"bytes\": %lld, \"lost\": %d}\n", bytes, lost);
    return 0;
}

int main(int argc, char **argv) {
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    alarm(120); /* whatever happens, no process of a bench stays */
    if (argc == 6 && !strcmp(argv[1], "serve"))
        return serve(atoi(argv[2]), atof(argv[3]) / 1e3, atoi(argv[4]), atof(argv[5]));
    if (argc == 7 && !strcmp(argv[1], "drain"))
        return drain(atoi(argv[2]), atoi(argv[3]), atof(argv[4]), atof(argv[5]), argv[6]);
    fprintf(stderr, "see the head of bench/send_loop.c\n");
    return 2;
}
