package detect

import "strings"

// Needer is a Detector that says less, or nothing, of flows which lack something: records from elsewhere may.
type Needer interface {
	Needs() []Need
}

// Need is something that a detector goes by: fields, a group of features, or windows.
type Need struct {
	Fields  Missing // one of them suffices; 0: none
	Feature string  // one of flowtable.FeatureGroups; "": none
	Windows bool    // flow records have none

	For string // what the detector does not find without it; "": anything
}

// fieldNames are what Missing's fields are called, the lowest bit first.
var fieldNames = [...]string{"packets", "payload", "TCP flags", "history", "state", "duration", "client port"}

// String names what is needed, such as "TCP flags or history".
func (n Need) String() string {
	switch {
	case n.Windows:
		return "windows"
	case n.Feature != "":
		return n.Feature + " features"
	}
	var names []string
	for i, name := range fieldNames {
		if n.Fields>>i&1 != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}
