package config

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/weir-sensor/weir/detect"
	"github.com/weir-sensor/weir/detect/detectors"
)

// Each key of a detector that reloads makes of a detector that runs what it would have made of a new one.
func TestTune(t *testing.T) {
	small := Default()
	small.Detect.Scan.MaxCandidates, small.Detect.Scan.MaxContacts, small.Detect.Ports.MaxKnown, small.Detect.Lateral.MaxContact = 1, 1000, 1000, 1
	tuned := 0
	for _, key := range Keys() {
		parts := strings.Split(key.Name, ".")
		if !key.Reloads() || parts[0] != "detect" || len(parts) != 3 {
			continue
		}
		other := small
		other.Detect.Detectors = []string{parts[1]}
		running := made(t, other)
		if !another(&other, key.Name) {
			t.Errorf("%s: found no other valid value", key.Name)
			continue
		}
		want := made(t, other)
		if same(reflect.ValueOf(running[0]), reflect.ValueOf(want[0])) {
			t.Errorf("%s: makes no difference", key.Name)
		}
		detectors.Tune(other.Detect, running)
		if !same(reflect.ValueOf(running[0]), reflect.ValueOf(want[0])) {
			t.Errorf("%s: Tune does not make the detector that runs as a new one; does the key take a restart (Key.Reloads)?", key.Name)
		}
		tuned++
	}
	if tuned < 50 {
		t.Errorf("%d keys tune detectors, want all thresholds", tuned)
	}
}

func made(t *testing.T, c Config) []detect.Detector {
	t.Helper()
	all, err := detectors.New(c.Detect, c.Window)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// same compares everything inside two values but functions, random seeds, and what atomics point to.
func same(a, b reflect.Value) bool {
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		return a.IsNil() == b.IsNil() && (a.IsNil() || same(a.Elem(), b.Elem()))
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type().Field(i).Name != "seed" && !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if v := b.MapIndex(k); !v.IsValid() || !same(a.MapIndex(k), v) {
				return false
			}
		}
	case reflect.Func, reflect.UnsafePointer:
	default:
		return a.Equal(b)
	}
	return true
}

// another gives a key another value that is valid.
func another(c *Config, name string) bool {
	found := false
	leaves(reflect.ValueOf(c).Elem(), "", func(key string, leaf reflect.Value) {
		if key != name {
			return
		}
		before := reflect.New(leaf.Type()).Elem()
		before.Set(leaf)
		for _, v := range candidates(before) {
			leaf.Set(reflect.ValueOf(v).Convert(leaf.Type()))
			if format(leaf) != format(before) && c.Validate() == nil {
				found = true
				return
			}
		}
	})
	return found
}

func candidates(v reflect.Value) []any {
	switch v.Kind() {
	case reflect.Bool:
		return []any{!v.Bool()}
	case reflect.Int:
		return []any{v.Int() + 1, v.Int() - 1}
	case reflect.Int64:
		return []any{time.Duration(v.Int()) + time.Hour, time.Duration(v.Int()) + time.Second}
	case reflect.Float64:
		return []any{v.Float() * 0.9, v.Float() * 0.99, v.Float() + 0.1}
	case reflect.String:
		return []any{"robust", "mean_shift"}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint16 {
			return []any{[]uint16{7}}
		}
		return []any{[]string{"B02"}, []string{"tcp/7"}}
	}
	return nil
}
