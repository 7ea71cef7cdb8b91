package config

import (
	"reflect"
	"strings"

	"github.com/weir-sensor/weir/aggregate"
	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/afpacket"
	"github.com/weir-sensor/weir/capture/libpcap"
	"github.com/weir-sensor/weir/detect/detectors"
	"github.com/weir-sensor/weir/features"
	"github.com/weir-sensor/weir/flowtable"
	"github.com/weir-sensor/weir/internal/logging"
	"github.com/weir-sensor/weir/internal/privilege"
	"github.com/weir-sensor/weir/internal/telemetry"
	"github.com/weir-sensor/weir/output"
	"github.com/weir-sensor/weir/report/build"
	"github.com/weir-sensor/weir/sensor"
)

// Config is the whole configuration. The mapstructure tags, joined with dots, are the keys.
type Config struct {
	Capture    capture.Config   `mapstructure:"capture"`
	AFPacket   afpacket.Config  `mapstructure:"afpacket"`
	Pcap       libpcap.Config   `mapstructure:"pcap"`
	Flow       flowtable.Config `mapstructure:"flow"`
	Window     features.Config  `mapstructure:"window"`
	Aggregate  aggregate.Config `mapstructure:"aggregate"`
	Detect     detectors.Config `mapstructure:"detect"`
	Report     build.Config     `mapstructure:"report"`
	Sensor     sensor.Config    `mapstructure:"sensor"`
	Output     output.Config    `mapstructure:"output"`
	Privileges privilege.Config `mapstructure:"privileges"`
	Telemetry  telemetry.Config `mapstructure:"telemetry"`
	Log        logging.Config   `mapstructure:"log"`
}

// Default returns the defaults of config.yaml.
func Default() Config {
	return Config{
		Capture:    capture.DefaultConfig(),
		AFPacket:   afpacket.DefaultConfig(),
		Pcap:       libpcap.DefaultConfig(),
		Flow:       flowtable.DefaultConfig(),
		Window:     features.DefaultConfig(),
		Aggregate:  aggregate.DefaultConfig(),
		Detect:     detectors.DefaultConfig(),
		Report:     build.DefaultConfig(),
		Sensor:     sensor.DefaultConfig(),
		Output:     output.DefaultConfig(),
		Privileges: privilege.DefaultConfig(),
		Telemetry:  telemetry.DefaultConfig(),
		Log:        logging.DefaultConfig(),
	}
}

// Validate returns nil or an *Error with every value that is out of range, in the order of the sections.
func (c Config) Validate() error {
	var problems []Problem
	v := reflect.ValueOf(c)
	for i := range v.NumField() {
		section := v.Type().Field(i).Tag.Get("mapstructure")
		part, ok := v.Field(i).Interface().(interface{ Validate() error })
		if !ok {
			panic("bug: section " + section + " has no Validate")
		}
		if err := part.Validate(); err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				key, text, _ := strings.Cut(line, ": ")
				problems = append(problems, Problem{Key: section + "." + key, Text: text})
			}
		}
	}
	if problems == nil {
		return nil
	}
	return &Error{problems}
}

// leaves calls visit for every value of a configuration struct with its key, in the order of declaration. v must be
// addressable where visit sets leaves.
func leaves(v reflect.Value, prefix string, visit func(key string, leaf reflect.Value)) {
	for i := range v.NumField() {
		tag := v.Type().Field(i).Tag.Get("mapstructure")
		switch field := v.Field(i); {
		case tag == ",squash":
			leaves(field, prefix, visit)
		case field.Kind() == reflect.Struct:
			leaves(field, prefix+tag+".", visit)
		default:
			visit(prefix+tag, field)
		}
	}
}

// values returns every value of c by its key.
func values(c Config) map[string]reflect.Value {
	m := map[string]reflect.Value{}
	leaves(reflect.ValueOf(c), "", func(key string, leaf reflect.Value) { m[key] = leaf })
	return m
}
