package plots

import (
	"bytes"
	"encoding/xml"
	"image/png"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/weir-sensor/weir/learn"
)

// Every figure is a PNG with more than one colour and an SVG that is well-formed and names what it shows; the same each time.
func TestFigures(t *testing.T) {
	scores, positive := []float64{.9, .8, .7, .2, .1}, []bool{true, true, false, true, false}
	curves := []Curve{{"one", learn.NewROC(scores, positive)}, {"other", learn.NewROC([]float64{1, 1, 1, 0, 0}, positive)}}
	groups := []Group{{"alpha", []float64{1, 2, 3, math.NaN()}}, {"beta", []float64{4}}, {"none", nil}}
	for _, test := range []struct {
		draw func() (*Figure, error)
		name string
		says []string
	}{
		{func() (*Figure, error) { return ROC(curves) }, "roc", []string{"one", "other", "false positive rate"}},
		{func() (*Figure, error) { return PrecisionRecall(curves) }, "precision-recall", []string{"one", "recall"}},
		{func() (*Figure, error) { return Boxes("len_1", groups) }, "feature-len_1", []string{"alpha", "beta"}},
		{func() (*Figure, error) { return Bars("bars", "Title", "share", []Bar{{"obfs4", .5}, {"obfs3", 1}}) }, "bars", []string{"obfs4", "Title"}},
		{func() (*Figure, error) { return Bars("empty", "Title", "share", nil) }, "empty", []string{"Title"}},
		{func() (*Figure, error) { return Cumulative("flows", "Title", "flows", groups) }, "flows", []string{"alpha", "flows"}},
		{func() (*Figure, error) { return PCA(rows()) }, "pca", []string{"benign", "obfs4", "100 % of the variance"}},
	} {
		var files [2]map[string][]byte
		for i := range files {
			f, err := test.draw()
			if err != nil || f.Name != test.name {
				t.Fatalf("%s: %+v, %v", test.name, f, err)
			}
			files[i] = map[string][]byte{}
			for _, format := range Formats() {
				if files[i][format], err = f.Bytes(format); err != nil {
					t.Fatalf("%s: %v", test.name, err)
				}
			}
		}
		checkPNG(t, test.name, files[0]["png"])
		for _, text := range test.says {
			if !strings.Contains(string(files[0]["svg"]), text) {
				t.Errorf("%s: %q is not in the SVG", test.name, text)
			}
		}
		if err := xml.Unmarshal(files[0]["svg"], new(struct{})); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		for _, format := range Formats() {
			if !bytes.Equal(files[0][format], files[1][format]) {
				t.Errorf("%s.%s: another file the second time", test.name, format)
			}
		}
	}
}

func checkPNG(t *testing.T, name string, b []byte) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	seen := map[[3]uint32]bool{}
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			r, g, b, _ := img.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	if len(seen) < 2 {
		t.Errorf("%s: a drawing of %d colours", name, len(seen))
	}
}

// rows returns rows along a line, which one component explains, and some noise.
func rows() (*learn.Rows, []string) {
	r, names, random := &learn.Rows{Columns: []string{"a", "b"}}, []string{}, rand.New(rand.NewPCG(1, 1))
	for i := range 40 {
		r.Add([]float64{float64(i), 2*float64(i) + 3*random.Float64()}, i%2 == 1, i)
		names = append(names, []string{"benign", "obfs4"}[i%2])
	}
	return r, names
}

func TestNothingToDraw(t *testing.T) {
	if _, err := PCA(&learn.Rows{Columns: []string{"a"}}, nil); err == nil {
		t.Error("principal components of nothing")
	}
}
