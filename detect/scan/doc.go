// Package scan finds those who look for what there is: sources whose first contacts fail. Whether a source is one of them
// is decided by the threshold random walk of Jung, Paxson, Berger and Balakrishnan (Fast Portscan Detection Using Sequential
// Hypothesis Testing, IEEE S&P 2004), kept above zero so that a host which begins to scan is seen as soon as a new one (Page's
// form of the test, Biometrika 41, 1954); the same source's distinct ports of one server stand beside it, because to the walk
// a server is one contact. Which kind of scan it was is said from the numbers of hosts and ports.
package scan
