package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/capture/pcapfile"
	"github.com/weir-sensor/weir/internal/bench"
)

const benchHelp = `bench holds a capture in memory and times the stages of the pipeline on one core:

  read      find the packets in the file, which is in the page cache
  decode    headers of every packet
  table     decode, and the flow table
  output    decode, table, and records formatted as NDJSON to nowhere
  entropy   decode, and a bare loop: histogram and entropy of every TCP payload
  features  decode, table, all flow features and all window features
  all       the same, and both formatted as NDJSON to nowhere

Read is by itself, and entropy is the floor that features are compared with.`

// maxMemory is the most that --memory may be, MiB.
const maxMemory = 1 << 20

func newBench(a *app) *cobra.Command {
	var rounds, mebibytes int
	cmd := &cobra.Command{
		Use:   "bench PATH...",
		Short: "Measure the stages of the pipeline over a capture",
		Long:  benchHelp,
		Args: func(cmd *cobra.Command, args []string) error {
			if slices.Contains(args, "-") {
				return usagef("standard input cannot be read more than once, want files or directories")
			}
			return someCaptures(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			loaded, err := a.load(cmd)
			if err != nil {
				return err
			}
			if rounds < 1 || mebibytes < 1 || mebibytes > maxMemory {
				return usagef("--rounds, --memory: got %d and %d, want 1 or more, and 1 to %d MiB", rounds, mebibytes, maxMemory)
			}
			if c := loaded.Config.Capture; c.Filter != "" || c.Dedup {
				return usagef("capture.filter, capture.dedup: bench measures neither, want them off")
			}
			opt, err := pipeline(loaded.Config, nil)
			if err != nil {
				return err
			}
			open := func() (capture.Source, error) { return openCaptures(args, pcapfile.Options{}) }
			result, err := bench.Run(open, bench.Options{
				Flow: opt.Flow, Windows: loaded.Config.Window, Decode: opt.Decode, Rounds: rounds, MaxBytes: int64(mebibytes) << 20, Now: time.Now,
			})
			if err != nil {
				return err
			}
			return a.print([]byte(benchText(result)))
		},
	}
	cmd.Flags().IntVar(&rounds, "rounds", 5, "Time each stage `n` times and report the median")
	cmd.Flags().IntVar(&mebibytes, "memory", 4096, "Hold at most this many `MiB` of packets in memory")
	wants(cmd.Flags(), "rounds", "1 or more")
	wants(cmd.Flags(), "memory", fmt.Sprintf("1 to %d MiB", maxMemory))
	return cmd
}

func benchText(r *bench.Result) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stage\tpackets/s\tGbit/s\tns/packet\tallocs/packet\t")
	for _, s := range r.Stages {
		fmt.Fprintf(t, "%s\t%.0f\t%.2f\t%.1f\t%.6f\t\n", s.Name, s.PacketsPerS, s.GbitPerS, s.NsPerPacket, s.AllocsPerPacket)
	}
	_ = t.Flush() // into a string: it cannot fail
	fmt.Fprintf(&b, "%d packets, %d bytes on the wire, %d records, at most %d flows open, %.0f bytes of memory for an open flow\n",
		r.Packets, r.WireBytes, r.Flows, r.OpenFlows, r.BytesPerFlow)
	if floor := r.Seconds(bench.Entropy); floor > 0 {
		fmt.Fprintf(&b, "features take %.2f times what entropy takes, all %.2f times what output takes\n",
			r.Seconds(bench.Features)/floor, r.Seconds(bench.All)/r.Seconds(bench.Output))
	}
	if r.Left {
		b.WriteString("the capture is larger than --memory: only its beginning was used\n")
	}
	return b.String()
}
