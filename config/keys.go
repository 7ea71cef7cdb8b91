package config

import (
	"slices"
	"strings"
)

// Key describes one key of the configuration. Its type and its default are those of its field in Config.
type Key struct {
	Name  string // words joined by dots
	Unit  string // what the value counts or measures
	Range string // what is accepted
	Why   string // one sentence: what it does and why one would change it
}

// Variable returns the name of the environment variable that sets the key.
func (k Key) Variable() string {
	return "WEIR_" + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Section describes a group of keys.
type Section struct{ Name, Why string }

const (
	timeouts = "0s (never) or 1ms to 720h"
	tunnels  = "any of gre, vxlan, geneve, ipip, gtpu, teredo"
)

// Keys returns every key in the order of Config's fields: config.yaml and docs/CONFIG.md are made from it. The
// caller owns the slice.
func Keys() []Key {
	return slices.Concat(captureKeys(), aggregateKeys(), detectKeys(), reportKeys(), runKeys())
}

func captureKeys() []Key {
	return []Key{
		{"capture.tunnels", "list", tunnels,
			"Tunnels to open: the packets inside are counted in flows of their own instead of the tunnel's."},
		{"capture.checksums", "switch", "true or false",
			"Verify IP, TCP, UDP, SCTP and ICMP checksums; bad ones are counted, never dropped."},
		{"capture.dedup", "switch", "true or false",
			"Drop a packet that equals one of the last 8 within 10 ms, as a mirror of two ports delivers it."},
		{"capture.filter", "filter text", "what pcap-filter(7) describes; empty: every packet",
			"Only packets that match are counted in flows, in live capture and in replay alike."},

		{"afpacket.ring_size", "bytes", "16777216 (four blocks) to 2147483648",
			"Room for packets that wait to be read, for each shard; more of it bridges longer bursts."},
		{"afpacket.block_size", "bytes", "a multiple of 65536 up to 16777216",
			"The ring is handed over in blocks of this size; a frame has to fit into one."},
		{"afpacket.block_timeout", "duration", "1ms to 200ms",
			"A block is handed over when it is this old, full or not: the most that a packet waits on a quiet wire."},
		{"afpacket.poll", "duration", "1ms to 1s",
			"How long a shard waits for packets before it looks at the clock."},
		{"afpacket.snaplen", "bytes", "64 to 4194048 (what fits in a block)",
			"Bytes captured of a frame at most; what is cut off is missing in payload features."},
		{"afpacket.promiscuous", "switch", "true or false",
			"Also capture frames for other stations, which is what a span port delivers."},
		{"afpacket.timestamps", "name", "kernel or hardware",
			"Whose clock stamps the packets: the kernel's, or the network card's where it has one."},

		{"pcap.buffer", "bytes", "65536 to 1073741824 bytes",
			"Room for packets that wait to be read through libpcap; more of it bridges longer bursts."},
		{"pcap.snaplen", "bytes", "64 to 262144 bytes",
			"Bytes captured of a frame at most; what is cut off is missing in payload features."},
		{"pcap.promiscuous", "switch", "true or false",
			"Also capture frames for other stations, which is what a span port delivers."},
		{"pcap.immediate", "switch", "true or false",
			"Deliver each packet at once; the buffer then has room for few packets."},
		{"pcap.timestamps", "name", "host, host_lowprec, host_hiprec, adapter, adapter_unsynced",
			"Whose clock stamps the packets, by libpcap's names, see pcap-tstamp(7)."},
		{"pcap.poll", "duration", "1ms to 200ms",
			"How long packets may gather in the buffer before they are read."},

		{"flow.max_flows", "flows", "1 to 100000000",
			"Open flows over all shards, which bounds memory; when the table is full, the least useful flow is evicted."},
		{"flow.max_fragments", "packets", "1 to 1000000",
			"First fragments remembered over all shards, so that later ones find their flow; the oldest is forgotten."},
		{"flow.active_timeout", "duration", timeouts,
			"A flow that lasts longer is written in parts, so that long flows are seen before they end."},
		{"flow.idle.tcp", "duration", timeouts,
			"A TCP flow with a complete handshake ends after this long without a packet."},
		{"flow.idle.tcp_embryonic", "duration", timeouts,
			"A TCP flow whose handshake is not complete ends after this; short, since floods and scans make many."},
		{"flow.idle.tcp_closed", "duration", timeouts,
			"A TCP flow that was closed or reset ends after this, so that stray retransmissions still count in it."},
		{"flow.idle.udp", "duration", timeouts,
			"A UDP flow ends after this long without a packet."},
		{"flow.idle.icmp", "duration", timeouts,
			"An ICMP or ICMPv6 flow ends after this long without a packet."},
		{"flow.idle.other", "duration", timeouts,
			"A flow of any other protocol ends after this long without a packet."},
		{"flow.key_vlan", "switch", "true or false",
			"Keep flows of different outermost VLAN ids apart, for networks that use the same addresses twice."},
		{"flow.server_ports", "list", "ports from 1 to 65535",
			"Ports above 1023 that mark a server where no handshake tells who opened the flow."},
		{"flow.mtu", "bytes", "68 to 65535",
			"IP packets longer than this were never on the wire as one; their flows carry the remark offload."},
		{"flow.pressure", "share of flow.max_flows", "above 0, up to 1",
			"Above this many open flows, embryonic and idle ones end sooner, so that the table does not fill up."},
		{"flow.relief", "share of flow.max_flows", "above 0, up to flow.pressure",
			"Below this many open flows, the pressure is over and the timeouts are the usual ones again."},
		{"flow.features", "list", "all by itself, or each at most once of lengths, intervals, entropy, first_payload, splt, bursts, first_packet",
			"Groups of flow features to compute and write as columns; what is left out costs nothing and is no column."},
		{"flow.max_first_payloads", "payloads", "1 to 1000000",
			"First payloads put together at a time over all shards, 2 kB each; the one begun first is given up for another."},

		{"window.enabled", "switch", "true or false",
			"Compute the features of windows of packets between two hosts, and write them beside the flows."},
		{"window.by", "name", "pair or flow",
			"What a window is of: all packets that two hosts exchange, or those of one TCP connection."},
		{"window.cut", "name", "packets or time",
			"When a window is complete: after window.packets packets, or with its time segment."},
		{"window.packets", "packets", "1 to 1000",
			"Packets in a window; with cut time, how many sequence numbers and lengths it remembers."},
		{"window.segment", "duration", "1ms to 10m",
			"Time is cut into segments of this length, aligned to the epoch; a window never reaches beyond one."},
		{"window.clients", "list", "networks such as 10.0.0.0/8 or fd00::/8, or addresses",
			"An end in one of these networks is the client; without any, the first packet of the two tells."},
		{"window.groups", "list", "each at most once of entropy, interval, interval_bins, tcp_len, tcp_len_bins, psh",
			"Groups of features to compute; what is left out costs nothing and is no column."},
		{"window.max_pairs", "pairs", "1 to 10000000",
			"Pairs of hosts, or flows, remembered over all shards, which bounds memory; the longest idle is forgotten."},
	}
}

// runKeys are the keys of what surrounds the pipeline.
func runKeys() []Key {
	return []Key{
		{"sensor.shards", "shards", "0 (one for each CPU) to 256",
			"Flow tables that work side by side; records are the same whatever the number, while no table is full."},
		{"sensor.batch", "packets", "1 to 65536",
			"Packets handed from the reader to a shard at a time; records are the same whatever the number."},

		{"output.format", "name", "ndjson, csv or parquet",
			"How records are written: one JSON object per line, comma-separated values with a header, or Parquet files."},
		{"output.rotate.every", "duration", "0s (never) or 1s to 720h",
			"A file has the records due within this stretch of packet time, aligned to the epoch; then comes the next."},
		{"output.rotate.size", "bytes", "0 (never) or 65536 to 1099511627776",
			"A file that has reached this size is completed, so that files stay of a size that other programs can handle."},
		{"output.queue", "records", "256 to 10000000",
			"Records that may wait for each output while it is slow or its disk full; what comes then is lost, and counted."},
		{"output.flush", "duration", "10ms to 1m",
			"A record is written after this at the latest, and a full disk tried again; what a killed program loses."},
		{"output.sync", "duration", "0s (never) or 1s to 1h",
			"How often the file being written is synced to disk, for machines that lose power; complete files always are."},
		{"output.drain", "duration", "1s to 10m",
			"At the end of the program, an output that has not taken its records after this is given up."},

		{"privileges.user", "name", "a user's name or number; empty: stay who one is",
			"Who weir live becomes, with that user's groups, once the capture is open; only root can."},
		{"privileges.landlock", "name", "auto, on or off",
			"Close the file system but for the output: where the kernel has Landlock, or not run without, or never."},

		{"telemetry.listen", "address", "empty (off), or an address and a port such as 127.0.0.1:9109",
			"Where a live run serves /metrics, /healthz and /readyz; to whoever can reach it, so better not on every address."},

		{"log.level", "name", "debug, info, warn or error",
			"The least severe messages that are logged to standard error."},
		{"log.format", "name", "text or json",
			"How messages are logged: key=value text to read, or JSON for a log collector."},
	}
}

// Sections returns every group of keys with what it is about. The caller owns the slice.
func Sections() []Section {
	return []Section{
		{"capture", "What is done with packets before they become flows."},
		{"afpacket", "Live capture through rings shared with the Linux kernel."},
		{"pcap", "Live capture through libpcap."},
		{"flow", "How packets become flows, when flows end, and how many may be open."},
		{"flow.idle", "How long a flow of each kind may be silent, in packet time."},
		{"window", "Features of windows of packets between two hosts."},
		{"aggregate", "Sums of flow records, as an output of their own."},
		{"detect", "What judges flows and windows, and how often it says the same."},
		{"detect.basic", "Headers that no honest host sends, and ports that are watched."},
		{"detect.blocklist", "Flows with an end on a list."},
		{"detect.ports", "Which ports are used, and which for the first time."},
		{"detect.hosts", "Addresses with many ports, compared with others."},
		{"detect.scan", "Who asks many hosts or ports that do not answer."},
		{"detect.pairs", "Pairs of hosts that use far more ports in 10 s than the others."},
		{"detect.density", "Flows that lie far from all others of their minute."},
		{"detect.clusters", "Kinds of flows in the whole input, and flows far from every kind; off by default."},
		{"detect.trend", "Sudden rises of flows, bytes and unanswered attempts, and floods."},
		{"detect.beacon", "Regular contacts of a client with a server."},
		{"detect.sequence", "Hosts whose 10 s are not what a recurrent network, trained on good traffic, expects."},
		{"detect.exfiltration", "Clients that send out far more than they fetch, and DNS tunnels."},
		{"detect.lateral", "Internal hosts that talk where they never did, and guessing of passwords."},
		{"detect.transport", "Servers of fully encrypted transports, by how flows to them begin."},
		{"detect.ensemble", "What becomes of all detectors' scores: a ranking of hosts, and probabilities."},
		{"report", "What a report is made with, and how long its tables are."},
		{"sensor", "How the work is spread over the CPUs."},
		{"output", "How records are written; all but the format is for live runs."},
		{"output.rotate", "When a live run completes a file and begins the next."},
		{"privileges", "What a live run gives up once the capture is open."},
		{"telemetry", "What a live run tells Prometheus and others."},
		{"log", "What the program says about itself."},
	}
}
