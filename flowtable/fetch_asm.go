//go:build amd64 || arm64

package flowtable

// fetch has the processor begin to fetch the cache line at p, for which it does not wait. What was never written is not faulted in,
// as reading it would.
//
//go:noescape
func fetch(p *uint64)

// fetch32 is fetch.
//
//go:noescape
func fetch32(p *uint32)

// fetchFlow is fetch of a flow's three lines.
//
//go:noescape
func fetchFlow(f *flow)
