// Package flowtable keeps the open flows of one shard and turns packets into bidirectional flow records.
package flowtable
