// Package research gives records what is known of them from elsewhere: the labels of flows that somebody else has
// written down, joined to the flow records and windows that weir makes of the same capture.
package research
