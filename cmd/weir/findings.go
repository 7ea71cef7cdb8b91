package main

import (
	"path/filepath"
	"slices"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/ensemble"
	"github.com/weir-sensor/weir/detect/ports"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/sensor"
)

const (
	rankedHosts = 10_000 // rows of hosts.EXT
	rankedFlows = 10_000 // rows of scored_flows.EXT
)

// findings are what detectors know of a run as a whole. A table is nil where its detector did not run.
type findings struct {
	hosts []ensemble.RankedHost // the ranking
	flows []ensemble.RankedFlow // likewise
	ports []ports.Port
}

// gather asks the detectors of an engine, which may be nil.
func gather(e *detect.Engine) (f findings) {
	if e == nil {
		return f
	}
	for _, d := range e.Detectors() {
		switch d := d.(type) {
		case *ensemble.Detector:
			f.hosts, f.flows = d.Ranking(rankedHosts), d.RankedFlows(rankedFlows)
		case *ports.Detector:
			f.ports = d.Ports()
		}
	}
	return f
}

// names returns the names of the tables that there are.
func (f *findings) names() (names []string) {
	for name, there := range map[string]bool{"hosts": f.hosts != nil, "scored_flows": f.flows != nil, "ports": f.ports != nil} {
		if there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// write writes each table into a file that create makes.
func (f *findings) write(format output.Format, create func(name string) (output.Target, error)) error {
	if err := writeTable(f.hosts, "hosts", "weir.host.v1", hostFields(), format, create); err != nil {
		return err
	}
	if err := writeTable(f.flows, "scored_flows", "weir.scored_flow.v1", flowFields(), format, create); err != nil {
		return err
	}
	return writeTable(f.ports, "ports", "weir.port.v1", portFields(), format, create)
}

// writeTable writes a table, where there is one.
func writeTable[T any](rows []T, name, schema string, fields []output.Field[T], format output.Format, create func(name string) (output.Target, error)) error {
	if rows == nil {
		return nil
	}
	file, err := create(name + "." + format.String())
	if err != nil {
		return err
	}
	sink := output.NewRecords(file, format, fields, schema, programVersion())
	if err := sink.Write(rows); err != nil {
		_ = sink.Abort() // the first error says why
		return err
	}
	return sink.Close()
}

// portFields are the columns of the table of ports; docs/DETECTORS.md describes them.
func portFields() []output.Field[ports.Port] {
	type port = ports.Port
	number := func(name string, of func(p *port) uint64) output.Field[port] {
		return named(name, output.Integer, func(p *port) output.Value { return output.UintValue(of(p)) })
	}
	return []output.Field[port]{
		named("proto", output.String, func(p *port) output.Value { return output.TextValue(output.ProtoName(p.Proto)) }),
		number("port", func(p *port) uint64 { return uint64(p.Port) }),
		number("bytes_up", func(p *port) uint64 { return p.BytesUp }),
		number("bytes_down", func(p *port) uint64 { return p.BytesDown }),
		number("flows", func(p *port) uint64 { return p.Flows }),
		number("clients", func(p *port) uint64 { return uint64(p.Clients) }),
		number("servers", func(p *port) uint64 { return uint64(p.Servers) }),
		named("first", output.Time, func(p *port) output.Value { return output.TimeValue(p.First) }),
		named("last", output.Time, func(p *port) output.Value { return output.TimeValue(p.Last) }),
	}
}

// keepFindings writes what is known of a live run as it is now, in place of the files before.
func (l *live) keepFindings(run *sensor.Live) error {
	if l.out == "" {
		return nil
	}
	var f findings
	run.Detection(func(e *detect.Engine) { f = gather(e) })
	return f.write(output.NDJSON, func(name string) (output.Target, error) { return output.CreateSynced(filepath.Join(l.out, name)) })
}
