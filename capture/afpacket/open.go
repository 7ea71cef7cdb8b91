//go:build linux

package afpacket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/weir-sensor/weir/capture"
	"github.com/weir-sensor/weir/internal/netdev"
)

// LINKTYPE numbers of what can be captured here.
const (
	linkEthernet = 1
	linkRaw      = 101
)

// rawIP is ARPHRD_RAWIP of linux/if_arp.h, the interface of a cellular modem.
const rawIP = 519

// everything returns ETH_P_ALL in network byte order, as sockaddr_ll wants it.
func everything() uint16 { return binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}) }

// Open opens rings on an interface. All or none of them are open, and they capture from the same moment on, give or
// take microseconds. cfg must be valid. The interface is found in the network namespace of the calling thread, and the
// rings stay there.
func Open(name string, rings int, cfg Config, opt Options) ([]*Ring, error) {
	opened, err := open(name, rings, cfg, opt)
	if err != nil {
		for _, r := range opened {
			r.Close()
		}
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return opened, nil
}

// open returns what it has opened also with an error.
func open(name string, rings int, cfg Config, opt Options) (opened []*Ring, err error) {
	asker, err := netdev.OpenAsker()
	if err != nil {
		return nil, err
	}
	defer asker.Close()
	state, link, err := find(asker, name)
	if err != nil {
		return nil, err
	}
	if !state.Up {
		return nil, fmt.Errorf("%w; 'ip link set %s up' brings it up", ErrDown, name)
	}
	filter, err := socketFilter(opt.Filter, link, state.Hardware == unix.ARPHRD_LOOPBACK, cfg.Snaplen)
	if err != nil {
		return nil, err
	}
	for range rings {
		r := &Ring{name: name, index: state.Index, wait: cfg.Poll}
		r.stats.Interface = name
		if err := r.open(cfg, link, opt.Iface); err != nil {
			return opened, err
		}
		opened = append(opened, r)
	}
	if err := joinFanout(opened, link, opt.Seed); err != nil {
		return opened, err
	}
	for _, r := range opened {
		if err := attach(r.fd, filter); err != nil {
			return opened, fmt.Errorf("attach filter: %w", err)
		}
	}
	return opened, nil
}

// LinkType returns the LINKTYPE_ number of the frames of an interface, for which a filter is compiled before Open.
func LinkType(name string) (uint16, error) {
	asker, err := netdev.OpenAsker()
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", name, err)
	}
	defer asker.Close()
	_, link, err := find(asker, name)
	if err != nil {
		return 0, fmt.Errorf("open %s: %w", name, err)
	}
	return link, nil
}

// find returns an interface's state and the LINKTYPE number of its frames.
func find(asker *netdev.Asker, name string) (netdev.State, uint16, error) {
	state, err := asker.ByName(name)
	if errors.Is(err, unix.ENODEV) {
		return state, 0, fmt.Errorf("%w; there are %s", ErrNoInterface, netdev.Names())
	}
	if err != nil {
		return state, 0, err
	}
	link, err := linkType(state.Hardware)
	return state, link, err
}

// linkType returns the LINKTYPE number of an interface's frames.
func linkType(hardware int) (uint16, error) {
	switch hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK: // which has an Ethernet header of zeros
		return linkEthernet, nil
	case unix.ARPHRD_NONE, rawIP: // tun, WireGuard
		return linkRaw, nil
	}
	return 0, fmt.Errorf("its hardware type, %d, is %w; --engine pcap may know it", hardware, ErrLink)
}

// open opens a socket with a ring, which captures nothing yet. Nothing is left open after an error.
func (r *Ring) open(cfg Config, link, iface uint16) (err error) {
	r.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: it takes CAP_NET_RAW; run as root, or once '%s'", ErrPermission, netdev.Grant())
	}
	if err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	r.file, r.look = os.NewFile(uintptr(r.fd), "packet socket"), r.over
	defer func() {
		if err != nil {
			r.Close()
		}
	}()
	if r.conn, err = r.file.SyscallConn(); err != nil {
		return fmt.Errorf("open packet socket: %w", err)
	}
	if r.asker, err = netdev.OpenAsker(); err != nil {
		return err
	}
	r.queue = netdev.OpenBacklog()
	state, err := r.asker.ByIndex(r.index)
	if err != nil {
		return err
	}
	r.last = state.Lost
	if err := attach(r.fd, []bpf.Instruction{bpf.RetConstant{Val: 0}}); err != nil {
		return fmt.Errorf("attach filter: %w", err)
	}
	if err := r.timestamps(cfg); err != nil {
		return err
	}
	if err := r.share(cfg, link, iface); err != nil {
		return err
	}
	if err := unix.Bind(r.fd, &unix.SockaddrLinklayer{Protocol: everything(), Ifindex: r.index}); err != nil {
		return fmt.Errorf("bind to interface: %w", err)
	}
	if cfg.Promiscuous {
		m := unix.PacketMreq{Ifindex: int32(r.index), Type: unix.PACKET_MR_PROMISC}
		if err := unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &m); err != nil {
			return fmt.Errorf("make interface promiscuous: %w", err)
		}
	}
	return nil
}

// timestamps has the packets stamped by the network card where that is wanted: all of them, in case it stamps only some
// by itself. The kernel's own timestamps need no setting.
func (r *Ring) timestamps(cfg Config) error {
	if cfg.Timestamps != HardwareTimestamps {
		return nil
	}
	r.hardware = true
	all := unix.HwTstampConfig{Tx_type: unix.HWTSTAMP_TX_OFF, Rx_filter: unix.HWTSTAMP_FILTER_ALL}
	if err := unix.IoctlSetHwTstamp(r.fd, r.name, &all); err != nil {
		return fmt.Errorf("set hardware timestamps: %w; it takes CAP_NET_ADMIN and a network card that stamps every packet, "+
			"and 'timestamps: kernel' does without", err)
	}
	err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_TIMESTAMP, unix.SOF_TIMESTAMPING_RAW_HARDWARE)
	if err != nil {
		return fmt.Errorf("set hardware timestamps: %w", err)
	}
	return nil
}

// share makes the ring and maps it. Room for a VLAN tag is left before every frame.
func (r *Ring) share(cfg Config, link, iface uint16) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return fmt.Errorf("set TPACKET_V3: %w", err)
	}
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_RESERVE, tagLen); err != nil {
		return fmt.Errorf("reserve room for VLAN tags: %w", err)
	}
	const frame = BlockUnit // a frame's size means nothing with TPACKET_V3, but has to fit
	blocks := cfg.RingSize / cfg.BlockSize
	size := blocks * cfg.BlockSize
	request := unix.TpacketReq3{
		Block_size: uint32(cfg.BlockSize), Block_nr: uint32(blocks),
		Frame_size: frame, Frame_nr: uint32(size / frame),
		Retire_blk_tov: uint32(cfg.BlockTimeout / time.Millisecond),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &request); err != nil {
		return fmt.Errorf("allocate ring of %d bytes in blocks of %d: %w%s", size, cfg.BlockSize, err, memoryAdvice(err))
	}
	memory, err := unix.Mmap(r.fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map ring of %d bytes: %w%s", size, err, memoryAdvice(err))
	}
	r.blocks.init(memory, cfg.BlockSize, link, iface, cfg.Snaplen)
	return nil
}

func memoryAdvice(err error) string {
	if errors.Is(err, unix.ENOMEM) || errors.Is(err, unix.EAGAIN) {
		return "; each shard has a ring of its own: a smaller ring_size, fewer shards, or more memory (ulimit -v)"
	}
	return ""
}

// attach makes a program the socket's filter, in place of the one before.
func attach(fd int, program []bpf.Instruction) error {
	p, err := assemble(program)
	if err != nil {
		return err
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, p)
}

func assemble(program []bpf.Instruction) (*unix.SockFprog, error) {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return nil, fmt.Errorf("assemble program: %w", err)
	}
	code := make([]unix.SockFilter, len(raw))
	for i, in := range raw {
		code[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return &unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}, nil
}

var _ capture.Live = (*Ring)(nil)
