package ensemble

import (
	"math/rand/v2"
	"testing"
)

// Lists of what several hosts' detectors said, some of them forgotten now and then, say what plain arrays say, and take no
// more room than what there was at most.
func TestSayingsAreAnArrayForEachHost(t *testing.T) {
	const hosts = 50
	random := rand.New(rand.NewPCG(1, 2))
	var l sayings
	var es [hosts]evidence
	var want [hosts][maxMembers]said
	most, lists := 0, 0
	for range 100_000 {
		h := random.IntN(hosts)
		if random.IntN(40) == 0 {
			for i := range want[h] {
				lists -= int(want[h][i].judged)
			}
			l.forget(&es[h])
			es[h], want[h] = evidence{}, [maxMembers]said{}
			continue
		}
		member := random.IntN(maxMembers)
		l.of(&es[h], member).judged = 1
		lists += 1 - int(want[h][member].judged)
		want[h][member].judged = 1
		most = max(most, lists)
		var got [maxMembers]said
		l.spread(&es[h], &got)
		for i := range got {
			if got[i].judged != want[h][i].judged {
				t.Fatalf("host %d, detector %d: got %d, want %d", h, i, got[i].judged, want[h][i].judged)
			}
		}
	}
	if len(l.all) > most {
		t.Errorf("room for %d sayings, but there were %d at most", len(l.all), most)
	}
}
