package main

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Bounds of asking for names: addresses asked for at a time, for how long each, and all together.
const (
	resolvers   = 16
	resolveOne  = 2 * time.Second
	resolveAll  = 20 * time.Second
	maxResolved = 10_000 // names that are remembered
)

// resolver asks for the names of addresses by reverse DNS. One goroutine uses it.
type resolver struct {
	look  func(ctx context.Context, address string) ([]string, error)
	known map[netip.Addr]string // "": it has none
}

func newResolver() *resolver {
	return &resolver{look: net.DefaultResolver.LookupAddr, known: map[netip.Addr]string{}}
}

// names returns the names of the addresses that have one. What is not answered in time has none.
func (r *resolver) names(addresses []netip.Addr) map[netip.Addr]string {
	ctx, cancel := context.WithTimeout(context.Background(), resolveAll)
	defer cancel()
	if len(r.known)+len(addresses) > maxResolved {
		clear(r.known)
	}
	var mu sync.Mutex
	var asking sync.WaitGroup
	free := make(chan struct{}, resolvers)
	for _, a := range addresses {
		mu.Lock()
		_, known := r.known[a]
		mu.Unlock()
		if known {
			continue
		}
		free <- struct{}{}
		asking.Go(func() {
			defer func() { <-free }()
			name := r.ask(ctx, a)
			mu.Lock()
			defer mu.Unlock()
			r.known[a] = name
		})
	}
	asking.Wait()
	found := map[netip.Addr]string{}
	for _, a := range addresses {
		if name := r.known[a]; name != "" {
			found[a] = name
		}
	}
	return found
}

// ask asks for one name, "" for none.
func (r *resolver) ask(ctx context.Context, a netip.Addr) string {
	ctx, cancel := context.WithTimeout(ctx, resolveOne)
	defer cancel()
	names, err := r.look(ctx, a.String())
	if err != nil || len(names) == 0 {
		return ""
	}
	return strings.TrimSuffix(names[0], ".")
}
