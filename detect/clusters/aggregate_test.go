package clusters_test

import (
	"testing"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/detect/clusters"
	"github.com/weir-sensor/weir/detect/density"
	"github.com/weir-sensor/weir/detect/sample"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/packet"
)

// Numbers of a row that are no counts of states and not true or false.
const tupleSums, stepSums = 6, 9

// numbers keeps the rows of both tables as numbers.
type numbers struct{ tuples, steps []float64 }

func (n *numbers) Tuples(rows []aggregate.Tuple) error {
	for i := range rows {
		n.tuples = append(n.tuples, rows[i].Numbers(nil)[:tupleSums]...)
	}
	return nil
}

func (n *numbers) Steps(rows []aggregate.Step) error {
	for i := range rows {
		n.steps = append(n.steps, rows[i].Numbers(nil)[:stepSums]...)
	}
	return nil
}

// The tables of aggregates are rows like those of flows: the pair with 200 ports, and the 5-tuple with 1 GB, lie apart.
func TestAggregatesAreRows(t *testing.T) {
	var n numbers
	sums := aggregate.New(aggregate.DefaultConfig(), &n)
	const odd = 100 // place of the odd pair and 5-tuple
	for i := range 300 {
		r := flowtable.Record{Version: 4, Client: packet.Addr{Lo: uint64(i % 300)}, Server: packet.Addr{Lo: 1000}, ServerPort: 443, Proto: packet.ProtoTCP,
			End: 1e9 + int64(i%5)*1e8, Bytes: [2]uint64{uint64(1000 + i%50), uint64(3000 + i%70)}}
		if i == odd {
			r.Bytes[0] = 1e9
		}
		records := []flowtable.Record{r}
		for port := range 200 {
			if i == odd {
				r.ServerPort, r.Bytes[0] = uint16(1000+port), 40
				records = append(records, r)
			}
		}
		if err := sums.Flows(records); err != nil {
			t.Fatal(err)
		}
	}
	if err := sums.Close(); err != nil {
		t.Fatal(err)
	}
	for name, table := range map[string]struct {
		rows []float64
		dims int
	}{"tuples": {n.tuples, tupleSums}, "steps": {n.steps, stepSums}} {
		sample.Standardise(table.rows, table.dims)
		if r := density.Cluster(table.rows, table.dims, 2.5, 5); r.Labels[odd] != density.Noise || r.Labels[odd-1] != 0 {
			t.Errorf("%s: labels %d and, of its neighbour, %d", name, r.Labels[odd], r.Labels[odd-1])
		}
		c := clusters.KMeans(table.rows, table.dims, append(append([]float64{}, table.rows[:table.dims]...), table.rows[odd*table.dims:(odd+1)*table.dims]...))
		if c.Labels[odd] == c.Labels[odd-1] {
			t.Errorf("%s: k-means has it with its neighbour", name)
		}
		p, ok := clusters.NewPCA(table.rows, table.dims)
		if !ok {
			t.Fatal(name, "PCA failed")
		}
		row := func(i int) []float64 { return table.rows[i*table.dims : (i+1)*table.dims] }
		_, far := p.Residual(row(odd), 1)
		_, near := p.Residual(row(odd-1), 1)
		if far < 10*near {
			t.Errorf("%s: T2 is %v, of its neighbour %v", name, far, near)
		}
	}
}
