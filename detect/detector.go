package detect

import (
	"time"

	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
)

// Detector judges records. One goroutine at a time calls it. Of the interfaces below it implements those that it needs.
type Detector interface {
	Info() Info
}

// FlowWatcher is a Detector that is given every flow record, in order. How many come at once means nothing. The flows are
// borrowed until it returns.
type FlowWatcher interface {
	Flows(flows []Flow, out Out)
}

// WindowWatcher is a Detector that is given every window, in order and in its place among the flows. The windows are
// borrowed until it returns.
type WindowWatcher interface {
	Windows(windows []features.Window, out Out)
}

// WindowChooser is a WindowWatcher that looks at windows only where it says so: those that nobody looks at are not made.
type WindowChooser interface {
	WindowWatcher

	// WantsWindows is called once.
	WantsWindows() bool
}

// Batcher is a Detector that judges what came within stretches of packet time, which are aligned to the epoch.
type Batcher interface {
	// Batches returns the lengths, each a number of whole seconds. It is called once.
	Batches() []time.Duration

	// CloseBatch is called when a batch has ended in which there were records, after the last of them; also at the end of
	// the input. Where several end at once the shorter one comes first.
	CloseBatch(b Batch, out Out)
}

// FeatureUser is a Detector that looks at flow features: at these groups of flowtable.FeatureGroups. The run computes them,
// whether they are written or not.
type FeatureUser interface {
	FlowFeatures() []string
}

// FeatureChooser is a FeatureUser that looks at the features of few records. Where nobody else wants them, others may have none.
type FeatureChooser interface {
	FeatureUser

	// FlowInterest is called once.
	FlowInterest() flowtable.Interest
}

// ModelUser is a Detector that goes by a model. One goroutine at a time calls its methods, also while the engine runs.
type ModelUser interface {
	// ModelFile returns the path of the model's file; "" where it has none, such as the one that comes with weir.
	ModelFile() string

	// Reread reads the file again and changes nothing. Where the model in it is not the one in use it returns its hash, and
	// use, which takes it over: the engine must do nothing else meanwhile. Else use is nil. It is not called without a file.
	Reread() (hash string, use func(), err error)
}

// ScoreWatcher is a Detector that is given what the others said instead of flows or windows, second by second and of each
// second one detector after another, each in its order. The scores are borrowed until it returns. Annotate is called for
// every alert before it is handed on, after the scores of its second.
type ScoreWatcher interface {
	Scores(scores []Score, out Out)
	Annotate(a *Alert)
}

// Batch is a stretch of packet time, [Start, End) in ns since the Unix epoch; Every is its length.
type Batch struct {
	Start, End int64
	Every      time.Duration
	Partial    bool // the input began after Start or ended before End
	Last       bool // no more records come
}

// Out is where a detector says what it found. It is valid until the call that handed it over returns.
type Out interface {
	// Alert takes an alert. What a detector raises within one call must be in an order that depends on the records alone.
	Alert(a Alert)

	// Score takes a score, for the ensemble: also of those that are not worth an alert, or nothing can be calibrated.
	Score(s Score)
}

// Score is what a detector thinks of a host or a flow.
type Score struct {
	Detector int   // place among the run's detectors; set by the engine
	Time     int64 // packet time, ns
	Subject  Host
	Role     Role
	FlowID   uint64  // where it is about one flow; else 0
	Raw      float64 // larger is worse
	P        float64 // NaN: unknown
	N        uint64  // size of the sample behind it
	Status   Status
	Alerted  bool // an alert was raised for it: it does not tell what is usual
}

// Info describes a detector: for `weir detectors` and docs/DETECTORS.md. Texts are plain sentences; Formula may have lines.
type Info struct {
	Name    string
	Watches string // flows, windows, "10 s batches of flows", ...
	Idea    string // what it looks for and why that works, in a few lines
	Formula string // exactly, with its source
	Cost    string // per record and per batch
	Memory  string // bytes per entry, and the cap
	Wrong   string // when it is wrong
	Remedy  string // what to do about it: settings
	Kinds   []Kind
}

// Kind is a kind of alert.
type Kind struct {
	Name     string
	Severity Severity // the usual one
	Doc      string   // one sentence
}
