package postgres

import "syscall"

const (
	userTimeout  = 0x12   // TCP_USER_TIMEOUT of tcp(7), which package syscall does not name
	unheardMilli = 20_000 // what was sent and not acknowledged for so long breaks the connection
)

// control bounds how long the other machine may leave unacknowledged what was sent:
// the kernel's own bound is about a quarter of an hour.
func control(network, _ string, c syscall.RawConn) error {
	if network == "unix" {
		return nil
	}
	return c.Control(func(fd uintptr) {
		// Where it is refused, patience alone bounds the wait.
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, userTimeout, unheardMilli)
	})
}
