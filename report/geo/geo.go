package geo

import (
	"fmt"
	"net/netip"
	"os"
	"slices"
	"time"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Databases are MaxMind files. What the first file has of an address goes before what later ones have. One goroutine uses
// them.
type Databases struct {
	files    []file
	special  []special
	young    map[netip.Addr]Place // looked up last; with old, at most 2 maxCached
	old      map[netip.Addr]Place
	problems []string // by file; "": none
}

// maxCached is how many addresses a generation of the cache holds.
const maxCached = 1 << 16

// maxFile is the largest file that is read: MaxMind's largest have less than half of it.
const maxFile = 1 << 30

// file is one database.
type file struct {
	path    string
	size    int64
	changed time.Time
	reader  *maxminddb.Reader // nil: it cannot be used
}

// record is what is read of a database's record. Other fields are passed over.
type record struct {
	Country struct {
		Code  string  `maxminddb:"iso_code"`
		Names english `maxminddb:"names"`
	} `maxminddb:"country"`
	City struct {
		Names english `maxminddb:"names"`
	} `maxminddb:"city"`
	ASN uint32 `maxminddb:"autonomous_system_number"`
	Org string `maxminddb:"autonomous_system_organization"`
}

type english struct {
	Name string `maxminddb:"en"`
}

// Open reads the files. One that cannot be used is left out, and Problems names it.
func Open(paths []string) *Databases {
	d := &Databases{special: specials(), problems: make([]string, len(paths))}
	for i, path := range paths {
		d.files = append(d.files, file{path: path})
		d.read(i)
	}
	d.forget()
	return d
}

// read reads a file. Where that fails, what was read of it before stays in use.
func (d *Databases) read(i int) {
	f := &d.files[i]
	info, err := os.Stat(f.path)
	if err == nil && (!info.Mode().IsRegular() || info.Size() > maxFile) {
		err = fmt.Errorf("open %s: not a file of at most %d bytes", f.path, maxFile)
	}
	if err != nil {
		d.problems[i] = err.Error()
		return
	}
	// Into memory: a mapped file that is cut short meanwhile would kill the program.
	f.size, f.changed = info.Size(), info.ModTime()
	data, err := os.ReadFile(f.path)
	if err != nil {
		d.problems[i] = err.Error()
		return
	}
	reader, err := openBytes(data)
	if err != nil {
		d.problems[i] = fmt.Sprintf("%s: no MaxMind database: %s", f.path, err)
		return
	}
	f.reader, d.problems[i] = reader, ""
}

func openBytes(data []byte) (r *maxminddb.Reader, err error) {
	defer func() {
		if damage := recover(); damage != nil { // the library's, from what is in the file
			err = fmt.Errorf("damaged")
		}
	}()
	return maxminddb.OpenBytes(data)
}

// Again returns databases of the same files for somebody else: what has changed is read again. Where that fails, what was
// read before stays in use, and Problems says so. The two may be used at the same time.
func (d *Databases) Again() *Databases {
	again := &Databases{files: slices.Clone(d.files), special: d.special, problems: slices.Clone(d.problems)}
	for i, f := range again.files {
		info, err := os.Stat(f.path)
		if err != nil || f.reader == nil || info.Size() != f.size || !info.ModTime().Equal(f.changed) {
			again.read(i)
		}
	}
	again.forget()
	return again
}

func (d *Databases) forget() {
	d.young, d.old = map[netip.Addr]Place{}, nil
}

// Empty says whether there is no database to ask.
func (d *Databases) Empty() bool {
	for i := range d.files {
		if d.files[i].reader != nil {
			return false
		}
	}
	return true
}

// Problems returns what is wrong with files, each named.
func (d *Databases) Problems() (all []string) {
	for _, p := range d.problems {
		if p != "" {
			all = append(all, p)
		}
	}
	return all
}

// Place returns what is known of an address.
func (d *Databases) Place(a netip.Addr) Place {
	if p, ok := d.young[a]; ok {
		return p
	}
	p, ok := d.old[a]
	if !ok {
		p = d.look(a)
	}
	if len(d.young) == maxCached {
		d.young, d.old = make(map[netip.Addr]Place, maxCached), d.young
	}
	d.young[a] = p
	return p
}

// look asks the databases.
func (d *Databases) look(a netip.Addr) (p Place) {
	a = a.Unmap()
	for _, s := range d.special {
		if s.prefix.Contains(a) {
			return Place{Kind: s.kind}
		}
	}
	for i := range d.files {
		f := &d.files[i]
		if f.reader == nil {
			continue
		}
		rec, err := f.look(a)
		if err != nil {
			f.reader = nil
			d.problems[i] = fmt.Sprintf("%s: damaged, not used from %s on: %s", f.path, a, err)
			continue
		}
		p.add(rec)
	}
	return p
}

// look returns the zero record where the database does not know the address.
func (f *file) look(a netip.Addr) (rec record, err error) {
	defer func() {
		if damage := recover(); damage != nil { // the library's, from what is in the file
			err = fmt.Errorf("record cannot be read")
		}
	}()
	if a.Is6() && f.reader.Metadata.IPVersion == 4 {
		return rec, nil
	}
	found := f.reader.Lookup(a)
	if err := found.Err(); err != nil || !found.Found() {
		return rec, err
	}
	return rec, found.Decode(&rec)
}

// add fills in what was not known.
func (p *Place) add(r record) {
	if p.Country == "" && r.Country.Code != "" {
		p.Country, p.Name = r.Country.Code, r.Country.Names.Name
	}
	if p.City == "" {
		p.City = r.City.Names.Name
	}
	if p.ASN == 0 {
		p.ASN, p.Org = r.ASN, r.Org
	}
	if p.Country != "" || p.City != "" || p.ASN != 0 {
		p.Kind = Known
	}
}
