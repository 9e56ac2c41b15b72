/* Waits in vfork(2) for a child that waits for a line of input: nothing stops the parent
   meanwhile. */
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void) {
	char c;
	pid_t child = vfork();
	if (child == 0) {
		if (write(1, "ready\n", 6) != 6)
			_exit(1);
		while (read(0, &c, 1) == 1 && c != '\n')
			;
		_exit(0);
	}
	int status;
	waitpid(child, &status, 0);
	printf("right %d\n", status);
	return 0;
}
