package learn

import "math"

// Scaler moves each column to mean 0 and standard deviation 1 of the rows that it was made of.
type Scaler struct {
	Mean  []float64 `json:"mean"`
	Scale []float64 `json:"scale"` // standard deviations over n (ddof 0); 1 where a column is constant
}

// NewScaler returns the scaler of rows: of each column the values that are known, whatever the rows weigh. A column without
// any has mean 0 and scale 1.
func NewScaler(rows *Rows) *Scaler {
	d := len(rows.Columns)
	s := &Scaler{Mean: make([]float64, d), Scale: make([]float64, d)}
	for j := range d {
		s.Mean[j], s.Scale[j] = moments(rows, j)
	}
	return s
}

// moments returns the mean and the standard deviation of a column, the latter 1 where it is nothing but rounding.
func moments(rows *Rows, column int) (mean, deviation float64) {
	var n, sum, squares float64
	for i := column; i < len(rows.X); i += len(rows.Columns) {
		if x := rows.X[i]; x == x {
			n++
			sum += x
		}
	}
	if n == 0 {
		return 0, 1
	}
	mean = sum / n
	for i := column; i < len(rows.X); i += len(rows.Columns) {
		if x := rows.X[i]; x == x {
			squares += (x - mean) * (x - mean)
		}
	}
	deviation = math.Sqrt(squares / n)
	if deviation <= n*math.Abs(mean)*0x1p-52 {
		return mean, 1
	}
	return mean, deviation
}

// at returns column j's value x scaled; what is not known is the mean: 0.
func (s *Scaler) at(j int, x float64) float64 {
	if x != x {
		return 0
	}
	return (x - s.Mean[j]) / s.Scale[j]
}

// Apply scales rows. The caller owns the values: row after row, NaN has become 0.
func (s *Scaler) Apply(rows *Rows) []float64 {
	scaled := make([]float64, len(rows.X))
	for i, x := range rows.X {
		scaled[i] = s.at(i%len(rows.Columns), x)
	}
	return scaled
}
