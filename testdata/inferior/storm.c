/*
 * Receives real-time signals, which queue, while it computes, and says how many there
 * were and whether they came in order and with what was sent along.
 *
 * storm self N: a child sends them, numbered. storm outside N: somebody else does.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static volatile sig_atomic_t seen, disorder;
static pid_t sender;

static void on_signal(int number, siginfo_t *info, void *context) {
	(void)number, (void)context;
	if (sender && (info->si_value.sival_int != seen || info->si_pid != sender))
		disorder++;
	seen++;
}

__attribute__((noinline)) long work(long n) {
	static long table[8] = {3, 1, 4, 1, 5, 9, 2, 6};
	long sum = 0;
	for (long i = 0; i < 5; i++) {
		sum = sum * 31 + table[(n + i) & 7];
		table[i] ^= sum & 0xff;
	}
	return sum;
}

static void send_all(pid_t to, int n) {
	for (int i = 0; i < n; i++) {
		union sigval value = {.sival_int = i};
		while (sigqueue(to, 40, value) != 0 && errno == EAGAIN)
			usleep(100);
	}
	_exit(0);
}

int main(int argc, char **argv) {
	(void)argc;
	int n = atoi(argv[2]);
	struct sigaction action;
	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_signal;
	action.sa_flags = SA_SIGINFO;
	sigaction(40, &action, NULL);
	if (strcmp(argv[1], "self") == 0) {
		sigset_t set, old;
		sigemptyset(&set);
		sigaddset(&set, 40);
		sigprocmask(SIG_BLOCK, &set, &old);
		pid_t self = getpid();
		sender = fork();
		if (sender == 0)
			send_all(self, n);
		sigprocmask(SIG_SETMASK, &old, NULL);
	}
	printf("ready\n");
	fflush(stdout);
	long sum = 0;
	for (long i = 0; seen < n; i++)
		sum += work(i);
	for (int i = 0; i < 20; i++)
		usleep(1000);
	printf("signals %d disorder %d\n", (int)seen, (int)disorder);
	return sum == 1;
}
