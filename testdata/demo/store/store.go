// Package store keeps products and orders in memory.
package store

import (
	"fmt"
	"sort"
	"sync"
	"time"
)

// Status says how far an order is.
type Status int

const (
	Received Status = iota
	Priced
	Shipped
	Rejected
)

func (s Status) String() string {
	names := [...]string{"received", "priced", "shipped", "rejected"}
	if int(s) < len(names) {
		return names[s]
	}
	return fmt.Sprintf("status %d", int(s))
}

// Cents is an amount of money.
type Cents int64

// Product is something to sell.
type Product struct {
	SKU   string
	Name  string
	Price Cents
	Stock int
	Tags  []string
}

// Line is a part of an order.
type Line struct {
	Product  *Product
	Quantity int
}

// Order is what a customer wants.
type Order struct {
	ID       int
	Customer string
	Lines    []Line
	Status   Status
	Total    Cents
	Placed   time.Time
	Notes    map[string]string
	// Price is how the total comes about; set when it is known.
	Price Pricing
}

// Pricing makes a total of an order.
type Pricing interface {
	Apply(order *Order) Cents
}

// ordersKept is how many orders are remembered.
const ordersKept = 500

// Store holds everything. Its methods may be called by any goroutine.
type Store struct {
	mu       sync.Mutex
	products map[string]*Product
	orders   map[int]*Order
	recent   []int
	nextID   int
	revenue  Cents
}

// New returns a store with these products.
func New(products []Product) *Store {
	s := &Store{
		products: make(map[string]*Product),
		orders:   make(map[int]*Order),
		nextID:   1,
	}
	for i := range products {
		s.products[products[i].SKU] = &products[i]
	}
	return s
}

// SampleProducts is what the shop sells.
func SampleProducts() []Product {
	return []Product{
		{"tea-01", "Earl Grey, 100 g", 690, 120, []string{"tea", "black"}},
		{"tea-02", "Sencha, 100 g", 890, 80, []string{"tea", "green"}},
		{"cof-01", "Espresso, 1 kg", 1990, 60, []string{"coffee", "dark"}},
		{"cof-02", "Filter coffee, 500 g", 1250, 45, []string{"coffee"}},
		{"cup-01", "Cup, 250 ml", 450, 200, []string{"ware"}},
		{"pot-01", "Teapot, 1 l", 3490, 15, []string{"ware", "tea"}},
	}
}

// Product finds a product.
func (s *Store) Product(sku string) (*Product, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.products[sku]
	return p, ok
}

// Place keeps a new order and gives it its number.
func (s *Store) Place(order *Order) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	order.ID = s.nextID
	s.nextID++
	s.orders[order.ID] = order
	s.recent = append(s.recent, order.ID)
	if len(s.recent) > ordersKept {
		delete(s.orders, s.recent[0])
		s.recent = s.recent[1:]
	}
	return order.ID
}

// Settle takes an order's goods from the shelf, if there are enough.
func (s *Store) Settle(order *Order, total Cents) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range order.Lines {
		if line.Product.Stock < line.Quantity {
			order.Status = Rejected
			order.Notes["reason"] = "out of stock: " + line.Product.SKU
			s.restock(line.Product)
			return false
		}
	}
	for _, line := range order.Lines {
		line.Product.Stock -= line.Quantity
	}
	order.Total = total
	order.Status = Shipped
	s.revenue += total
	return true
}

// restock fills a shelf up; the lock is held.
func (s *Store) restock(product *Product) {
	product.Stock += 100
}

// Order finds an order.
func (s *Store) Order(id int) (Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	order, ok := s.orders[id]
	if !ok {
		return Order{}, false
	}
	return *order, true
}

// Count is the number of orders ever placed.
func (s *Store) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nextID - 1
}

// Report is a summary.
type Report struct {
	Orders  int
	Revenue Cents
	Status  map[Status]int
	Low     []string
}

// Report sums up the orders that are remembered.
func (s *Store) Report() Report {
	s.mu.Lock()
	defer s.mu.Unlock()
	report := Report{
		Orders:  len(s.orders),
		Revenue: s.revenue,
		Status:  make(map[Status]int),
	}
	for _, order := range s.orders {
		report.Status[order.Status]++
	}
	for sku, product := range s.products {
		if product.Stock < 20 {
			report.Low = append(report.Low, sku)
		}
	}
	sort.Strings(report.Low)
	return report
}
