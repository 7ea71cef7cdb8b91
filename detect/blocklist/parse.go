package blocklist

import (
	"bytes"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/weir-sensor/weir/packet"
)

const (
	sampleSize = 64 << 10 // bytes at the beginning of a file that tell its format
	maxLine    = 64 << 20 // bytes; a CSV file may have all its addresses in one line
)

// parser reads the lines of a list.
type parser struct {
	list   *List
	column int // of CSV, from 0; anyColumn: every field that is an address
	begun  bool
	bad    string // what is wrong with the line at hand; "": nothing
	fields []string
	names  []string // of the columns, as far as something looked like a header
	err    error    // the file is no such list, whatever else is in it
}

const anyColumn = -1

// newParser returns a parser into list. Where its format is not given, the sample, the beginning of the file, tells.
func newParser(list *List, sample []byte) *parser {
	sample = bytes.TrimPrefix(sample, byteOrderMark)
	if list.Format == Auto {
		list.Format = detectFormat(sample)
	}
	p := &parser{list: list, column: anyColumn}
	if n, err := strconv.Atoi(list.Column); err == nil {
		p.column = n - 1
	}
	return p
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// line reads one line, without its end.
func (p *parser) line(b []byte) {
	p.list.Lines++
	if p.list.Lines == 1 {
		b = bytes.TrimPrefix(b, byteOrderMark)
	}
	if p.list.Format == Plain && p.single(b) {
		return
	}
	text := strings.TrimSpace(string(b))
	p.bad = ""
	switch p.list.Format {
	case CSV:
		p.csv(text)
	case AlienVault:
		p.alienVault(text)
	case DShield:
		p.dshield(text)
	case P2P:
		p.p2p(text)
	default:
		p.plain(text)
	}
	if p.bad != "" {
		p.list.Bad++
		p.problem(p.bad, false)
	}
}

// single takes a line that is nothing but an IPv4 address, as most are, without any garbage; else it is false.
func (p *parser) single(b []byte) bool {
	var octets [4]byte
	for i := range octets {
		n, digits := 0, 0
		for digits < len(b) && digits < 3 && b[digits] >= '0' && b[digits] <= '9' {
			n = 10*n + int(b[digits]-'0')
			digits++
		}
		if digits == 0 || n > 255 || digits > 1 && b[0] == '0' {
			return false
		}
		if b = b[digits:]; i < 3 {
			if len(b) == 0 || b[0] != '.' {
				return false
			}
			b = b[1:]
		}
		octets[i] = byte(n)
	}
	prefix := netip.PrefixFrom(netip.AddrFrom4(octets), 32)
	if len(b) > 0 || refused(prefix) != "" {
		return false
	}
	p.begun = true
	p.list.Given++
	p.add(entry{line: uint32(p.list.Lines)}, prefix)
	return true
}

func (p *parser) problem(text string, used bool) {
	if len(p.list.Problems) < maxProblems {
		p.list.Problems = append(p.list.Problems, Problem{p.list.Lines, text, used})
	}
}

// refuse notes the first thing that is wrong with a line.
func (p *parser) refuse(text, why string) {
	if p.bad == "" {
		p.bad = quote(text) + ": " + why
	}
}

// quote returns the beginning of a text in quotes.
func quote(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:60], "") + "..."
	}
	return strconv.Quote(text)
}

// notAddress is what is wrong with most bad lines.
const notAddress = "want an address, a network such as 192.0.2.0/24, or a range such as 192.0.2.1-192.0.2.9"

// plain reads "ADDRESS [anything]", where anything behind # ; or // is a comment.
func (p *parser) plain(text string) {
	text = uncomment(text)
	first, rest, _ := strings.Cut(strings.ReplaceAll(text, "\t", " "), " ")
	if first == "" {
		return
	}
	begun := p.begun
	p.begun = true
	if rest = strings.TrimSpace(rest); strings.HasPrefix(rest, "-") { // START - END
		end, _, _ := strings.Cut(strings.TrimSpace(rest[1:]), " ")
		first += "-" + end
	}
	first = strings.TrimSuffix(first, ",")
	if !begun && isHeader(first) {
		return
	}
	p.take(first, 0, 0)
}

// uncomment cuts off a comment.
func uncomment(text string) string {
	if i := strings.IndexAny(text, "#;"); i >= 0 {
		text = text[:i]
	}
	if strings.HasPrefix(text, "//") {
		return ""
	}
	text, _, _ = strings.Cut(text, " //")
	return strings.TrimSpace(text)
}

// csv reads a record. The first one that has none of the addresses may be a header, also where it stands in a comment.
func (p *parser) csv(text string) {
	comment := strings.HasPrefix(text, "#")
	if text == "" || comment && p.begun {
		return
	}
	p.fields = splitCSV(p.fields[:0], strings.TrimLeft(text, "# "))
	if !p.begun && p.header() || comment {
		return
	}
	if p.column == anyColumn && p.list.Column != "" {
		p.err = p.noColumn()
		return
	}
	p.begun = true
	if p.column != anyColumn {
		if p.column >= len(p.fields) {
			p.refuse(text, fmt.Sprintf("want a column %d", p.column+1))
			return
		}
		p.take(p.fields[p.column], 0, 0)
		return
	}
	found := false
	for _, field := range p.fields {
		if looksLikeAddress(field) {
			found = true
			p.take(field, 0, 0)
		}
	}
	if !found {
		p.refuse(text, "want a field that is an address or a network")
	}
}

// header takes the record at hand for a header, and says whether it is one: one that names the column that is asked for or,
// where none is, one that is known.
func (p *parser) header() bool {
	if p.list.Column != "" {
		i := slices.IndexFunc(p.fields, func(f string) bool { return strings.EqualFold(f, p.list.Column) })
		if i >= 0 {
			p.column = i
			return true
		}
		if len(p.fields) > 1 && !slices.ContainsFunc(p.fields, looksLikeAddress) {
			p.names = slices.Clone(p.fields)
		}
		return p.column >= 0 && p.column < len(p.fields) && isHeader(p.fields[p.column])
	}
	if i := slices.IndexFunc(p.fields, isHeader); i >= 0 {
		p.column = i
		return true
	}
	return false
}

// noColumn is the error of a file whose header, if it has one, does not name the column that is asked for.
func (p *parser) noColumn() error {
	if p.names == nil {
		return fmt.Errorf("got column %s, want its number: the file has no header", quote(p.list.Column))
	}
	const most = 20
	var names []string
	for _, name := range p.names[:min(len(p.names), most)] {
		names = append(names, quote(name))
	}
	if len(p.names) > most {
		names = append(names, "...")
	}
	return fmt.Errorf("got column %s, want one that the header has: %s", quote(p.list.Column), strings.Join(names, ", "))
}

// isHeader says whether a field is a usual name of a column of addresses.
func isHeader(field string) bool {
	switch strings.ToLower(field) {
	case "ip", "ips", "ip_address", "ip address", "ipaddress", "ipv4", "ipv6", "addr", "address", "src_ip", "dst_ip", "srcip",
		"dstip", "host", "cidr", "network", "netblock", "prefix", "subnet", "range", "ioc", "ioc_value", "indicator":
		return true
	}
	return false
}

// splitCSV appends the fields of a record to dst. Fields may be in quotes, which are doubled within them.
func splitCSV(dst []string, text string) []string {
	for {
		text = strings.TrimLeft(text, " \t")
		if !strings.HasPrefix(text, `"`) {
			field, rest, more := strings.Cut(text, ",")
			dst = append(dst, strings.TrimSpace(field))
			if !more {
				return dst
			}
			text = rest
			continue
		}
		end := 1
		for end < len(text) && (text[end] != '"' || end+1 < len(text) && text[end+1] == '"') {
			if text[end] == '"' {
				end++
			}
			end++
		}
		end = min(end, len(text))
		dst = append(dst, strings.TrimSpace(strings.ReplaceAll(text[1:end], `""`, `"`)))
		_, rest, more := strings.Cut(text[end:], ",")
		if !more {
			return dst
		}
		text = rest
	}
}

// alienVault reads "IP#RELIABILITY#RISK#ACTIVITY#COUNTRY#CITY#LAT,LON#TYPE".
func (p *parser) alienVault(text string) {
	if text == "" || text[0] == '#' {
		return
	}
	fields := strings.SplitN(text, "#", 4)
	if len(fields) < 4 {
		p.refuse(text, "want IP#RELIABILITY#RISK#ACTIVITY and more")
		return
	}
	reliability, risk := weight(fields[1]), weight(fields[2])
	if reliability == 0 || risk == 0 {
		p.refuse(text, "want a reliability and a risk from 1 to 10")
		return
	}
	p.take(fields[0], reliability, risk)
}

// weight reads a number from 1 to 10; 0: it is none.
func weight(text string) uint8 {
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= 10 {
		return uint8(n)
	}
	return 0
}

// dshield reads "START END MASK ...", separated by tabs.
func (p *parser) dshield(text string) {
	text = uncomment(text)
	if text == "" || strings.HasPrefix(strings.ToLower(text), "start") {
		return
	}
	fields := strings.Fields(text)
	if len(fields) < 2 {
		p.refuse(text, "want START and END, separated by a tab")
		return
	}
	p.take(fields[0]+"-"+fields[1], 0, 0)
}

// p2p reads "NAME:START-END" of IPv4; colons may be in the name.
func (p *parser) p2p(text string) {
	if text == "" || text[0] == '#' {
		return
	}
	span := text[strings.LastIndexByte(text, ':')+1:]
	if !strings.Contains(span, "-") {
		p.refuse(text, "want NAME:START-END")
		return
	}
	p.take(span, 0, 0)
}

// take adds an address, a network or a range.
func (p *parser) take(text string, reliability, risk uint8) {
	e := entry{line: uint32(p.list.Lines), reliability: reliability, risk: risk}
	if from, to, ok := strings.Cut(text, "-"); ok {
		p.takeRange(text, from, to, e)
		return
	}
	prefix, err := parsePrefix(text)
	if err != "" {
		p.refuse(text, err)
		return
	}
	masked := prefix.Masked()
	if why := refused(masked); why != "" {
		p.refuse(text, why)
		return
	}
	if masked != prefix {
		p.list.Masked++
		p.problem(fmt.Sprintf("%s: bits behind the prefix, %s is used", quote(text), masked), true)
	}
	p.list.Given++
	p.add(e, masked)
}

// takeRange adds the prefixes that make up a range.
func (p *parser) takeRange(text, from, to string, e entry) {
	start, err1 := netip.ParseAddr(strings.TrimSpace(from))
	end, err2 := netip.ParseAddr(strings.TrimSpace(to))
	start, end = start.Unmap(), end.Unmap()
	switch {
	case err1 != nil || err2 != nil || start.Zone() != "" || end.Zone() != "":
		p.refuse(text, notAddress)
		return
	case start.Is4() != end.Is4() || end.Less(start):
		p.refuse(text, "want a range that begins before it ends")
		return
	}
	var parts []netip.Prefix
	for next := start; ; {
		part := largest(next, end)
		if why := refused(part); why != "" {
			p.refuse(text, why)
			return
		}
		parts = append(parts, part)
		last := addrOf(part.Addr())
		last = lastOf(last, uint(part.Addr().BitLen()-part.Bits()))
		if next = last.Netip(versionOf(start)); next == end {
			break
		}
		next = next.Next()
	}
	p.list.Given++
	for _, part := range parts {
		p.add(e, part)
	}
}

// largest returns the largest network that begins with start and does not go beyond end.
func largest(start, end netip.Addr) netip.Prefix {
	first, last := addrOf(start), addrOf(end)
	free := bits.TrailingZeros64(first.Lo)
	if free == 64 {
		free += bits.TrailingZeros64(first.Hi)
	}
	free = min(free, start.BitLen())
	for last.Less(lastOf(first, uint(free))) {
		free--
	}
	return netip.PrefixFrom(start, start.BitLen()-free)
}

func (p *parser) add(e entry, prefix netip.Prefix) {
	e.first, e.version, e.bits = addrOf(prefix.Addr()), versionOf(prefix.Addr()), uint8(prefix.Bits())
	p.list.entries = append(p.list.entries, e)
}

// Key returns an address as a Table has it, with its IP version.
func Key(a netip.Addr) (packet.Addr, uint8) {
	a = a.Unmap()
	return addrOf(a), versionOf(a)
}

func addrOf(a netip.Addr) packet.Addr {
	b := a.As16()
	return packet.AddrFrom16(b[:])
}

func versionOf(a netip.Addr) uint8 {
	if a.Is4() {
		return 4
	}
	return 6
}

// parsePrefix reads an address, also with a port, or a network; an IPv4 one also where it is written as IPv6. The prefix
// may have bits behind it. why is empty, or what is wrong.
func parsePrefix(text string) (prefix netip.Prefix, why string) {
	if strings.IndexByte(text, '/') >= 0 {
		prefix, err := netip.ParsePrefix(text)
		if err != nil {
			return prefix, notAddress
		}
		if a := prefix.Addr(); a.Is4In6() && prefix.Bits() >= 96 {
			prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
		}
		return prefix, ""
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		with, err := netip.ParseAddrPort(text)
		if err != nil {
			return prefix, notAddress
		}
		a = with.Addr()
	}
	if a.Zone() != "" {
		return prefix, "want an address without a zone"
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), ""
}

// refused says why a prefix is not taken, "": it is. What a list says of addresses that are no host's, or of a large part
// of all, is a mistake, and would be seen on every network.
func refused(prefix netip.Prefix) string {
	a := prefix.Addr()
	switch {
	case a.Is4() && prefix.Bits() < 8:
		return "want networks of /8 or smaller"
	case a.Is6() && prefix.Bits() < 16:
		return "want networks of /16 or smaller"
	case a.Is4() && a.As4()[0] == 0:
		return "0.0.0.0/8 is no host"
	case a.IsUnspecified() || a.Is6() && prefix.Contains(netip.IPv6Unspecified()) || a.Is6() && prefix.Contains(netip.IPv6Loopback()):
		return "the network of :: and ::1 is no host"
	case a.IsLoopback():
		return "loopback addresses are on every host"
	case a.IsMulticast():
		return "multicast addresses are no host"
	case a == broadcast:
		return "the broadcast address is no host"
	}
	return ""
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

// looksLikeAddress says whether a field of a CSV file is to be read as an address: it is one, whatever is wrong with it.
func looksLikeAddress(field string) bool {
	if from, _, ok := strings.Cut(field, "-"); ok {
		field = strings.TrimSpace(from)
	}
	_, why := parsePrefix(field)
	return why != notAddress
}
