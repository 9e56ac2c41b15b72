// Package worker prices orders in a pool of goroutines.
package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"example.com/orders-api/store"
)

// ErrBusy means that too many orders are waiting.
var ErrBusy = errors.New("too many orders are waiting")

// Job is an order on its way through the pool.
type Job struct {
	Order *store.Order
	Done  chan<- Result
}

// Result is what became of a job.
type Result struct {
	Total store.Cents
	Err   error
}

// Pool is a number of workers and the queue before them.
type Pool struct {
	store   *store.Store
	size    int
	jobs    chan Job
	done    sync.WaitGroup
	handled atomic.Int64
}

// NewPool returns a pool of that many workers; they do not work yet.
func NewPool(s *store.Store, size int) *Pool {
	return &Pool{store: s, size: size, jobs: make(chan Job, 2*size)}
}

// Start lets the workers work until the context is done.
func (p *Pool) Start(ctx context.Context) {
	for id := 1; id <= p.size; id++ {
		p.done.Add(1)
		labels := pprof.Labels("worker", fmt.Sprint(id), "pool", "pricing")
		go pprof.Do(ctx, labels, func(ctx context.Context) {
			defer p.done.Done()
			p.work(ctx, id)
		})
	}
}

// Wait waits until all workers have ended.
func (p *Pool) Wait() {
	p.done.Wait()
}

// Submit hands an order to the workers and waits for what becomes of it.
func (p *Pool) Submit(ctx context.Context, order *store.Order) (store.Cents, error) {
	done := make(chan Result, 1)
	select {
	case p.jobs <- Job{order, done}:
	case <-time.After(time.Second):
		return 0, ErrBusy
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	select {
	case result := <-done:
		return result.Total, result.Err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (p *Pool) work(ctx context.Context, id int) {
	for {
		select {
		case job := <-p.jobs:
			total, err := p.handle(job.Order)
			p.handled.Add(1)
			job.Done <- Result{total, err}
		case <-ctx.Done():
			return
		}
	}
}

// handle prices an order and settles it.
func (p *Pool) handle(order *store.Order) (total store.Cents, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("order %d: %v", order.ID, r)
		}
	}()
	order.Price = choosePricing(order)
	total = order.Price.Apply(order)
	if total <= 0 {
		panic("an order must cost something")
	}
	order.Status = store.Priced
	if !p.store.Settle(order, total) {
		return 0, fmt.Errorf("order %d: %s", order.ID, order.Notes["reason"])
	}
	return total, nil
}
