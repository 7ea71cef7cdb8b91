package afpacket

import "errors"

// What keeps an interface from being opened, as far as callers have to tell it apart. The errors of Open and LinkType wrap
// these.
var (
	ErrNoInterface = errors.New("no such interface")
	ErrPermission  = errors.New("no permission to capture")
	ErrDown        = errors.New("interface is down")
	ErrLink        = errors.New("neither Ethernet nor raw IP")
)
