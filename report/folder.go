package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
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
// UTC). The files appear together, the page last, when all of them are written; before that an earlier report in the folder
// stays whole. Where one cannot be written there is none of them.
func WriteFolder(dir string, r *Report, zone *time.Location) error {
	if err := r.check(); err != nil {
		return err
	}
	_, missing := os.Stat(dir)
	to := output.Within(dir)
	err := writeFiles(to, r, zone)
	if err == nil {
		if err = to.Complete(); err != nil { // an earlier report is not whole any more either
			for _, name := range to.Names() {
				_ = os.Remove(filepath.Join(dir, name)) // of what has its name
			}
		}
	}
	if err = errors.Join(err, to.Close()); err != nil {
		if missing != nil {
			_ = os.Remove(dir) // unless somebody else has written into it
		}
		return fmt.Errorf("write report into %s: %w", dir, err)
	}
	return nil
}

func writeFiles(to *output.Dir, r *Report, zone *time.Location) error {
	for _, s := range r.Sections {
		for i := range s.Tables {
			t := &s.Tables[i]
			if err := writeFile(to, t.ID+".csv", func(w io.Writer) error { return CSV(w, t, zone) }); err != nil {
				return err
			}
		}
		for i := range s.Plots {
			if err := writePNG(to, &s.Plots[i], zone); err != nil {
				return err
			}
		}
	}
	beside := style{zone: zone, beside: true}
	if err := writeFile(to, MarkdownName, func(w io.Writer) error { return beside.markdown(w, r) }); err != nil {
		return err
	}
	return writeFile(to, PageName, func(w io.Writer) error { return beside.html(w, r) })
}

func writePNG(to *output.Dir, p *Plot, zone *time.Location) error {
	var b bytes.Buffer
	if drawn, err := PNG(&b, p, zone); err != nil || !drawn {
		return err
	}
	return writeFile(to, p.ID+".png", func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
}

func writeFile(to *output.Dir, name string, write func(io.Writer) error) error {
	file, err := to.Create(name)
	if err != nil {
		return err
	}
	if err := write(file); err != nil {
		return errors.Join(err, file.Abort())
	}
	return file.Close()
}
