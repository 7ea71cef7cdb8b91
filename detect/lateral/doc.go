// Package lateral finds internal hosts that talk to each other where they never did, each as client and as server, and
// clients that guess passwords of a service.
package lateral
