/* Forks children that run the same function as their parent, in memory of their own. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

__attribute__((noinline)) int work(int n) {
	int sum = 0;
	for (int i = 0; i < n % 7 + 3; i++)
		sum = sum * 3 + i;
	return sum & 0x7f;
}

int main(int argc, char **argv) {
	int n = atoi(argv[1]), bad = 0;
	for (int i = 0; i < n; i++) {
		pid_t child = fork();
		if (child == 0)
			_exit(work(i));
		int status;
		waitpid(child, &status, 0);
		if (!WIFEXITED(status) || WEXITSTATUS(status) != work(i))
			bad++;
	}
	printf("bad %d\n", bad);
	return 0;
}
