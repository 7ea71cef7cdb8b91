package geo

import "net/netip"

// Kind says what an address is.
type Kind uint8

// The kinds.
const (
	Unknown  Kind = iota // no database knows it
	Known                // a database has something about it
	Private              // of a network that is not on the Internet
	Reserved             // multicast, documentation and whatever else is no host's on the Internet
)

// String returns the name that stands for a country where there is none; "" for Known.
func (k Kind) String() string { return [...]string{"unknown", "", "private", "reserved"}[k] }

// Place is what the databases say of an address. The zero value is an unknown one.
type Place struct {
	Kind    Kind
	Country string // ISO 3166-1 code, such as DE; "" where not known
	Name    string // of the country, in English
	City    string // in English
	ASN     uint32 // 0: not known
	Org     string // who runs that network
}

// special are the networks that no database is asked about (IANA's registries of special-purpose addresses; RFC 6890).
type special struct {
	prefix netip.Prefix
	kind   Kind
}

func specials() (all []special) {
	for _, text := range []string{"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "169.254.0.0/16", "127.0.0.0/8",
		"fc00::/7", "fe80::/10", "::1/128"} {
		all = append(all, special{netip.MustParsePrefix(text), Private})
	}
	for _, text := range []string{"0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
		"224.0.0.0/4", "240.0.0.0/4", "::/128", "100::/64", "2001:db8::/32", "fec0::/10", "ff00::/8"} {
		all = append(all, special{netip.MustParsePrefix(text), Reserved})
	}
	return all
}
