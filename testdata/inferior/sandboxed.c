/* Works on after it has forbidden itself to map executable memory: the kernel kills it if
   it tries. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define FIELD(it) (offsetof(struct seccomp_data, it))

static struct sock_filter filter[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(nr)),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 0, 3),
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, FIELD(args[2])),
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

__attribute__((noinline)) double work(double x, int n) {
	for (int i = 0; i < n % 7 + 3; i++)
		x = x * 1.5 + i / (n + 1.0);
	return x;
}

int main(int argc, char **argv) {
	int n = atoi(argv[1]);
	struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		puts("no filter");
		return 1;
	}
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += work(i, i);
	printf("sum %.3f\n", sum);
	return 0;
}
