//go:build !amd64 && !arm64

package flowtable

func fetch(*uint64)   {}
func fetch32(*uint32) {}
func fetchFlow(*flow) {}
