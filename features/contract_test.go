package features

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"testing"
	"time"
)

// The text was written by hand from the meaning of the features.
func TestContractByHand(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Groups = []string{"psh"}
	cfg.Segment = 30 * time.Second
	want := `{"of":"weir.window.v1","version":1,"features":[{"name":"push_ratio_up","unit":"share"},` +
		`{"name":"push_ratio_down","unit":"share"},{"name":"up_down_ratio","unit":"ratio"}],` +
		`"window":{"by":"pair","cut":"packets","packets":50,"segment_ns":30000000000,` +
		`"interval_bins_us":[0,1000,10000,100000,1000000],` +
		`"length_bins":[0,100,200,300,400,500,600,700,800,900,1000,1100,1200,1300,1400,1500]}}`
	got := cfg.Contract("weir.window.v1")
	if got.JSON() != want {
		t.Errorf("got  %s\nwant %s", got.JSON(), want)
	}
	sum := sha256.Sum256([]byte(want))
	if got.Hash() != hex.EncodeToString(sum[:]) {
		t.Errorf("hash: got %s, want that of the text", got.Hash())
	}
}

// What changes the numbers changes the contract, and nothing else does.
func TestContractChanges(t *testing.T) {
	was := DefaultConfig().Contract("x").Hash()
	for name, change := range map[string]func(*Config){
		"by":      func(c *Config) { c.By = ByFlow },
		"cut":     func(c *Config) { c.Cut = CutTime },
		"packets": func(c *Config) { c.Packets++ },
		"segment": func(c *Config) { c.Segment++ },
		"groups":  func(c *Config) { c.Groups = c.Groups[1:] },
	} {
		cfg := DefaultConfig()
		change(&cfg)
		if cfg.Contract("x").Hash() == was {
			t.Errorf("%s: the contract stayed", name)
		}
	}
	cfg := DefaultConfig()
	cfg.Enabled, cfg.MaxPairs, cfg.Clients = true, 7, []string{"10.0.0.0/8"}
	slices.Reverse(cfg.Groups)
	if cfg.Contract("x").Hash() != was {
		t.Error("the contract changed with what does not change the features")
	}
}
