// The program that the tests of the reader of binaries read. Lines are found by the
// marks in their comments.
package main

import (
	"errors"
	"fmt"
	"os"
	"strings"
)

type Color int

const (
	Red Color = iota
	Green
	Blue
)

type Shape interface{ Area() float64 }

type Square struct {
	Side float64
	Name string
	tags map[string]int
}

func (s Square) Area() float64    { return s.Side * s.Side }
func (s *Square) Grow(by float64) { s.Side += by } // mark:grow

type Pair[K comparable, V any] struct {
	Key K
	Val V
}

//go:noinline
func (p *Pair[K, V]) Get() V {
	v := p.Val // mark:get
	return v
}

//go:noinline
func Map[T, U any](in []T, f func(T) U) []U {
	var out []U
	for _, x := range in {
		out = append(out, f(x)) // mark:map
	}
	return out
}

type Everything struct {
	Square
	*strings.Builder
	next  *Everything
	ch    chan int
	fn    func(int) error
	array [3]uint16
	any   interface{}
	err   error
	c     complex128
	p     uintptr
	color Color
	slice []string
}

var Global = map[string][]int{"a": {1, 2}}
var everything Everything
var sink *int
var factor = len(os.Args) + 1

// twice is inlined where optimization is on.
func twice(x int) int {
	y := x * factor // mark:twice
	return y + 1
}

//go:noinline
func work(n int, name string) (res int, err error) {
	total := 0 // mark:total
	for i := 0; i < n; i++ {
		square := Square{Side: float64(i), Name: name}
		total += int(square.Area()) // mark:loop
		if total > 100 {
			total := twice(total) // mark:call
			fmt.Fprintln(os.Stderr, total)
		}
	}
	if n < 0 {
		return 0, errors.New("negative")
	}
	escaped := total
	add := func(by int) { escaped += by } // mark:closure
	add(n)
	sink = &escaped
	fmt.Fprintln(os.Stderr, *sink) // mark:escaped
	return total, nil
}

func main() {
	r, err := work(10, "hello")
	fmt.Println(r, err, Green) // mark:main
	xs := Map([]int{1, 2}, func(i int) string { return fmt.Sprint(i) })
	ys := Map(xs, func(s string) float64 { return float64(len(s)) })
	pair := &Pair[string, int]{"k", 2}
	everything.Square.Grow(2)
	var shape Shape = everything.Square
	fmt.Println(xs, ys, pair.Get(), shape.Area(), everything, Global)
}
