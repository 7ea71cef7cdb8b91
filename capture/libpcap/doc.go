// Package libpcap is what weir has of libpcap, through gopacket: it compiles the filter text people know from tcpdump
// (pcap-filter(7)), and runs the program over frames wherever they came from.
package libpcap
