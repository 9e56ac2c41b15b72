// Victim is what the tests of the process layer do things to. Its first argument says
// what it shall be doing meanwhile; it says on standard output when it has begun, and
// what it has computed, so that a byte or a register that was damaged shows.
package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"
)

var table = [8]uint64{3, 1, 4, 1, 5, 9, 2, 6}

// tick is where the tests place sites, on every one of its instructions.
//
//go:noinline
func tick(i, sum uint64) uint64 {
	sum = sum*31 + table[i&7]
	if i%3 == 0 {
		sum ^= i << 5
	}
	buf := [4]uint64{i, sum, i ^ sum, 7}
	sum += leaf(buf)
	if sum&1 == 1 {
		return sum / 3
	}
	return sum + uint64(float64(i&15)*1.5)
}

//go:noinline
func leaf(b [4]uint64) uint64 { return b[0] ^ b[1]<<1 ^ b[2]>>3 ^ b[3] }

func run(n uint64) uint64 {
	var sum uint64
	for i := uint64(0); i < n; i++ {
		sum = tick(i, sum)
	}
	return sum
}

func arg(i int) uint64 {
	n, err := strconv.ParseUint(os.Args[i], 10, 64)
	if err != nil {
		panic(err)
	}
	return n
}

func workers(n int, each uint64) {
	var wg sync.WaitGroup
	sums := make([]uint64, n)
	for w := 0; w < n; w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			runtime.LockOSThread()
			sums[w] = run(each)
		}()
	}
	wg.Wait()
	for _, sum := range sums {
		fmt.Println("sum", sum)
	}
}

// churn starts threads that die at once.
func churn(parallel int) {
	for p := 0; p < parallel; p++ {
		go func() {
			for {
				var wg sync.WaitGroup
				wg.Add(1)
				go func() {
					runtime.LockOSThread() // and never unlock: the thread ends
					tick(1, 2)
					wg.Done()
				}()
				wg.Wait()
			}
		}()
	}
}

// blocked leaves n threads in system calls.
func blocked(n int) {
	for i := 0; i < n; i++ {
		var fds [2]int
		if err := syscall.Pipe(fds[:]); err != nil {
			panic(err)
		}
		go func() {
			runtime.LockOSThread()
			var b [1]byte
			syscall.Read(fds[0], b[:])
		}()
	}
}

func children(n int) {
	failed := 0
	for i := 0; i < n; i++ {
		if err := exec.Command("/bin/true").Run(); err != nil {
			fmt.Println(err)
			failed++
		}
	}
	fmt.Println("failed", failed)
}

// execElsewhere replaces the program from a thread that is not the leader.
func execElsewhere(args []string) {
	done := make(chan bool)
	go func() {
		runtime.LockOSThread()
		if syscall.Gettid() == syscall.Getpid() {
			go execElsewhere(args)
			<-done
		}
		err := syscall.Exec("/proc/self/exe", append([]string{os.Args[0]}, args...), os.Environ())
		panic(err)
	}()
	<-done
}

func main() {
	switch os.Args[1] {
	case "count":
		fmt.Println("sum", run(arg(2)))
	case "exit":
		run(arg(2))
		os.Exit(7)
	case "workers":
		fmt.Println("ready")
		workers(int(arg(2)), arg(3))
	case "spin":
		fmt.Println("ready")
		for {
			run(1000)
		}
	case "until":
		// Computes until a line arrives, then says whether every round was right.
		fmt.Println("ready")
		stop := make(chan bool)
		go func() {
			bufio.NewReader(os.Stdin).ReadString('\n')
			close(stop)
		}()
		var wg sync.WaitGroup
		right, bad := run(1000), 0
		var mu sync.Mutex
		for w := 0; w < int(arg(2)); w++ {
			wg.Add(1)
			go func() {
				defer wg.Done()
				for {
					select {
					case <-stop:
						return
					default:
						if run(1000) != right {
							mu.Lock()
							bad++
							mu.Unlock()
						}
					}
				}
			}()
		}
		wg.Wait()
		fmt.Println("bad", bad)
	case "churn":
		churn(int(arg(2)))
		fmt.Println("ready")
		select {}
	case "blocked":
		blocked(int(arg(2)))
		time.Sleep(100 * time.Millisecond)
		fmt.Println("ready")
		select {}
	case "children":
		children(int(arg(2)))
	case "exec":
		execElsewhere(os.Args[2:])
	case "trap":
		runtime.Breakpoint()
		fmt.Println("after")
	case "write":
		write(arg(2))
	case "fault":
		defer func() { fmt.Println("recovered", recover()) }()
		var p *[8]uint64
		fmt.Println(fault(p, arg(2)))
	}
}

var watched uint64

// write has a thread of its own make each change.
func write(n uint64) {
	for i := uint64(1); i <= n; i++ {
		done := make(chan bool)
		go func() {
			runtime.LockOSThread()
			watched = i
			done <- true
		}()
		<-done
	}
	fmt.Println("watched", watched)
}

//go:noinline
func fault(p *[8]uint64, i uint64) uint64 { return p[i] * 3 }
