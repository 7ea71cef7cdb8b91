package report

// Report is what is shown, whatever the form. Every string in it may come from traffic: the forms escape them.
type Report struct {
	Title    string
	Subtitle string // what it is of: inputs, times
	Sections []Section
}

// Section is one question and its answer.
type Section struct {
	ID     string // for links: a-z, 0-9 and -
	Title  string
	Intro  string // two lines that say how to read it
	Note   string // what is missing or was cut, and why; "" where nothing is
	Tables []Table
	Plots  []Plot
}

// Table has rows of as many cells as it has columns.
type Table struct {
	ID      string // unique in the report; also the name of the file with all rows, ID.csv
	Title   string
	Columns []Column
	Rows    [][]Cell
	Total   int // rows before the table was capped; they are in ID.csv
	All     [][]Cell
}

// Column is a column of a table.
type Column struct {
	Name string
	Kind Kind
	Help string // one sentence, "" where the name says it
}

// Kind says what a column's values are, and so how they are aligned, sorted and written.
type Kind uint8

// The kinds.
const (
	Text     Kind = iota
	Integer       // counts
	Number        // anything with a fraction
	Bytes         // shown with a unit
	Time          // ns since the Unix epoch, shown in the report's zone
	Duration      // ns
	Share         // 0 to 1, shown as a percentage
	Port          // a number that is a name: without separators
)

// Cell is a value: text of a Text column, else a number, which is NaN where it is unknown. Infinities are shown as such.
type Cell struct {
	Text   string
	Number float64
	Link   string // "#" and an ID of this report; "" for none
	ID     string // so that others can link here; "" for none
}

// Plot is a picture. Series of one plot share its axes.
type Plot struct {
	ID         string // unique in the report; also the name of the file, ID.png
	Title      string
	Form       Form
	X, Y       Axis
	Categories []string // names of the places 0, 1, ... of the x axis, for Bars and Stacked; nil: it has numbers
	Series     []Series
}

// Axis is an axis of a plot.
type Axis struct {
	Label string // with its unit in brackets
	Log   bool
	Time  bool // ns since the Unix epoch
}

// Form is how the series of a plot are drawn.
type Form uint8

// The forms.
const (
	Bars Form = iota
	Lines
	Points
	Steps   // a histogram's outline
	Stacked // bars on top of each other: parts of a sum
)

// Series are the points of one thing.
type Series struct {
	Name   string
	X, Y   []float64
	Labels []string // of the points, for tooltips; nil: none
}
