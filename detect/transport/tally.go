package transport

import (
	"math"
	"time"
)

// Tally is the evidence of a server: contributions of its clients' hours, of which each is the share of hits among what was
// judged of that client in that hour. They fade. The zero value is of a server of which nothing was seen.
type Tally struct {
	Hits, Of float64 // Hits is at most Of, but for rounding
	hour     int64   // of the latest
}

// Hour is a client's latest contribution to the evidence of a server; zero of a client that was not seen.
type Hour struct {
	hour      int64
	all, hits uint32 // in that hour
}

// Add counts one flow, or window, of packet time at (ns since the Unix epoch) in its client's contribution. Time may go
// back: what is late counts as if it were of the latest hour that the server is known of.
func (t *Tally) Add(c *Hour, at int64, hit bool, halfLife time.Duration) {
	t.fade(at/int64(time.Hour), halfLife)
	if c.all == 0 || c.hour != t.hour {
		*c = Hour{hour: t.hour}
		t.Of++
	} else {
		t.Hits -= c.share()
	}
	c.all++
	if hit {
		c.hits++
	}
	t.Hits += c.share()
}

func (c *Hour) share() float64 { return float64(c.hits) / float64(c.all) }

// fade lets contributions of hours before now count for less.
func (t *Tally) fade(now int64, halfLife time.Duration) {
	if t.Of == 0 {
		t.hour = now
	}
	if now > t.hour {
		left := math.Exp2(-float64(now-t.hour) * float64(time.Hour) / float64(halfLife))
		t.Hits, t.Of, t.hour = t.Hits*left, t.Of*left, now
	}
}

// LogFactor is Evidence.LogFactor of a server's tally.
func (t *Tally) LogFactor(e *Evidence) float64 { return e.LogFactor(min(t.Hits, t.Of), t.Of) }

// Posterior is Evidence.Posterior of a server's tally.
func (t *Tally) Posterior(e *Evidence, base float64) float64 {
	return e.Posterior(min(t.Hits, t.Of), t.Of, base)
}
