package research

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-sensor/weir/learn"
)

// rawPrefix begins the names of raw columns in a file of rows.
const rawPrefix = "raw_"

// identities are the columns of a file of rows before the numbers.
func identities() []string { return []string{"positive", "transport", "workload", "server", "capture"} }

// WriteRows writes the cases as CSV: class, transport and workload, numbers that stand for server and capture, the columns of
// a vectorizer, and the raw columns but for addresses, those with a name that begins with raw_. What is not
// known is empty.
func WriteRows(w io.Writer, d *Dataset, v Vectorizer) error {
	rows, raw := d.Rows(v, "server"), RawColumns(d)
	header, skip := append(identities(), rows.Columns...), map[int]bool{}
	for j, name := range raw.Columns {
		skip[j] = name == "client" || name == "server"
		if !skip[j] {
			header = append(header, rawPrefix+name)
		}
	}
	out := csv.NewWriter(w)
	_ = out.Write(header) // Flush keeps the first error
	for i := range d.Cases {
		c := &d.Cases[i]
		line := []string{strconv.Itoa(class(c.Positive)), c.Label.Transport, c.Label.Workload, strconv.Itoa(rows.Group[i]), strconv.Itoa(c.Trace)}
		for _, x := range rows.Row(i) {
			line = append(line, number(x, 6))
		}
		for j := range raw.Columns {
			if !skip[j] {
				line = append(line, number(raw.Row(i)[j], 13))
			}
		}
		_ = out.Write(line)
	}
	out.Flush()
	return out.Error()
}

func number(x float64, digits int) string {
	if math.IsNaN(x) {
		return ""
	}
	return strconv.FormatFloat(x, 'g', digits, 64)
}

// ReadRows reads what WriteRows wrote: features, and raw columns, grouped by server.
func ReadRows(r io.Reader) (rows, raw *learn.Rows, err error) {
	in := csv.NewReader(r)
	header, err := in.Read()
	if err != nil {
		return nil, nil, fmt.Errorf("read rows: %w", err)
	}
	n := len(identities())
	if len(header) <= n || !slices.Equal(header[:n], identities()) {
		return nil, nil, fmt.Errorf("read rows: want columns %s and more", strings.Join(identities(), ", "))
	}
	rows, raw = &learn.Rows{}, &learn.Rows{}
	for _, name := range header[n:] {
		if own, ok := strings.CutPrefix(name, rawPrefix); ok {
			raw.Columns = append(raw.Columns, own)
		} else {
			rows.Columns = append(rows.Columns, name)
		}
	}
	for {
		line, err := in.Read()
		if err == io.EOF {
			return rows, raw, nil
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read rows: %w", err)
		}
		group, err := strconv.Atoi(line[3])
		if err != nil {
			return nil, nil, fmt.Errorf("read rows: server %q: want a number", line[3])
		}
		for _, to := range []*learn.Rows{rows, raw} {
			to.Positive, to.Group = append(to.Positive, line[0] == "1"), append(to.Group, group)
		}
		for j, text := range line[n:] {
			x, to := math.NaN(), rows
			if strings.HasPrefix(header[n+j], rawPrefix) {
				to = raw
			}
			if text != "" {
				if x, err = strconv.ParseFloat(text, 64); err != nil {
					return nil, nil, fmt.Errorf("read rows: %s is %q, want a number", header[n+j], text)
				}
			}
			to.X = append(to.X, x)
		}
	}
}
