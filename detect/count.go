package detect

// Counters are the detection's part of the ledger.
type Counters struct {
	Flows     uint64          `json:"flows"`   // judged
	Windows   uint64          `json:"windows"` // judged
	Detectors []DetectorCount `json:"detectors"`
	Standing  TableCount      `json:"standing"` // alerts that are remembered
}

// DetectorCount says what became of a detector's alerts: Raised is the sum of Written, Repeated and Capped, and Written that
// of Severities.
type DetectorCount struct {
	Name     string `json:"name"`
	Raised   uint64 `json:"raised"`
	Written  uint64 `json:"written"`
	Repeated uint64 `json:"repeated"` // said before, and not twice as bad
	Capped   uint64 `json:"capped"`   // more than 4096 within a second of packet time

	Severities SeverityCount `json:"severities"` // of those written

	Tables []TableCount `json:"tables,omitempty"`
}

// SeverityCount counts alerts by their severity.
type SeverityCount struct {
	Info   uint64 `json:"info"`
	Low    uint64 `json:"low"`
	Medium uint64 `json:"medium"`
	High   uint64 `json:"high"`
}

func (c *SeverityCount) add(s Severity) {
	*[...]*uint64{&c.Info, &c.Low, &c.Medium, &c.High}[s]++
}

// Sum returns how many there are in all.
func (c SeverityCount) Sum() uint64 { return c.Info + c.Low + c.Medium + c.High }

// TableCount says how full a table is.
type TableCount struct {
	Name     string `json:"name"`
	Entries  int    `json:"entries"`
	Cap      int    `json:"cap"`
	Evicted  uint64 `json:"evicted"`  // forgotten because the table was full
	Rejected uint64 `json:"rejected"` // not taken in because the table was full
}

// Sized is a Detector with tables that can be full.
type Sized interface {
	Tables() []TableCount
}

// Counters returns what was counted so far. The caller owns it.
func (e *Engine) Counters() Counters {
	c := e.counts
	c.Standing = e.standing.table.Count("standing")
	for _, r := range e.detectors {
		d := r.count
		if sized, ok := r.Detector.(Sized); ok {
			d.Tables = sized.Tables()
		}
		c.Detectors = append(c.Detectors, d)
	}
	return c
}
