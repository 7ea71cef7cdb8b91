package netdev

import "os"

// Grant returns the command that lets whoever runs the program capture.
func Grant() string {
	program, err := os.Executable()
	if err != nil {
		program = "weir"
	}
	return "setcap cap_net_raw=ep " + program
}
