// Package detectors gathers all detectors and their settings: it makes, by their names, those that a run wants.
package detectors
