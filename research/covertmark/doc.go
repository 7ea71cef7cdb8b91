// Package covertmark does what the strategies of CovertMark (github.com/chongyangshi/CovertMark, a benchmark of how well
// pluggable transports hide) are documented to do, with the mistakes of its code put right: the entropy distribution of
// packets, an estimate of it by distinct bytes in sliding windows, clusters of packet lengths, and a linear classifier over
// window features. They are baselines, to be compared with on the same flows.
//
// What differs from the published code, and why:
//
//   - A payload's bytes are compared with the uniform distribution itself, and its block entropies with those of one fixed
//     sample of random blocks, not with one random string drawn for each packet: the same packet gives the same answer.
//   - With fewer than 8 blocks the tests have no power, so such a choice of sizes is left out; the code takes it, and then
//     calls English text random.
//   - The k-sample Anderson-Darling test is compared with the 10 % critical value of two samples; the code's own table is
//     too short for what it looks up, and fails.
//   - True and false positive rates are shares of the same kind: of the packets that are examined. The code divides false
//     positives by all packets.
//   - What is fitted (a cut-off, clusters, a classifier, the choice of sizes) is fitted to other servers than those judged.
//     The code measures on what it has fitted to, and sets one rate to what it should have been.
//   - A cut-off is a quantile as it is; the code rounds it down to 0.
//   - Clusters are taken from the most frequent to the least; the code takes them in another order than it says.
//   - Nothing depends on the clock: the score's penalty for running time is left out.
package covertmark
