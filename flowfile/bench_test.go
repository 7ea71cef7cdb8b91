package flowfile

import (
	"testing"

	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/output"
)

// BenchmarkRead reads what weir wrote; an operation is a flow.
func BenchmarkRead(b *testing.B) {
	records := captured(b)
	for len(records) < 20_000 {
		records = append(records, records...)
	}
	for _, c := range []struct {
		name     string
		format   output.Format
		features []string
	}{
		{"ndjson", output.NDJSON, nil}, {"csv", output.CSV, nil}, {"parquet", output.Parquet, nil},
		{"ndjson,features", output.NDJSON, flowtable.FeatureGroups()},
	} {
		b.Run(c.name, func(b *testing.B) {
			content := written(b, records, c.format, c.features)
			path := tempFile(b, "flows", content)
			b.SetBytes(int64(len(content) / len(records)))
			b.ReportAllocs()
			b.ResetTimer()
			for left := b.N; left > 0; {
				r, err := Open([]string{path}, Options{})
				if err != nil {
					b.Fatal(err)
				}
				var batch Batch
				for left > 0 && r.Read(&batch) == nil {
					left -= len(batch.Flows)
				}
				r.Close()
			}
		})
	}
}
