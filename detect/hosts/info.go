package hosts

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "hosts",
		Watches: "flows, judged every 10 s and 10 min",
		Idea: "Most clients use few ports, and most servers answer on few. The distinct ports of each address in 10 min, as a client " +
			"and as a server apart, are compared with those of all others in that role; over a hundred are an alert by themselves.",
		Formula: "n = distinct (protocol, server port): asked by a client, answered by a server. Clients that nobody answered on the one\n" +
			"port that they asked are left out, as are flows to multicast and\n" +
			"broadcast addresses, and those of which it is a guess who asked (client_by first, and answered or TCP with ACK or RST).\n" +
			"over_fence: n > max(min_ports, P90, median + deviations * 1.4826 * MAD) over all addresses of the role, min_hosts or more;\n" +
			"who was over it stays so until n <= 0.8 of it. many_ports: n > many_ports, and at each doubling.\n" +
			"P90 and median by linear interpolation (type 7 of Hyndman and Fan), MAD the median absolute deviation.",
		Cost: "One look into a table per flow, two where it was answered; a new port changes two counts. A walk over all hosts every 10 min.",
		Memory: "100 bytes for each of max_hosts, 220 more where it has several ports or peers, 1 kB for each of max_busy, 25 kB for each of max_scanned: 67 MB at most. Counts are exact; " +
			"peers are estimated in 512 bits (standard error 3.5 % at 500, at most 3,194).",
		Wrong: "Address translation and proxies use the ports of many. Servers of passive FTP, RPC and peer-to-peer programs use many ports " +
			"by themselves. It ranks and does not say why; scan and ports do.",
		Remedy: "min_ports and deviations for fewer alerts; many_ports above what a busy proxy uses.",
		Kinds:  kinds,
	}
}
