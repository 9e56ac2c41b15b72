// Orders-api is a small service to try a debugger on: it takes orders over HTTP, prices
// them in a pool of workers, and keeps them in memory. It sends itself requests, so that
// something is always going on. It ends by itself after an hour.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"

	"example.com/orders-api/orders"
	"example.com/orders-api/store"
	"example.com/orders-api/traffic"
	"example.com/orders-api/worker"
)

// Config is what the command line says.
type Config struct {
	Addr     string
	Workers  int
	Rate     time.Duration
	Lifetime time.Duration
}

func main() {
	var config Config
	flag.StringVar(&config.Addr, "addr", "127.0.0.1:0", "where to listen")
	flag.IntVar(&config.Workers, "workers", 4, "how many workers price orders")
	flag.DurationVar(&config.Rate, "rate", 200*time.Millisecond, "time between orders")
	flag.DurationVar(&config.Lifetime, "lifetime", time.Hour, "when to end by itself")
	flag.Parse()
	if err := run(config); err != nil {
		log.Fatal(err)
	}
}

func run(config Config) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, config.Lifetime)
	defer cancel()

	shelf := store.New(store.SampleProducts())
	pool := worker.NewPool(shelf, config.Workers)
	pool.Start(ctx)
	server := &http.Server{Handler: orders.NewHandler(shelf, pool)}

	listener, err := net.Listen("tcp", config.Addr)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	base := "http://" + listener.Addr().String()
	fmt.Println("orders-api listens at", base)

	go traffic.Customers(ctx, base, config.Rate)
	go traffic.Auditor(ctx, base, shelf)
	go func() {
		<-ctx.Done()
		server.Close()
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return err
	}
	pool.Wait()
	fmt.Println("orders-api has served", shelf.Count(), "orders")
	return nil
}
