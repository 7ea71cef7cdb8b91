package config

// aggregateRanges are the ranges of the keys of aggregates; see TestRangesAreEnforced.
var aggregateRanges = map[string]accepted{
	"aggregate.enabled":    {[]string{"false", "true"}, []string{"2"}},
	"aggregate.span":       {[]string{"0s", "1s", "8784h0m0s"}, []string{"500ms", "1500ms", "8784h0m1s"}},
	"aggregate.step":       {[]string{"1s", "24h0m0s"}, []string{"0s", "1500ms", "24h0m1s"}},
	"aggregate.expiry":     {[]string{"0s", "720h0m0s"}, []string{"-1s", "720h0m0.000000001s"}},
	"aggregate.networks":   {[]string{"", "10.0.0.0/8,fd00::/8", "192.0.2.1"}, []string{"10.0.0.0/33", "x"}},
	"aggregate.max_tuples": {[]string{"1", "100000000"}, []string{"0", "100000001"}},
	"aggregate.max_pairs":  {[]string{"1", "10000000"}, []string{"0", "10000001"}},
	"aggregate.max_ports":  {[]string{"1", "100000000"}, []string{"0", "100000001"}},
}
