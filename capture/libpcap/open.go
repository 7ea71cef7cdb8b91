package libpcap

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/gopacket/pcap"

	"github.com/weir-sensor/weir/internal/netdev"
)

// Why an interface could not be opened, for errors.Is. The errors of Open say in one line what to do about it.
var (
	ErrNoInterface = errors.New("no such interface")
	ErrPermission  = errors.New("no permission to capture")
	ErrDown        = errors.New("interface is down")
	ErrFilter      = errors.New("filter does not compile")
	ErrTimestamps  = errors.New("no such timestamps")
)

// open returns an activated handle with the filter set, and whether its clock is another one than the system's.
func open(iface string, cfg Config, filter string) (*pcap.Handle, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("open %s: %w", iface, err)
	}
	// libpcap knows no promiscuous mode of all interfaces at once, and says so in a way that ends the attempt.
	promiscuous := cfg.Promiscuous && iface != netdev.Any
	handle, err := activate(iface, cfg, promiscuous)
	if err != nil && promiscuous && err.Error() == promiscuousRefused {
		handle, err = activate(iface, cfg, false)
	}
	if err != nil {
		return nil, explain(iface, err)
	}
	if filter == "" {
		return handle, nil
	}
	err = errors.New("zero byte in the text")
	if strings.IndexByte(filter, 0) < 0 {
		err = handle.SetBPFFilter(filter)
	}
	if err != nil {
		handle.Close()
		return nil, fmt.Errorf("open %s: %w: %q: %s", iface, ErrFilter, filter, oneLine(err.Error()))
	}
	return handle, nil
}

func activate(iface string, cfg Config, promiscuous bool) (*pcap.Handle, error) {
	inactive, err := pcap.NewInactiveHandle(iface)
	if err != nil {
		return nil, err
	}
	defer inactive.CleanUp()
	for _, err := range []error{
		inactive.SetSnapLen(cfg.Snaplen), inactive.SetPromisc(promiscuous), inactive.SetTimeout(cfg.Poll),
		inactive.SetBufferSize(cfg.Buffer), inactive.SetImmediateMode(cfg.Immediate), setTimestamps(inactive, cfg.Timestamps),
	} {
		if err != nil {
			return nil, err
		}
	}
	handle, err := inactive.Activate() // nanoseconds where the platform has them
	if err == nil {
		return handle, nil
	}
	if more := inactive.Error(); more != nil && more.Error() != "" {
		return nil, &activateError{err.Error(), oneLine(more.Error())}
	}
	return nil, err
}

// setTimestamps chooses whose clock stamps the packets. An interface that lists none has the host's alone.
func setTimestamps(inactive *pcap.InactiveHandle, name string) error {
	if name == "host" {
		return nil
	}
	source, err := pcap.TimestampSourceFromString(name)
	if err != nil {
		return fmt.Errorf("%w: %q", ErrTimestamps, name)
	}
	has := []string{"host"}
	for _, s := range inactive.SupportedTimestamps() {
		if s == source {
			return inactive.SetTimestampSource(source)
		}
		if s.String() != "host" {
			has = append(has, s.String())
		}
	}
	return fmt.Errorf("%w: got %q, want %s", ErrTimestamps, name, strings.Join(has, ", "))
}

// activateError is why libpcap did not begin: gopacket's name for the kind, which is all it gives, and libpcap's text.
type activateError struct{ kind, text string }

func (e *activateError) Error() string { return e.kind }

// gopacket's names of libpcap's reasons.
const (
	promiscuousRefused  = "Cannot set as promisc"
	noSuchDevice        = "No Such Device"
	denied              = "Permission Denied"
	deniedPromiscuous   = "unknown activated error: -11" // PCAP_ERROR_PROMISC_PERM_DENIED, for which it has no name
	notUp               = "Interface Not Up"
	withoutNameOfReason = "Error: "
)

// explain turns libpcap's reason into what the user can do. Permission is looked at after the name, as a user without
// any gets to know of a wrong name, too.
func explain(iface string, err error) error {
	if errors.Is(err, ErrTimestamps) {
		return fmt.Errorf("open %s: %w", iface, err)
	}
	kind, text := err.Error(), ""
	if a := (*activateError)(nil); errors.As(err, &a) {
		text = a.text
	}
	_, exists := netdev.Lookup(iface)
	switch {
	case !exists && (kind == noSuchDevice || kind == denied || kind == deniedPromiscuous):
		return fmt.Errorf("open %s: %w; there are %s", iface, ErrNoInterface, netdev.Names())
	case kind == denied || kind == deniedPromiscuous:
		return fmt.Errorf("open %s: %w: it takes CAP_NET_RAW; run as root, or once '%s'",
			iface, ErrPermission, netdev.Grant())
	case kind == notUp:
		return fmt.Errorf("open %s: %w; 'ip link set %s up' brings it up", iface, ErrDown, iface)
	case text != "":
		kind = strings.TrimPrefix(kind, withoutNameOfReason)
		if kind == text {
			return fmt.Errorf("open %s: %s", iface, text)
		}
		return fmt.Errorf("open %s: %s: %s", iface, strings.ToLower(kind), text)
	}
	return fmt.Errorf("open %s: %w", iface, err)
}

// linkType returns the LINKTYPE_ number of what a handle captures. Its DLT_ number, which gopacket cuts to eight bits, is
// made whole from the names of what the interface has.
func linkType(handle *pcap.Handle) (uint16, error) {
	dlt := int(handle.LinkType())
	links, err := handle.ListDataLinks()
	if err != nil {
		return 0, fmt.Errorf("list link types: %w", err)
	}
	for _, l := range links {
		if whole := pcap.DatalinkNameToVal(l.Name); whole > 0xff && whole&0xff == dlt && !named(links, dlt) {
			dlt = whole
		}
	}
	return linkOf(dlt), nil
}

// named says whether one of the link types has the number.
func named(links []pcap.Datalink, dlt int) bool {
	for _, l := range links {
		if pcap.DatalinkNameToVal(l.Name) == dlt {
			return true
		}
	}
	return false
}

// linkOf is the LINKTYPE_ number of a DLT_ number. They differ where systems gave their own numbers before there was a
// common list (pcap-linktype(7)); what is not here is the same, or one system's own.
func linkOf(dlt int) uint16 {
	switch dlt {
	case 11: // DLT_ATM_RFC1483
		return 100
	case 12: // DLT_RAW
		return 101
	case 15: // DLT_SLIP_BSDOS
		return 102
	case 16: // DLT_PPP_BSDOS
		return 103
	case 19: // DLT_ATM_CLIP on Linux
		return 106
	}
	return uint16(dlt)
}
