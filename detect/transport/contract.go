package transport

import (
	"fmt"
	"slices"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// A Set is what a model looks at.
type Set string

// The sets.
const (
	StartSet  Set = "start"  // how a flow begins: AppendStart
	WindowSet Set = "window" // one window of a pair of hosts, or of a flow: features.Window
	BothSet   Set = "both"   // how a flow begins, then the means over the windows of its hosts so far: AppendRow and Pairs
)

// Sets returns all of them. The caller owns the slice.
func Sets() []Set { return []Set{StartSet, WindowSet, BothSet} }

// ContractVersion is raised whenever a number of the same name and unit gets another meaning.
const ContractVersion = 1

// Contract says what the numbers of a set mean, in their order; windows says how windows are made, where the set has them.
func Contract(set Set, windows features.Config) features.Contract {
	c := features.Contract{Of: "weir.transport." + string(set), Version: ContractVersion}
	if set != WindowSet {
		c.Features = startFeatures()
		c.Flow = &features.ContractFlow{SPLTPackets: StartPackets, BurstPackets: StartPackets, FirstPayloadBytes: flowtable.FirstPayloadBytes}
	}
	if set != StartSet {
		windows.Groups = features.Groups()
		w := windows.Contract(c.Of)
		c.Window, c.Version = w.Window, 1000*ContractVersion+w.Version
		c.Features = append(c.Features, w.Features...)
	}
	return c
}

// Columns returns the names of a contract's features. The caller owns them.
func Columns(c features.Contract) []string {
	names := make([]string, len(c.Features))
	for i, f := range c.Features {
		names[i] = f.Name
	}
	return names
}

// setOf returns the set that a contract is of, and what is different where it is not one that this program makes.
func setOf(c features.Contract, windows features.Config) (Set, error) {
	for _, set := range Sets() {
		own := Contract(set, windows)
		if c.Of != own.Of {
			continue
		}
		switch {
		case c.Hash() == own.Hash():
			return set, nil
		case c.Version != own.Version:
			return set, fmt.Errorf("features: got version %d, want %d", c.Version, own.Version)
		case !slices.Equal(Columns(c), Columns(own)):
			return set, fmt.Errorf("features: got %d, %s, want %d", len(c.Features), firstOther(c, own), len(own.Features))
		}
		return set, fmt.Errorf("features: got other units, bins or windows (%s), want %s", c.Hash()[:12], own.Hash()[:12])
	}
	return "", fmt.Errorf("features: got those of %q, want one of %v", c.Of, Sets())
}

// firstOther names the first feature of c that is not the one of want at its place.
func firstOther(c, want features.Contract) string {
	for i, f := range c.Features {
		if i >= len(want.Features) || f != want.Features[i] {
			return fmt.Sprintf("number %d of them %q", i+1, f.Name)
		}
	}
	return "the last ones missing"
}
