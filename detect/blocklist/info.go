package blocklist

import "github.com/weir-sensor/weir/detect"

// Info implements detect.Detector.
func (d *Detector) Info() detect.Info {
	return detect.Info{
		Name:    "blocklist",
		Watches: "flows, 10 s batches of what was found",
		Idea: "Others publish addresses that they saw attack, control malware or belong to nobody. Both ends of every flow are looked up " +
			"in all lists; an alert names the end that is listed and its role, the lists, the line and the prefix. A host of ours that " +
			"went to a listed server and was answered is what matters; listed clients that knock are the Internet's noise.",
		Formula: "longest prefix around the address, and all others around that one, over all lists (detect.blocklist.lists; docs/BLOCKLISTS.md)\n" +
			"score: reliability x concern; reliability: the highest of the lists that say it (AlienVault) / 10, 1 for others\n" +
			"concern: listed server that answered a local client 1, another client 0.7, that did not answer 0.4;\n" +
			"listed client that was answered 0.3, that was not 0.1\n" +
			"severity: high from 0.65, medium from 0.35, low from 0.25, else info\n" +
			"one alert for a listed server and each of its clients, and for a listed client, of 10 s; beyond max_alerts one for the rest",
		Cost: "two lookups per flow: 43 million a second of random IPv4 addresses among a million prefixes, 25 of listed ones, 11 of IPv6 (docs/BLOCKLISTS.md)",
		Memory: "38 MiB for a million prefixes of IPv4, 46 MiB of IPv6, twice that and some garbage while lists are read again; 4 MB for at most " +
			"16384 contacts of 10 s, those not seen for longest are forgotten and the alerts are degraded",
		Wrong: "An address of a hosting company, a CDN or a mobile network stands for many hosts, of which one was bad. Lists are old when they " +
			"are read, and older later. A researcher's sinkhole is listed like what it replaced. Behind a NAT the client is not the one named.",
		Remedy: "Leave out the list that is wrong most often: its name is in each alert. Fetch lists daily; a changed file is read again, " +
			"also while weir live runs. skip_local: false also looks up the addresses of detect.local_networks.",
		Kinds: []detect.Kind{
			{Name: kindServer, Severity: detect.High, Doc: "A host went to a listed server; medium where it was not answered."},
			{Name: kindClient, Severity: detect.Low, Doc: "A listed client was answered; info where it was not."},
			{Name: kindMany, Severity: detect.Informational, Doc: "More contacts with listed hosts in 10 s than max_alerts; the severity is that of the worst."},
		},
	}
}
