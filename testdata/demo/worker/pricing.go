package worker

import "example.com/orders-api/store"

// Plain is the sum of the lines.
type Plain struct{}

// Apply implements store.Pricing.
func (Plain) Apply(order *store.Order) store.Cents {
	total := store.Cents(0)
	for _, line := range order.Lines {
		price := line.Product.Price * store.Cents(line.Quantity)
		total += price
	}
	return total
}

// Discount takes some percent off another pricing.
type Discount struct {
	Base    store.Pricing
	Percent int
	Reason  string
}

// Apply implements store.Pricing.
func (d *Discount) Apply(order *store.Order) store.Cents {
	total := d.Base.Apply(order)
	off := total * store.Cents(d.Percent) / 100
	return total - off
}

// Max returns the larger of two values.
func Max[T int | store.Cents](a, b T) T {
	if a > b {
		return a
	}
	return b
}

// choosePricing finds the pricing that an order deserves.
func choosePricing(order *store.Order) store.Pricing {
	largest := 0
	for _, line := range order.Lines {
		largest = Max(largest, line.Quantity)
	}
	var pricing store.Pricing = Plain{}
	if largest >= 5 {
		pricing = &Discount{Base: pricing, Percent: 10, Reason: "quantity"}
	}
	if order.Customer == "ada" {
		pricing = &Discount{Base: pricing, Percent: 5, Reason: "loyalty"}
	}
	return pricing
}
