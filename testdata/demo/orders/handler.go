// Package orders is the HTTP side of the service.
package orders

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/pprof"
	"strconv"
	"strings"
	"time"

	"example.com/orders-api/store"
	"example.com/orders-api/worker"
)

// Handler answers requests.
type Handler struct {
	store *store.Store
	pool  *worker.Pool
	mux   *http.ServeMux
}

// Request is what a customer sends.
type Request struct {
	Customer string         `json:"customer"`
	Items    map[string]int `json:"items"`
	Note     string         `json:"note,omitempty"`
}

// Response is what a customer gets.
type Response struct {
	ID     int         `json:"id"`
	Total  store.Cents `json:"total"`
	Status string      `json:"status"`
}

// NewHandler returns the handler of the whole service.
func NewHandler(s *store.Store, pool *worker.Pool) *Handler {
	h := &Handler{store: s, pool: pool, mux: http.NewServeMux()}
	h.mux.HandleFunc("/orders", h.place)
	h.mux.HandleFunc("/orders/", h.show)
	h.mux.HandleFunc("/report", h.report)
	return h
}

// ServeHTTP labels the goroutine with what it is working on, then answers.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	labels := pprof.Labels("route", r.URL.Path, "method", r.Method)
	pprof.Do(r.Context(), labels, func(ctx context.Context) {
		h.mux.ServeHTTP(w, r.WithContext(ctx))
	})
}

// place takes a new order.
func (h *Handler) place(w http.ResponseWriter, r *http.Request) {
	var request Request
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	order, err := h.build(request)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	id := h.store.Place(order)
	total, err := h.pool.Submit(r.Context(), order)
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	reply(w, Response{ID: id, Total: total, Status: order.Status.String()})
}

// build makes an order of a request.
func (h *Handler) build(request Request) (*store.Order, error) {
	order := &store.Order{
		Customer: request.Customer,
		Placed:   time.Now(),
		Notes:    map[string]string{},
	}
	for sku, quantity := range request.Items {
		product, ok := h.store.Product(sku)
		if !ok {
			return nil, fmt.Errorf("there is no product %q", sku)
		}
		order.Lines = append(order.Lines, store.Line{Product: product, Quantity: quantity})
	}
	if request.Note != "" {
		order.Notes["customer"] = request.Note
	}
	return order, nil
}

// show answers with an order.
func (h *Handler) show(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/orders/"))
	if err != nil {
		http.Error(w, "an order has a number", http.StatusBadRequest)
		return
	}
	order, ok := h.store.Order(id)
	if !ok {
		http.NotFound(w, r)
		return
	}
	reply(w, Response{ID: order.ID, Total: order.Total, Status: order.Status.String()})
}

// report answers with a summary.
func (h *Handler) report(w http.ResponseWriter, r *http.Request) {
	reply(w, h.store.Report())
}

func reply(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(value)
}
