package scan

import "github.com/weir-sensor/weir/detect"

// kind is what kind of scan it is.
type kind uint8

const (
	none kind = iota
	addressScan
	portScan
	randomScan
	halfOpenScan
)

func (k kind) String() string {
	return [...]string{"", "address_scan", "port_scan", "random_scan", "half_open"}[k]
}

var kinds = []detect.Kind{
	{Name: addressScan.String(), Severity: detect.Medium, Doc: "Many hosts were asked on few ports, or by ICMP, and did not answer. Severity low where the source is not ours."},
	{Name: portScan.String(), Severity: detect.Medium, Doc: "Many ports of few hosts were asked and did not answer. Severity low where the source is not ours."},
	{Name: randomScan.String(), Severity: detect.Medium, Doc: "Many ports of many hosts were asked and did not answer. Severity low where the source is not ours."},
	{Name: halfOpenScan.String(), Severity: detect.Low, Doc: "A service was asked over and over by handshakes that the client gave up: a SYN scan of that port, or a flood from this one address."},
}

// few is up to how many ports or hosts count as one kind, as in bro-simple-scan.
const few = 5

// judge returns what kind of scan the source makes.
func (d *Detector) judge(k key, s *source) kind {
	minHosts := d.cfg.MinHosts
	if k.proto != protoTCP {
		minHosts = d.cfg.MinHostsOther
	}
	vertical := int(s.targets)-int(s.hosts) >= d.cfg.MinPorts-1 && s.targets >= 3*s.hosts
	horizontal := s.crossed && int(s.hosts) >= minHosts && !s.insists() && !s.dialsPeers(k.proto)
	if d.cfg.Classic {
		horizontal = s.crossed
	}
	switch {
	case !vertical && !horizontal && int(s.gaveUpMost) >= d.cfg.HalfOpen:
		return halfOpenScan
	case !vertical && !horizontal:
		return none
	case s.portCount <= 1:
		return addressScan
	case s.hosts <= 1:
		return portScan
	case s.portTotal() <= few:
		return addressScan
	case s.hosts <= few:
		return portScan
	}
	return randomScan
}
