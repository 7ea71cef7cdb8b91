// Package netnstest runs tests in network namespaces of their own. A namespace has no name and lives as long as the
// process it was made for, so that nothing is left behind, however a test ends.
package netnstest
