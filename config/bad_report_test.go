package config

// reportRanges are the ranges of the keys of reports; see TestRangesAreEnforced.
var reportRanges = map[string]accepted{
	"report.databases":  {[]string{"", "a.mmdb,b.mmdb"}, nil},
	"report.zone":       {[]string{"UTC", "Europe/Berlin", "America/St_Johns"}, []string{"", "Local", "Mars/Phobos", "../UTC"}},
	"report.rows":       {[]string{"1", "10000"}, []string{"0", "10001"}},
	"report.all_rows":   {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"report.max_hosts":  {[]string{"16", "10000000"}, []string{"15", "10000001"}},
	"report.max_alerts": {[]string{"1", "1000000"}, []string{"0", "1000001"}},
	"report.sample":     {[]string{"10", "10000"}, []string{"9", "10001"}},
	"report.windows":    {[]string{"100", "1000000"}, []string{"99", "1000001"}},
	"report.label":      {[]string{"", "class"}, nil},
	"report.every":      {[]string{"0s", "1m0s", "744h0m0s"}, []string{"59.999999999s", "744h0m0.000000001s", "-1m0s"}},
}
