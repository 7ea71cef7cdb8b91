// Package bench measures the stages of the pipeline one by one over a capture that it holds in memory.
package bench
