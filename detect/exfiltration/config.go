package exfiltration

import "github.com/weir-sensor/weir/detect"

// Config is the detector's part of the configuration.
type Config struct {
	MinBytes     int     `mapstructure:"min_bytes"`      // sent out in 10 min
	MinBytesHour int     `mapstructure:"min_bytes_hour"` // in an hour
	MinBytesDay  int     `mapstructure:"min_bytes_day"`  // in a day
	MinRatio     float64 `mapstructure:"min_ratio"`      // of bytes out to bytes in
	Percentile   float64 `mapstructure:"percentile"`     // of the peers' bytes out that has to be passed
	MinPeers     int     `mapstructure:"min_peers"`      // peers from which their percentile counts
	Hoard        int     `mapstructure:"hoard"`          // bytes fetched in 10 min that are worth a note
	DNSQuery     int     `mapstructure:"dns_query"`      // mean payload of DNS queries, bytes, that carry data
	DNSRate      int     `mapstructure:"dns_rate"`       // bytes a minute of data in queries
	MinQueries   int     `mapstructure:"min_queries"`    // DNS queries from which their mean counts
	MaxClients   int     `mapstructure:"max_clients"`    // clients remembered
	MaxResolvers int     `mapstructure:"max_resolvers"`  // pairs of client and resolver remembered
	Compat       bool    `mapstructure:"compat"`         // list the tenth of clients with the largest ratio of bytes in to bytes out, too
}

// DefaultConfig returns the defaults of config.yaml.
func DefaultConfig() Config {
	return Config{
		MinBytes:     1_000_000,
		MinBytesHour: 3_000_000,
		MinBytesDay:  10_000_000,
		MinRatio:     4,
		Percentile:   99,
		MinPeers:     5,
		Hoard:        500_000_000,
		DNSQuery:     90,
		DNSRate:      200,
		MinQueries:   20,
		MaxClients:   65536,
		MaxResolvers: 32768,
	}
}

// Validate returns nil or all problems joined, each as "key: got X, want Y".
func (c Config) Validate() error {
	const most = 1_000_000_000_000
	var b detect.Bounds
	detect.Between(&b, "min_bytes", c.MinBytes, 1, most)
	detect.Between(&b, "min_bytes_hour", c.MinBytesHour, 1, most)
	detect.Between(&b, "min_bytes_day", c.MinBytesDay, 1, most)
	detect.Between(&b, "min_ratio", c.MinRatio, 1, 1000)
	detect.Between(&b, "percentile", c.Percentile, 50, 100)
	detect.Between(&b, "min_peers", c.MinPeers, 1, 1_000_000)
	detect.Between(&b, "hoard", c.Hoard, 1, most)
	detect.Between(&b, "dns_query", c.DNSQuery, 20, 1500)
	detect.Between(&b, "dns_rate", c.DNSRate, 1, 1_000_000)
	detect.Between(&b, "min_queries", c.MinQueries, 2, 1_000_000)
	detect.Between(&b, "max_clients", c.MaxClients, 1, 10_000_000)
	detect.Between(&b, "max_resolvers", c.MaxResolvers, 1, 10_000_000)
	return b.Err()
}
