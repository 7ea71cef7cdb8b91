package packet

import (
	"errors"
	"net/netip"
	"slices"
)

// Networks is a set of IPv4 and IPv6 networks: disjoint ranges of addresses in their order.
type Networks struct{ v4, v6 []addrRange }

type addrRange struct{ first, last Addr }

// ParseNetwork reads a network in CIDR notation, or an address, which stands for itself alone. Bits behind the prefix
// are ignored.
func ParseNetwork(text string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(text); err == nil {
		if a.Zone() != "" {
			return netip.Prefix{}, errors.New("address with a zone")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, err
	}
	if p.Addr().Is4In6() {
		return p, errors.New("IPv4 in IPv6 notation")
	}
	return p.Masked(), nil
}

// NewNetworks returns the set of all that the texts name; they are known to be valid.
func NewNetworks(texts []string) (n Networks) {
	for _, text := range texts {
		p, err := ParseNetwork(text)
		if err != nil {
			panic("bug: network was not validated: " + text)
		}
		if p.Addr().Is4() {
			b := p.Addr().As4()
			n.v4 = append(n.v4, rangeFrom(AddrFrom4(b[:]), 32-p.Bits()))
		} else {
			b := p.Addr().As16()
			n.v6 = append(n.v6, rangeFrom(AddrFrom16(b[:]), 128-p.Bits()))
		}
	}
	n.v4, n.v6 = merge(n.v4), merge(n.v6)
	return n
}

// rangeFrom returns the 2^bits addresses from the first one on.
func rangeFrom(first Addr, bits int) addrRange {
	last := first
	last.Lo |= 1<<min(bits, 64) - 1
	if bits > 64 {
		last.Hi |= 1<<(bits-64) - 1
	}
	return addrRange{first, last}
}

// merge sorts the ranges and drops those inside others. Prefixes are nested or disjoint.
func merge(rs []addrRange) []addrRange {
	slices.SortFunc(rs, func(a, b addrRange) int {
		switch {
		case a.first.Less(b.first) || a.first == b.first && b.last.Less(a.last):
			return -1
		case a == b:
			return 0
		}
		return 1
	})
	kept := rs[:0]
	for _, r := range rs {
		if len(kept) == 0 || kept[len(kept)-1].last.Less(r.first) {
			kept = append(kept, r)
		}
	}
	return kept
}

func (n *Networks) Empty() bool { return len(n.v4)+len(n.v6) == 0 }

// Contains says whether the address, of IP version 4 or 6, is in the set.
func (n *Networks) Contains(a Addr, version uint8) bool {
	rs := n.v6
	if version == 4 {
		rs = n.v4
	}
	low, high := 0, len(rs) // the first range that ends at the address or after it
	for low < high {
		if mid := (low + high) / 2; rs[mid].last.Less(a) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low < len(rs) && !a.Less(rs[low].first)
}
