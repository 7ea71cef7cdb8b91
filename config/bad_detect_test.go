package config

// detectRanges are the ranges of the detectors' keys; see TestRangesAreEnforced.
var detectRanges = map[string]accepted{
	"detect.detectors":      {[]string{"", "default", "all"}, []string{"none", "Default"}},
	"detect.suppress":       {[]string{"0s", "24h0m0s"}, []string{"-1s", "24h0m0.000000001s"}},
	"detect.max_standing":   {[]string{"1", "10000000"}, []string{"0", "10000001"}},
	"detect.local_networks": {[]string{"", "10.0.0.0/8,fd00::/8", "192.0.2.1"}, []string{"10.0.0.0/33", "x"}},
}
