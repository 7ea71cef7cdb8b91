package arch

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// layer says what the packages of one place in the pipeline may import of the module.
type layer struct {
	packages string   // a directory, or DIR/* for all directly below it
	may      []string // directories; DIR/* for all directly below one
	stdOnly  bool     // nothing of third parties
	why      string
}

var pipeline = []layer{
	{"packet", nil, true, "the decoder is a pure function of bytes"},
	{"capture", nil, true, "it is the contract that every source implements, and knows none of them"},
	{"capture/*", []string{"capture", "internal/netdev"}, false, "a source delivers frames and knows nothing of what becomes of them"},
	{"doctor", []string{"capture", "packet"}, true, "it judges frames and what it is told, and opens nothing"},
	{"payload", nil, true, "it measures bytes, whoever sent them"},
	{"flowtable", []string{"packet", "payload"}, true, "a table turns packets into records, wherever they come from and go to"},
	{"features", []string{"packet", "payload", "flowtable"}, false, "features are computed from packets and flows alone"},
	{"detect", []string{"packet", "flowtable", "features", "internal/resident"}, false, "a detector sees records, not where they came from"},
	{"learn", nil, false, "it fits numbers, whatever they stand for"},
	{"detect/detectors", []string{"packet", "features", "detect", "detect/*"}, false, "it gathers all detectors and their Configs"},
	{"detect/sketch", []string{"packet", "internal/resident"}, true, "it counts hashes, whatever they stand for"},
	{"detect/sample", []string{"packet", "flowtable", "detect", "aggregate"}, true, "it keeps numbers of flows, whoever compares them"},
	{"detect/*", []string{"packet", "payload", "flowtable", "features", "detect", "detect/sketch", "detect/sample", "learn", "internal/resident"}, false, "detectors do not know each other"},
	{"aggregate", []string{"packet", "flowtable", "detect"}, true, "it sums records up, wherever the rows go"},
	{"output", []string{"packet", "payload", "flowtable", "features", "detect", "aggregate"}, false, "a sink writes records and changes nothing"},
	{"output/*", []string{"packet", "flowtable", "features", "detect", "output"}, false, "a format knows no other"},
	{"flowfile", []string{"packet", "payload", "flowtable", "detect", "output"}, false, "it reads what output writes, and what others write"},
	{"sensor", []string{"capture", "packet", "payload", "flowtable", "features", "detect", "output"}, false,
		"the pipeline works on contracts; cmd chooses sources, detectors and formats"},
	{"research/covertmark", []string{"payload", "features", "learn"}, false, "a strategy sees payloads, lengths and numbers, not where they came from"},
	{"research/plots", []string{"learn"}, false, "a plot is made of numbers"},
	{"research", []string{"research/covertmark", "research/plots", "packet", "payload", "flowtable", "features", "learn", "detect", "detect/*", "output"}, false, "models are made from records"},
	{"report", []string{"packet", "flowtable", "features", "detect", "output"}, false, "a report is made from records"},
	{"report/geo", nil, false, "it says what addresses are, whoever asks"},
	{"report/build", []string{"packet", "flowtable", "features", "detect", "detect/*", "output", "flowfile", "report", "report/geo"}, false, "it makes reports from records, and knows no form of them"},
	{"config", []string{"capture", "capture/*", "packet", "flowtable", "features", "aggregate", "detect", "detect/*", "output", "output/*",
		"sensor", "report", "report/*", "internal/logging", "internal/privilege", "internal/telemetry"}, false, "it gathers everybody's Config"},
	{"internal/bench", []string{"capture", "packet", "payload", "flowtable", "features", "output"}, false,
		"it measures the stages one by one, without the pipeline around them"},
	{"internal/telemetry", []string{"capture", "packet", "flowtable", "features", "detect", "output", "sensor"}, false,
		"it says what the books of a run say, which know nothing of it"},
	{"internal/*", nil, false, "small leaves import nothing of ours"},
	{"cmd/*", []string{"*"}, false, ""},
}

// matches says whether dir is what a directory of the table stands for.
func matches(pattern, dir string) bool {
	if parent, ok := strings.CutSuffix(pattern, "/*"); ok {
		return path.Dir(dir) == parent
	}
	return pattern == "*" || pattern == dir
}

// Imports point upstream only: capture, packet, flowtable, features, detect, output, sensor, config, cmd. Tests may
// import what they like, and so may packages whose name ends with "test", which only tests may import.
func TestImportsPointUpstream(t *testing.T) {
	for _, s := range sources(t) {
		if s.test {
			continue
		}
		i := slices.IndexFunc(pipeline, func(l layer) bool { return matches(l.packages, s.dir) })
		if i < 0 {
			t.Errorf("%s: package %s has no place in the pipeline; give it one in the table of this test", s.path, s.dir)
			continue
		}
		for imported, node := range s.imports() {
			if why := pipeline[i].refuse(imported); why != "" {
				t.Errorf("%s: %s must not import %s: %s", s.at(node), s.dir, imported, why)
			}
		}
	}
}

// refuse returns why packages of the layer may not import a path, or "".
func (l layer) refuse(imported string) string {
	dir, ours := strings.CutPrefix(imported, module+"/")
	switch {
	case ours && strings.HasSuffix(dir, "test"):
		return "it is for tests"
	case ours && !slices.ContainsFunc(l.may, func(pattern string) bool { return matches(pattern, dir) }):
		return l.why
	case !ours && l.stdOnly && strings.Contains(strings.Split(imported, "/")[0], "."):
		return "the core uses the standard library alone, so that every instruction on the packet path is ours to measure"
	}
	return ""
}

// Libraries and parts of the standard library that have one place.
func TestImportsHaveTheirPlace(t *testing.T) {
	for _, rule := range []struct {
		prefix string
		only   []string // directories and what is below, or files; nil: tests alone
		why    string
	}{
		{"github.com/spf13/viper", []string{"config"}, "there is one way from sources to values"},
		{"go.yaml.in/yaml", []string{"config"}, "there is one way from sources to values"},
		{"github.com/spf13/cobra", []string{"cmd"}, "flags belong to commands; packages take a Config"},
		{"github.com/spf13/pflag", []string{"cmd"}, "flags belong to commands; packages take a Config"},
		{"github.com/parquet-go/parquet-go", []string{"output", "flowfile"}, "what a file looks like is decided in one place"},
		{"github.com/oschwald/maxminddb-golang", []string{"report/geo"}, "what is asked of a database of addresses is decided in one place"},
		{"github.com/landlock-lsm/go-landlock", []string{"internal/privilege"}, "what a process gives up is decided in one place, and verified there"},
		{"kernel.org/pub/linux/libs/security/libcap", []string{"internal/privilege"},
			"what a process gives up is decided in one place, and verified there"},
		{"flag", []string{}, "flags belong to commands, which use cobra's; packages take a Config"},
		{"github.com/google/gopacket/layers", nil,
			"its GRE, DNS and Linux SLL layers panic on short input; it is the tests' second opinion on our decoder"},
		{"net/http", []string{"internal/telemetry", "report"}, "a sensor opens no ports and no connections but for metrics"},
		{"log", []string{}, "there is one logger, slog's, and cmd hands it out"},
		{"unsafe", []string{"capture/afpacket/status.go"}, "a wrong length must end in a bounds check, not in somebody else's memory; " +
			"the word by which the kernel and a ring's reader hand over a block is sync/atomic's, which takes no byte slice"},
	} {
		for _, s := range sources(t) {
			if s.test || s.inside(rule.only) {
				continue
			}
			for imported, node := range s.imports() {
				// log must not catch log/slog: a part of the standard library is meant alone.
				library := strings.Contains(rule.prefix, ".") || strings.Contains(rule.prefix, "/")
				if imported == rule.prefix || library && strings.HasPrefix(imported, rule.prefix+"/") {
					t.Errorf("%s: %s may be imported only in %s and in tests: %s", s.at(node), imported, places(rule.only), rule.why)
				}
			}
		}
	}
}

func places(dirs []string) string {
	if len(dirs) == 0 {
		return "no package"
	}
	return strings.Join(dirs, ", ")
}

// The table must refuse what it is there to refuse, whatever the tree looks like today.
func TestLayersRefuse(t *testing.T) {
	for _, test := range []struct {
		from, imported string
		refused        bool
	}{
		{"packet", module + "/flowtable", true},
		{"packet", "encoding/binary", false},
		{"packet", "golang.org/x/sys/unix", true},
		{"capture", module + "/capture/pcapfile", true},
		{"capture/pcapfile", module + "/capture", false},
		{"capture/pcapfile", module + "/capture/libpcap", true},
		{"capture/pcapfile", "github.com/klauspost/compress/zstd", false},
		{"flowtable", module + "/packet", false},
		{"flowtable", module + "/capture", true},
		{"output", module + "/sensor", true},
		{"sensor", module + "/config", true},
		{"sensor", module + "/output", false},
		{"sensor", module + "/internal/pcaptest", true},
		{"config", module + "/sensor", false},
		{"config", module + "/cmd/weir", true},
		{"cmd/weir", module + "/capture/pcapfile", false},
		{"internal/logging", module + "/config", true},
	} {
		i := slices.IndexFunc(pipeline, func(l layer) bool { return matches(l.packages, test.from) })
		if why := pipeline[i].refuse(test.imported); (why != "") != test.refused {
			t.Errorf("%s imports %s: got refusal %q, want refused %t", test.from, test.imported, why, test.refused)
		}
	}
}
