// Package sensor is the pipeline: one reader deals the packets of a source out to shards by host pair, each shard
// decodes its packets and keeps their flows, and a merger brings the shards' records into one order for the sinks.
//
//	Source ──batch──▶ reader ──batch──▶ shard 0 ┐
//	                    ▲    ──batch──▶ shard 1 ┼──records──▶ merger ──▶ Sink
//	                    └──── empty batches ────┘
//
// A batch goes to all shards, which read their own packets in it, and back to the reader when the last has done so.
// Nothing that is written depends on the number of shards or the size of batches, while no table is full.
package sensor
