package authtest

import (
	"testing"
)

func TestMemory(t *testing.T) {
	Run(t, func(*testing.T) Ports { return PortsOf(NewMemory()) })
}
