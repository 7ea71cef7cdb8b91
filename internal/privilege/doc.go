// Package privilege gives up what a process that captures needs no more once its capture is open: root, capabilities,
// the way back to them, and the files that are not its own.
package privilege
