package features

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// ContractVersion is raised whenever a feature of the same name and unit gets another meaning.
const ContractVersion = 1

// Contract says what a set of features is: what is needed to tell whether the numbers of two files, or of a file and a
// model, mean the same. It holds what decides the values, not how they are explained, and nothing of the network that
// was looked at (such as Config.Clients). So equal text means equal features.
type Contract struct {
	Of       string            `json:"of"` // the records' schema, such as weir.window.v1
	Version  int               `json:"version"`
	Features []ContractFeature `json:"features"`         // in the order of their columns
	Window   *ContractWindow   `json:"window,omitempty"` // of window features
	Flow     *ContractFlow     `json:"flow,omitempty"`   // of flow features
}

// ContractFeature is one feature: a column.
type ContractFeature struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
}

// ContractWindow says what a window is, and how values are put into bins.
type ContractWindow struct {
	By        string   `json:"by"`
	Cut       string   `json:"cut"`
	Packets   int      `json:"packets"`
	SegmentNs int64    `json:"segment_ns"`
	Intervals []uint64 `json:"interval_bins_us"` // edges; each bin includes its lower one
	Lengths   []uint64 `json:"length_bins"`      // edges, bytes; each bin includes its lower one
}

// ContractFlow says how far the features of a flow look.
type ContractFlow struct {
	SPLTPackets       int `json:"splt_packets"`
	BurstPackets      int `json:"burst_packets"`
	FirstPayloadBytes int `json:"first_payload_bytes"`
}

// Contract returns the contract of the windows that c makes; of names the schema of their records.
func (c Config) Contract(of string) Contract {
	contract := Contract{Of: of, Version: ContractVersion, Features: []ContractFeature{}, Window: &ContractWindow{
		By: c.By, Cut: c.Cut, Packets: c.Packets, SegmentNs: c.Segment.Nanoseconds(),
		Intervals: []uint64{0}, Lengths: []uint64{0},
	}}
	edge := uint64(firstIntervalNs / 1000)
	for range intervalBins {
		contract.Window.Intervals = append(contract.Window.Intervals, edge)
		edge *= 10
	}
	for bin := range uint64(lenBins) {
		contract.Window.Lengths = append(contract.Window.Lengths, (bin+1)*lenBinWidth)
	}
	described := Features()
	for _, i := range c.Columns() {
		contract.Features = append(contract.Features, ContractFeature{described[i].Name, described[i].Unit})
	}
	return contract
}

// JSON returns the contract's canonical form: one line of JSON without spaces, its members always in the same order.
func (c Contract) JSON() string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(c); err != nil {
		panic("bug: " + err.Error()) // strings and integers only
	}
	return string(bytes.TrimSuffix(b.Bytes(), []byte("\n")))
}

// Hash returns the SHA-256 of the canonical form in hexadecimal digits.
func (c Contract) Hash() string {
	sum := sha256.Sum256([]byte(c.JSON()))
	return hex.EncodeToString(sum[:])
}
