// Every goroutine of this program is parked, in a function that the tests know by name.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/pprof"
	"time"
)

type T struct{ a, b int }

var (
	never        = make(chan int)
	pointer  any = &T{1, 2}
	value    any = T{3, 4}
	number   any = 5
	function any = func(n int) string { return fmt.Sprint(n) }
	nothing  any
	failure  error = errors.New("no")
	done     int
)

func inlined() int { return <-never }

//go:noinline
func coded() {
	defer func() { done++ }()
	defer func() { done += 2 }()
	done = inlined()
}

//go:noinline
func looping() {
	for i := 0; i < 3; i++ {
		defer fmt.Println(i)
	}
	<-never
}

//go:noinline
func selecting() {
	select {
	case <-never:
	case <-make(chan int):
	}
}

//go:noinline
func recovering(t *T) {
	defer func() {
		recover()
		<-never
	}()
	t.a = 5
}

//go:noinline
func deep(n int) int {
	if n == 0 {
		return <-never
	}
	return deep(n-1) + 1
}

func main() {
	labels := pprof.Labels("user", "ann", "job", "7")
	go pprof.Do(context.Background(), labels, func(context.Context) { coded() })
	go looping()
	go selecting()
	go recovering(nil)
	go deep(1000)
	go time.Sleep(time.Hour)
	// Until all of them are parked: the last to be started is not the last to run.
	time.Sleep(200 * time.Millisecond)
	fmt.Println("parked", pointer, value, number, function != nil, nothing, failure)
	os.Stdin.Read(make([]byte, 1))
}
