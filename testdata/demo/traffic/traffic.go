// Package traffic is the customers of the service: it keeps it busy from within.
package traffic

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"time"

	"example.com/orders-api/orders"
	"example.com/orders-api/store"
)

// customers come in turn, so that every run is the same.
var customers = []orders.Request{
	{Customer: "ada", Items: map[string]int{"tea-01": 2, "cup-01": 1}},
	{Customer: "grace", Items: map[string]int{"cof-01": 6}, Note: "whole beans"},
	{Customer: "linus", Items: map[string]int{"pot-01": 1, "tea-02": 3}},
	{Customer: "barbara", Items: map[string]int{"cof-02": 2, "cup-01": 12}},
	{Customer: "ken", Items: map[string]int{"nosuch": 1}},
	{Customer: "rob", Items: map[string]int{"pot-01": 9}},
}

// Customers place orders, one after another.
func Customers(ctx context.Context, base string, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for turn := 0; ; turn++ {
		select {
		case <-ticker.C:
			request := customers[turn%len(customers)]
			if err := place(ctx, base, request); err != nil && ctx.Err() != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func place(ctx context.Context, base string, request orders.Request) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	return send(ctx, http.MethodPost, base+"/orders", bytes.NewReader(body))
}

// Auditor asks for a report now and then, and looks at the store meanwhile.
func Auditor(ctx context.Context, base string, s *store.Store) {
	var reports []store.Report
	for ctx.Err() == nil {
		reports = append(reports, s.Report())
		if len(reports) > 10 {
			reports = reports[1:]
		}
		send(ctx, http.MethodGet, base+"/report", nil)
		select {
		case <-time.After(3 * time.Second):
		case <-ctx.Done():
		}
	}
}

func send(ctx context.Context, method, url string, body io.Reader) error {
	request, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, response.Body)
	return err
}
