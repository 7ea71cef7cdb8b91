package report

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/weir-sensor/weir/output"
)

// The report's names in its folder, beside ID.csv of every table and ID.png of every plot.
const (
	PageName     = "report.html"
	MarkdownName = "report.md"
)

// WriteFolder writes the report in all its forms for files into a folder, which it makes, with times in the zone (nil:
// UTC). A file appears under its name when it is complete.
func WriteFolder(dir string, r *Report, zone *time.Location) error {
	if err := r.check(); err != nil {
		return err
	}
	for _, s := range r.Sections {
		for i := range s.Tables {
			t := &s.Tables[i]
			if err := writeFile(filepath.Join(dir, t.ID+".csv"), func(w io.Writer) error { return CSV(w, t, zone) }); err != nil {
				return err
			}
		}
		for i := range s.Plots {
			if err := writePNG(dir, &s.Plots[i], zone); err != nil {
				return err
			}
		}
	}
	beside := style{zone: zone, beside: true}
	if err := writeFile(filepath.Join(dir, MarkdownName), func(w io.Writer) error { return beside.markdown(w, r) }); err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, PageName), func(w io.Writer) error { return beside.html(w, r) })
}

func writePNG(dir string, p *Plot, zone *time.Location) error {
	var b bytes.Buffer
	if drawn, err := PNG(&b, p, zone); err != nil || !drawn {
		return err
	}
	return writeFile(filepath.Join(dir, p.ID+".png"), func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
}

func writeFile(path string, write func(io.Writer) error) error {
	file, err := output.Create(path)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		return errors.Join(err, file.Abort())
	}
	return file.Close()
}
