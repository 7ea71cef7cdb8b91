package config

// detectRanges are the ranges of the detectors' keys; see TestRangesAreEnforced.
var detectRanges = map[string]accepted{
	"detect.detectors":      {[]string{"", "default", "all"}, []string{"none", "Default"}},
	"detect.suppress":       {[]string{"0s", "24h0m0s"}, []string{"-1s", "24h0m0.000000001s"}},
	"detect.max_standing":   {[]string{"1", "10000000"}, []string{"0", "10000001"}},
	"detect.local_networks": {[]string{"", "10.0.0.0/8,fd00::/8", "192.0.2.1"}, []string{"10.0.0.0/33", "x"}},

	"detect.pairs.expiry":          {[]string{"10s", "24h0m0s"}, []string{"9.999999999s", "24h0m0.000000001s"}},
	"detect.pairs.min_pairs":       {[]string{"4", "1000000"}, []string{"3", "1000001"}},
	"detect.pairs.min_new_ports":   {[]string{"1", "65536"}, []string{"0", "65537"}},
	"detect.pairs.min_new_targets": {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"detect.pairs.min_votes":       {[]string{"1", "5"}, []string{"0", "6"}},
	"detect.pairs.min_flows":       {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"detect.pairs.max_pairs":       {[]string{"1", "10000000"}, []string{"0", "10000001"}},
	"detect.pairs.max_ports":       {[]string{"1", "100000000"}, []string{"0", "100000001"}},
	"detect.pairs.compat":          {[]string{"false", "true"}, []string{"2"}},

	"detect.ensemble.calibration": {[]string{"", "builtin"}, nil},
	"detect.ensemble.base_rate":   {[]string{"1e-09", "0.5"}, []string{"0", "0.51", "NaN"}},
	"detect.ensemble.scores":      {[]string{"100", "1000000"}, []string{"99", "1000001"}},
	"detect.ensemble.memory":      {[]string{"1m0s", "8760h0m0s"}, []string{"59.999999999s", "8760h0m0.000000001s"}},
	"detect.ensemble.max_hosts":   {[]string{"4", "10000000"}, []string{"3", "10000001"}},
	"detect.ensemble.groups":      {[]string{"", "scan+hosts,beacon"}, []string{"scan+", "scan,scan+hosts"}},

	"detect.beacon.min_contacts":  {[]string{"5", "256"}, []string{"4", "257"}},
	"detect.beacon.min_period":    {[]string{"10ms", "24h"}, []string{"9ms", "24h1s"}},
	"detect.beacon.max_jitter":    {[]string{"0.01", "0.5"}, []string{"0", "0.51", "NaN"}},
	"detect.beacon.max_p":         {[]string{"0", "0.1"}, []string{"-1", "0.2", "NaN"}},
	"detect.beacon.max_clients":   {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"detect.beacon.ignore_ports":  {[]string{"", "1,65535"}, []string{"0"}},
	"detect.beacon.max_pairs":     {[]string{"1", "10000000"}, []string{"0", "10000001"}},
	"detect.beacon.max_series":    {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"detect.beacon.max_judged":    {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"detect.beacon.max_endpoints": {[]string{"1", "10000000"}, []string{"0", "10000001"}},

	"detect.density.columns":         {[]string{"bytes", "packets,duration,up_down_ratio"}, []string{"", "size", "bytes,bytes"}},
	"detect.density.scaling":         {[]string{"plain", "robust", "both"}, []string{"", "none"}},
	"detect.density.eps":             {[]string{"0.001", "1000"}, []string{"0", "1001", "NaN"}},
	"detect.density.min_samples":     {[]string{"1", "10000"}, []string{"0", "10001"}},
	"detect.density.min_flows":       {[]string{"2", "1000000"}, []string{"1", "1000001"}},
	"detect.density.max_flows":       {[]string{"100", "1000000"}, []string{"99", "1000001"}},
	"detect.density.flows_per_alert": {[]string{"1", "1000000000"}, []string{"0", "1000000001"}},
}
