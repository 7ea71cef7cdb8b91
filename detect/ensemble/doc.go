// Package ensemble weighs what all detectors say, and ranks hosts by it.
//
// Each score becomes a conformal p-value: its place among the latest scores of the same detector for the same class of
// peers in which nothing was found. The p-values of a host are combined by the Cauchy combination, which holds also where
// detectors look at the same traffic. Alerts are combined by a noisy-OR, in which detectors that see the same thing count
// once. Where labelled captures were at hand, a logistic model over both, calibrated by Platt's sigmoid or isotonic
// regression on held-out cases and moved to the configured base rate, gives a probability; without one there is none.
//
// Sources: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), for conformal p-values; Hosking and
// Wallis (1987) for the tail; Liu and Xie (2020) for the Cauchy combination; Platt (1999) and Lin, Lin and Weng (2007);
// Ayer and others (1955) for pooling adjacent violators.
package ensemble
